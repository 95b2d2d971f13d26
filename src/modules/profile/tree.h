/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stacks put together from the outermost frame on: what a flame graph shows. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "modules/profile/functions.h"

struct tree_node {
	const struct function *function; /* of the root NULL */
	uint64_t self;                   /* ended here */
	uint64_t total;                  /* passed through here, `self` included */
	size_t depth;                    /* of the root 0 */
	struct tree_node *parent;
	struct tree_node *children; /* once sorted: by name */
	struct tree_node *next;
};

struct tree;

struct tree *tree_new(void);               /* NULL when out of memory */
struct tree *tree_free(struct tree *tree); /* NULL is fine; returns NULL */

/* Adds a stack, the outermost frame first. Frames that look the same are. -ENOMEM. */
int tree_add(struct tree *tree, const struct function *const *frames, size_t count, uint64_t value);

/* Puts children into an order that does not depend on the order of stacks. */
int tree_sort(struct tree *tree);

const struct tree_node *tree_root(const struct tree *tree);

/* The next in depth-first order, the parent first; NULL after the last. */
const struct tree_node *tree_next(const struct tree_node *node);
