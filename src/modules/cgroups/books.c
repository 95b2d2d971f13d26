/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "modules/cgroups/books.h"
#include "observe/cgroups.h"

struct books {
	struct group *groups; /* by id, and of one id by kind */
	size_t count, room;
	bool walked;   /* once at least: what was used before is known */
	uint64_t last; /* where the walk is; 0: at its beginning */
};

/* ---- usage -------------------------------------------------------------------------------- */

/* All of it are 64-bit words, and what wraps comes back when it is subtracted. */
_Static_assert(sizeof(struct usage) % sizeof(uint64_t) == 0, "usage is made of words");

void usage_add(struct usage *usage, const struct usage *more, int sign)
{
	uint64_t *words = (uint64_t *)usage;
	const uint64_t *others = (const uint64_t *)more;

	for (size_t i = 0; i < sizeof(*usage) / sizeof(*words); i++)
		words[i] += sign < 0 ? -others[i] : others[i];
}

bool usage_is_none(const struct usage *usage)
{
	const uint64_t *words = (const uint64_t *)usage;

	for (size_t i = 0; i < sizeof(*usage) / sizeof(*words); i++)
		if (words[i])
			return false;
	return true;
}

static void add_counts(struct usage *usage, const struct cgroup_counts *counts)
{
	const struct usage more = { .counts = *counts };

	usage_add(usage, &more, 1);
}

/* ---- groups ------------------------------------------------------------------------------- */

static int compare(const struct group *group, uint64_t id, enum group_kind kind)
{
	if (group->id != id)
		return group->id < id ? -1 : 1;
	return (int)group->kind - (int)kind;
}

/* The place of a group, or the one where it would stand. */
static size_t place_of(const struct books *books, uint64_t id, enum group_kind kind)
{
	size_t low = 0, high = books->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&books->groups[middle], id, kind) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static enum group_kind kind_of(uint64_t id)
{
	return id == CGROUP_IDLE         ? GROUP_IDLE
	       : id == CGROUP_UNKNOWN    ? GROUP_UNKNOWN
	       : id == CGROUP_INTERFACES ? GROUP_NO_SOCKET
					 : GROUP_CGROUP;
}

static int make_room(struct books *books)
{
	size_t room = books->room ? 2 * books->room : 64;
	struct group *groups;

	if (books->count < books->room)
		return 0;
	groups = reallocarray(books->groups, room, sizeof(*groups));
	if (!groups)
		return -ENOMEM;
	books->groups = groups;
	books->room = room;
	return 0;
}

/* Made if it is not there; NULL when out of memory. */
static struct group *find(struct books *books, uint64_t id, enum group_kind kind)
{
	size_t place = place_of(books, id, kind);
	struct group *group;

	if (place < books->count && compare(&books->groups[place], id, kind) == 0)
		return &books->groups[place];
	if (make_room(books) < 0)
		return NULL;
	group = &books->groups[place];
	memmove(group + 1, group, (books->count - place) * sizeof(*group));
	books->count++;
	*group = (struct group){ .id = id, .kind = kind, .there = true };
	return group;
}

static int set_path(struct group *group, const char *path)
{
	if (!group->path)
		group->path = strdup(path);
	return group->path ? 0 : -ENOMEM;
}

/* The cgroup of a path that is there; NULL when there is none. */
static struct group *find_path(const struct books *books, const char *path, size_t length)
{
	for (size_t i = 0; i < books->count; i++) {
		struct group *group = &books->groups[i];

		if (group->kind == GROUP_CGROUP && group->there && group->path &&
		    strncmp(group->path, path, length) == 0 && !group->path[length])
			return group;
	}
	return NULL;
}

/* What is above a cgroup and there; NULL: only the root, which nobody has seen. */
static struct group *find_above(const struct books *books, const char *path)
{
	size_t length = strlen(path);

	while (length > 1) {
		struct group *group;

		while (length && path[length - 1] != '/')
			length--;
		length -= length > 1;
		group = find_path(books, path, length);
		if (group)
			return group;
	}
	return NULL;
}

/* ---- coming and going --------------------------------------------------------------------- */

struct books *group_books_new(void)
{
	return calloc(1, sizeof(struct books));
}

struct books *group_books_free(struct books *books)
{
	if (!books)
		return NULL;
	for (size_t i = 0; i < books->count; i++)
		free(books->groups[i].path);
	free(books->groups);
	free(books);
	return NULL;
}

const struct group *group_books_group(const struct books *books, size_t index)
{
	return index < books->count ? &books->groups[index] : NULL;
}

/* ---- what the kernel counted -------------------------------------------------------------- */

bool path_is_under(const char *path, const char *above)
{
	size_t length = strlen(above);

	if (length && above[length - 1] == '/')
		length--;
	return strncmp(path, above, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

int group_books_add(struct books *books, const struct cgroup_table *table)
{
	static const struct cgroup_counts none;
	struct group *group;

	for (size_t i = 0; i < CGROUP_ROWS; i++) {
		const struct cgroup_row *row = &table->rows[i];

		if (!row->id)
			continue;
		group = find(books, row->id, kind_of(row->id));
		if (!group)
			return -ENOMEM;
		add_counts(&group->total, &row->counts);
	}
	if (memcmp(&table->folded, &none, sizeof(none)) == 0)
		return 0;
	group = find(books, CGROUP_UNKNOWN, GROUP_UNKNOWN);
	if (!group)
		return -ENOMEM;
	add_counts(&group->total, &table->folded);
	return 0;
}

int group_books_name(struct books *books, uint64_t id, const char *path)
{
	struct group *group = find(books, id, GROUP_CGROUP);

	return group ? set_path(group, path) : -ENOMEM;
}

/* ---- walks -------------------------------------------------------------------------------- */

void group_books_begin_walk(struct books *books)
{
	for (size_t i = 0; i < books->count; i++)
		books->groups[i].seen = false;
	books->last = 0;
}

static struct group *recall(struct books *books, uint64_t id)
{
	size_t place = place_of(books, id, GROUP_CGROUP);

	return id && place < books->count && books->groups[place].id == id ? &books->groups[place]
									   : NULL;
}

/* Those above come first: it is among the one before it and those above that. */
static struct group *find_above_in_walk(struct books *books, const char *path)
{
	struct group *above = recall(books, books->last);

	while (above && !path_is_under(path, above->path))
		above = recall(books, above->above);
	return above;
}

/*
 * The kernel counts for a cgroup what those beneath it used as well, those too that are gone. So
 * what one used since the last time is its own, and is taken from the one above.
 */
static void add_time(struct group *group, struct group *above, const struct cpu_time *time,
		     bool first)
{
	const struct cpu_time *before = first || group->known ? &group->time : NULL;
	struct usage used = { .user = (int64_t)(time->user - (before ? before->user : 0)),
			      .system = (int64_t)(time->system - (before ? before->system : 0)) };

	group->time = *time;
	group->known = true;
	if (first)
		return;
	usage_add(&group->total, &used, 1);
	if (above)
		usage_add(&above->total, &used, -1);
}

int group_books_walk(struct books *books, uint64_t id, const char *path,
		     const struct cpu_time *time)
{
	struct group *group = find(books, id, GROUP_CGROUP), *above;

	if (!group || set_path(group, path) < 0)
		return -ENOMEM;
	above = find_above_in_walk(books, path);
	group->above = above ? above->id : 0;
	group->seen = group->there = true;
	books->last = id;
	if (time)
		add_time(group, above, time, !books->walked);
	return 0;
}

void group_books_end_walk(struct books *books, bool complete)
{
	for (size_t i = 0; complete && i < books->count; i++) {
		struct group *group = &books->groups[i];

		if (group->kind == GROUP_CGROUP)
			group->there = group->seen;
	}
	books->walked = true;
}

/* ---- intervals ---------------------------------------------------------------------------- */

static int fold(struct books *books, const struct group *group)
{
	const struct group *above = group->path ? find_above(books, group->path) : NULL;
	struct usage total = group->total;
	struct group *gone = find(books, above ? above->id : CGROUP_ROOT, GROUP_GONE);

	if (!gone)
		return -ENOMEM;
	usage_add(&gone->total, &total, 1);
	/* It was told of as it was; only what comes later is of the account of the gone. */
	usage_add(&gone->before, &total, 1);
	above = find_path(books, "/", 1);
	for (size_t i = 0; i < books->count; i++)
		if (books->groups[i].id == gone->id && books->groups[i].kind == GROUP_CGROUP)
			above = &books->groups[i];
	return set_path(gone, above && above->path ? above->path : "/");
}

static void drop(struct books *books, size_t index)
{
	struct group *group = &books->groups[index];

	free(group->path);
	memmove(group, group + 1, (books->count - index - 1) * sizeof(*group));
	books->count--;
}

/* A group of the gone whose own cgroup went is one of those above. */
static bool is_to_be_folded(const struct books *books, const struct group *group)
{
	size_t place;

	if (group->kind == GROUP_CGROUP)
		return !group->there;
	if (group->kind != GROUP_GONE || group->id == CGROUP_ROOT)
		return false;
	place = place_of(books, group->id, GROUP_CGROUP);
	return place == books->count || compare(&books->groups[place], group->id, GROUP_CGROUP) ||
	       !books->groups[place].there;
}

int group_books_close_interval(struct books *books)
{
	for (size_t i = 0; i < books->count; i++)
		books->groups[i].before = books->groups[i].total;
	for (size_t i = books->count; i > 0; i--) {
		uint64_t id = books->groups[i - 1].id;
		enum group_kind kind = books->groups[i - 1].kind;
		struct group copy;

		if (!is_to_be_folded(books, &books->groups[i - 1]))
			continue;
		copy = books->groups[i - 1];
		if (fold(books, &copy) < 0)
			return -ENOMEM;
		/* A new group may stand before it now, and others elsewhere. */
		drop(books, place_of(books, id, kind));
		i = books->count + 1;
	}
	return 0;
}
