/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel side of the profiler: loading it, and taking in what it found. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "bpf/selection.h"
#include "modules/profile/stacks.h"

enum { SAMPLER_HZ = 99 }; /* in no step with what happens a hundred times a second */

struct sampler_options {
	struct selection selection;
	bool self;    /* this process as well */
	bool off_cpu; /* what leaves the CPU, instead of what runs */
	uint32_t hz;
};

struct sampler;

/*
 * Loads and attaches. Of each stack that is new, `learn` is told, once, while its process most
 * likely still lives. NULL with the reason.
 */
struct sampler *sampler_new(const struct sampler_options *options,
			    void (*learn)(void *context, const struct stack *stack), void *context,
			    struct error *error);
struct sampler *sampler_free(struct sampler *sampler); /* NULL is fine; returns NULL */

/* "cpu-clock", "PMU cycles", "tp_btf sched_switch" */
const char *sampler_hook(const struct sampler *sampler);

/*
 * To be called whenever the descriptor is readable, and every second: takes in what is new, and
 * makes room where it gets scarce.
 */
int sampler_fd(const struct sampler *sampler);
void sampler_tick(struct sampler *sampler);

/* From now on nothing is found any more. */
void sampler_detach(struct sampler *sampler);

/* Adds everything until now to the stacks. */
void sampler_turn(struct sampler *sampler);

struct stacks *sampler_stacks(struct sampler *sampler);

/* To be called by a child that is to be followed; see observe/child.h. The context is a sampler. */
int sampler_follow_me(void *sampler);
uint64_t sampler_not_followed(const struct sampler *sampler);
