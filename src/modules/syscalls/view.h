/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The books summed up by what somebody wants to see: a row for each process, command, system
 * call, cgroup, user, or for each combination of some. The sum over the rows is the same,
 * whatever they are by. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "modules/syscalls/books.h"

enum { VIEW_KINDS = 9 };

struct view_row {
	const struct owner *owner; /* one of those that the row is of */
	uint16_t call;             /* where it is by call */
	uint64_t calls;
	uint64_t errors;
	/* Which errors, the most frequent first, and last ERROR_UNKNOWN for all further ones. */
	struct view_kind {
		uint16_t error;
		uint64_t count;
	} * kinds;
	size_t kind_count; /* at most VIEW_KINDS */
	struct call_latency latency;
};

enum view_sort { SORT_CALLS, SORT_ERRORS, SORT_TIME, SORT_MAX };

struct view {
	unsigned by;
	struct view_row *rows; /* the most calls first, unless view_sort() was asked for others */
	size_t count;
	struct view_row sum; /* over all rows; its owner is NULL */
};

enum view_span {
	SPAN_INTERVAL, /* since the last report */
	SPAN_ALL,      /* since the beginning */
};

/* -ENOMEM; then *ret_view is untouched. */
int view_make(const struct books *books, unsigned by, enum view_span span, struct view *ret_view);
void view_sort(struct view *view, enum view_sort sort); /* the most first */

/* "calls", "errors", "time", "max". -EINVAL with these. */
int view_sort_parse(const char *text, enum view_sort *ret_sort, struct error *error);

void view_free(struct view *view);

#define VIEW_NONE                        \
	{                                \
		.rows = NULL, .count = 0 \
	}
#define CLEANUP_VIEW __attribute__((cleanup(view_free)))
