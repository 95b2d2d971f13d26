/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The books of the cgroup monitor: what each cgroup did itself, without those beneath it, since
 * the beginning and since the last report. Knows nothing of the kernel but the layout of its
 * tables.
 *
 * A cgroup that was removed is told of in the report of its time, and then folded: it goes on in
 * an account of all that is gone beneath the cgroup above it. So books stay as large as what
 * lives, nothing is lost, and the accounts sum up to what the host did.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules/cgroups/cgroups.h"

/* Of a CPU; as the kernel counts it for a cgroup and all beneath it. */
struct cpu_time {
	uint64_t user, system; /* microseconds */
};

/* What was done, once, or in a time: all can be added up and subtracted. */
struct usage {
	struct cgroup_counts counts;
	/*
	 * Microseconds. That of a cgroup is what is left when those beneath it are subtracted,
	 * which are read a moment later: it can be less than nothing by that, and the next makes up
	 * for it.
	 */
	int64_t user, system;
};

enum group_kind {
	GROUP_CGROUP,
	GROUP_GONE,    /* those beneath a cgroup that are no more and were told of */
	GROUP_IDLE,    /* CPUs that have nothing to do */
	GROUP_UNKNOWN, /* what the kernel's tables had no room for */
	/* What interfaces took and sent; in a view, of that what no socket did. */
	GROUP_NO_SOCKET,
};

struct group {
	uint64_t id;
	enum group_kind kind;
	char *path;           /* of GROUP_GONE the one above; NULL: not known */
	bool there;           /* when all were looked through the last time */
	uint64_t above;       /* the cgroup that it is in; 0: none that is seen */
	bool known;           /* `time` was read before */
	bool seen;            /* in the walk that is under way */
	struct cpu_time time; /* as it was read last */
	struct usage total;   /* since the beginning */
	struct usage before;  /* of which until the last report */
};

struct books;

struct books *group_books_new(void);                 /* NULL when out of memory */
struct books *group_books_free(struct books *books); /* NULL is fine; returns NULL */

/* Adds a table of the kernel. -ENOMEM: the books are wrong from now on, as for all below. */
int group_books_add(struct books *books, const struct cgroup_table *table);

/* A cgroup was made, now or some time ago. */
int group_books_name(struct books *books, uint64_t id, const char *path);

/*
 * A walk through all cgroups, those above first: begin, each of them, end. `time` is NULL where
 * the kernel does not tell it. The first says what was used before, which is not counted.
 */
void group_books_begin_walk(struct books *books);
int group_books_walk(struct books *books, uint64_t id, const char *path,
		     const struct cpu_time *time);
void group_books_end_walk(struct books *books, bool complete);

/* After a report: a new interval begins, and what is gone is folded. */
int group_books_close_interval(struct books *books);

/* All groups, by number; NULL behind the last. Valid until the books are changed. */
const struct group *group_books_group(const struct books *books, size_t index);

/* `sign` times `more` is added to `usage`; 1 or -1. */
void usage_add(struct usage *usage, const struct usage *more, int sign);
bool usage_is_none(const struct usage *usage);

/* Whether a path is this one, or beneath it. */
bool path_is_under(const char *path, const char *above);
