/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A view of the books, of an interval or of all: a row for each cgroup in the order in which it
 * is shown. As a tree, those beneath follow the one above, the busiest first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "modules/cgroups/books.h"

struct view_options {
	bool flat;                /* no tree: every cgroup by itself */
	bool total;               /* since the beginning */
	unsigned depth;           /* of the tree; 0: all */
	const char *const *paths; /* only these, and what is beneath them; NULL behind the last */
};

struct view_row {
	const struct group *group;
	unsigned depth;   /* in what is shown: 0 is at the left */
	struct usage own; /* of it alone */
	struct usage all; /* with all beneath it */
};

struct view {
	struct view_row *rows;
	size_t count;
	bool flat;
	struct usage sum; /* of all that is wanted, shown or not */
	/* What interfaces took and sent, each packet at each of them. */
	struct usage interfaces;
};

#define VIEW_NONE            \
	{                    \
		.rows = NULL \
	}

/* -ENOMEM. What the view points to is valid until the books are changed. */
int group_view_make(const struct books *books, const struct view_options *options,
		    struct view *ret_view);
void group_view_free(struct view *view); /* a second time is fine */

#define CLEANUP_VIEW __attribute__((cleanup(group_view_free)))
