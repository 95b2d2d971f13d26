/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stacks that the kernel told of, and how often each was met: since the beginning, and since
 * the last report. Pure; knows nothing of the kernel but the layout of profile.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules/profile/profile.h"

struct stack {
	uint64_t key;
	uint64_t incarnation; /* with tgid, which program of which process */
	uint64_t cgroup;
	uint64_t start_stack; /* see profile.h */
	uint32_t tgid;
	enum stack_kind kind;
	char command[STACK_COMMAND + 1];
	uint64_t count;
	uint64_t time; /* nanoseconds */
	uint64_t count_before, time_before;
	uint32_t kernel_frames, user_frames;
	struct stack *next;
	uint64_t frames[]; /* the kernel's first; each side from the innermost */
};

/*
 * Of samples: taken = filtered + counted + what is lost. Of times that a CPU was left:
 * the same with `ended` and `away` beside `filtered`.
 */
struct stack_ledger {
	uint64_t taken;
	uint64_t filtered;
	uint64_t counted;
	uint64_t ended;     /* threads that left for good */
	uint64_t away;      /* have not come back yet */
	uint64_t no_row;    /* lost: the kernel's table was full */
	uint64_t no_frames; /* lost: the ring was full, or there are too many stacks */
	uint64_t no_memory; /* lost: the kernel had none */
	uint64_t unpaired;  /* lost: the kernel did not run our program when they came back */
};

struct stacks;

/* Knows at most `limit`. NULL when out of memory. */
struct stacks *stacks_new(size_t limit);
struct stacks *stacks_free(struct stacks *stacks); /* NULL is fine; returns NULL */

/* 1 with *ret_stack when it is a new one, 0 when it is known; -ENOMEM, -ENOSPC. */
int stacks_learn(struct stacks *stacks, const struct stack_event *event,
		 const struct stack **ret_stack);

/* Adds a table of the kernel, whose stacks were all learnt before. */
void stacks_add(struct stacks *stacks, const struct stack_table *table);

/* And what each CPU counted beside it. */
void stacks_add_counters(struct stacks *stacks, const struct stack_counters *counters, size_t cpus);

const struct stack *stacks_first(const struct stacks *stacks); /* NULL: none */
const struct stack_ledger *stacks_ledger(const struct stacks *stacks);

/* After a report: a new interval begins. */
void stacks_close_interval(struct stacks *stacks);

void stack_ledger_subtract(const struct stack_ledger *now, const struct stack_ledger *before,
			   struct stack_ledger *ret_difference);
