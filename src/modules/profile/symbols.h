/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From stacks of addresses to stacks of functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "modules/profile/functions.h"
#include "modules/profile/stacks.h"

enum profile_by { PROFILE_BY_COMMAND, PROFILE_BY_PROCESS, PROFILE_BY_CGROUP, PROFILE_BYS };

/* -EINVAL with what there is. */
int profile_by_parse(const char *text, enum profile_by *ret_by, struct error *error);
const char *profile_by_name(enum profile_by by);

enum { NAMED_FRAMES = 2 * STACK_FRAMES + 3 };

/* The outermost first; before it whose stack it is, and of a preempted one that it is. */
struct named_stack {
	const struct function *frames[NAMED_FRAMES];
	size_t count;
	bool complete; /* reaches where its thread began, as name_user() judges; kernel threads do
			*/
	bool unseen;   /* its program ended before it could be looked at */
};

struct symbols;

struct symbols *symbols_new(void);                     /* NULL when out of memory */
struct symbols *symbols_free(struct symbols *symbols); /* NULL is fine; returns NULL */

/* To be called when a stack is new, and its process alive if it can be. */
void symbols_see(struct symbols *symbols, const struct stack *stack);

/* And now and then, with the newest first: processes could be in the middle of an exec then. */
void symbols_see_again(struct symbols *symbols, const struct stack *stacks);

void symbols_name(struct symbols *symbols, const struct stack *stack, enum profile_by by,
		  struct named_stack *ret_named);

/* Whether the kernel keeps its addresses from us. */
bool symbols_kernel_hidden(struct symbols *symbols);
