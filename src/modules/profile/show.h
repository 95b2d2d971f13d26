/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A profile as people and programs read it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "modules/profile/hot.h"
#include "modules/profile/symbols.h"
#include "modules/profile/tree.h"

/* What was made of the stacks of an interval, or of the whole time. */
struct profile {
	const char *hook;
	uint32_t hz;
	bool off_cpu; /* values are nanoseconds, else samples */
	bool total;   /* of the whole time */
	bool grouped; /* rows for each of `by` */
	enum profile_by by;
	uint64_t top;        /* rows */
	uint64_t elapsed;    /* nanoseconds */
	uint64_t value;      /* the sum */
	uint64_t preempted;  /* of which it had not left by itself */
	uint64_t user;       /* of processes, not of the kernel's own threads */
	uint64_t incomplete; /* of `user`: stacks that do not reach where their thread began */
	uint64_t unseen;     /* of `user`: of programs that ended before they could be looked at */
	struct stack_ledger ledger;
	bool kernel_hidden; /* addresses are kept from us */
	struct hot *hot;
	struct tree *tree;
};

#define PROFILE_NONE                      \
	{                                 \
		.hot = NULL, .tree = NULL \
	}

/* -ENOMEM. The fields up to `elapsed` and `ledger` are filled in before. */
int profile_make(struct profile *profile, const struct stacks *stacks, struct symbols *symbols);
void profile_free(struct profile *profile);
#define CLEANUP_PROFILE __attribute__((cleanup(profile_free)))

/* A table of the hottest functions; lines are cut to `width` columns unless it is 0. */
void profile_show_text(const struct profile *profile, size_t width, FILE *out);

/* "command;main;work 12": samples, or microseconds off the CPU; the kernel's end in _[k]. */
void profile_show_folded(const struct profile *profile, FILE *out);

/* A record of the whole, one for each function, and with `total` one for each stack. */
void profile_show_json(const struct profile *profile, FILE *out);

void profile_show_flame(const struct profile *profile, FILE *out);
