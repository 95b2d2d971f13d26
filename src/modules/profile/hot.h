/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much time functions took, alone and with all that they called. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "modules/profile/symbols.h"

struct hot_row {
	const struct function *group; /* NULL: of all together */
	const struct function *function;
	uint64_t self;  /* samples, or nanoseconds */
	uint64_t total; /* of stacks that it is in, however often */
	uint64_t count; /* of those in `self`: samples or waits */
	uint64_t stack; /* the last that it was counted for */
};

struct hot;

struct hot *hot_new(bool by_group);    /* NULL when out of memory */
struct hot *hot_free(struct hot *hot); /* NULL is fine; returns NULL */

/* Labels are no functions; a stack that has nothing else counts for the first. -ENOMEM. */
int hot_add(struct hot *hot, const struct named_stack *stack, uint64_t value, uint64_t count);

/* All rows, the most of their own first; valid until the next is added. */
void hot_rows(struct hot *hot, const struct hot_row *const **ret_rows, size_t *ret_count);
