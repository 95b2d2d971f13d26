/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "observe/owners.h"

struct process {
	uint32_t tgid;
	uint64_t start;
	bool ended;
	struct owner *programs; /* the newest first */
};

struct owners {
	void *processes; /* trees of tsearch(3) */
	void *ended;     /* owners */
	size_t ended_count;
	struct owner *first;
	size_t count;
	size_t limit;
	struct owner_books books;
};

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_processes(const void *left, const void *right)
{
	const struct process *a = left, *b = right;
	int order = COMPARE(a->tgid, b->tgid);

	return order ? order : COMPARE(a->start, b->start);
}

static int compare_traits(const struct owner *a, const struct owner *b)
{
	int order = COMPARE(a->cgroup, b->cgroup);

	if (!order)
		order = COMPARE(a->user, b->user);
	return order ? order : strcmp(a->command, b->command);
}

static int compare_ended(const void *left, const void *right)
{
	const struct owner *a = left, *b = right;
	int order = COMPARE(a->kind, b->kind);

	return order ? order : compare_traits(a, b);
}

static struct owner *new_owner(struct owners *owners, const struct owner *like)
{
	struct owner *owner = malloc(sizeof(*owner));

	if (!owner)
		return NULL;
	*owner = *like;
	owner->next = owners->first;
	owners->first = owner;
	owners->count++;
	return owner;
}

/* Of those that are not one program: the one like `wanted`, made if there is none. */
static struct owner *find_ended(struct owners *owners, const struct owner *wanted)
{
	struct owner *const *found = tfind(wanted, &owners->ended, compare_ended);
	struct owner *owner = found ? *found : new_owner(owners, wanted);

	if (!found && owner && !tsearch(owner, &owners->ended, compare_ended))
		return NULL; /* stays in the list, with nothing in it */
	owners->ended_count += !found && owner;
	return owner;
}

static struct process *find_process(struct owners *owners, const struct process_row *row)
{
	struct process wanted = { .tgid = row->tgid, .start = row->start };
	struct process *const *found = tfind(&wanted, &owners->processes, compare_processes);
	struct process *process;

	if (found)
		return *found;
	process = malloc(sizeof(*process));
	if (!process)
		return NULL;
	*process = wanted;
	if (!tsearch(process, &owners->processes, compare_processes)) {
		free(process);
		return NULL;
	}
	return process;
}

struct owner *owners_program(struct owners *owners, const struct process_row *row)
{
	struct process *process = find_process(owners, row);
	struct owner wanted = { .kind = OWNER_PROGRAM,
				.tgid = row->tgid,
				.start = row->start,
				.parent = row->parent,
				.user = row->user,
				.cgroup = row->cgroup,
				.incarnation = row->incarnation,
				.process = process };
	struct owner *owner, **place;

	if (!process)
		return NULL;
	memcpy(wanted.command, row->command, sizeof(row->command));
	for (owner = process->programs; owner; owner = owner->older)
		if (compare_traits(owner, &wanted) == 0)
			return owner;
	/* The table of another CPU may have told of a later program before. */
	place = &process->programs;
	while (*place && (*place)->incarnation > wanted.incarnation)
		place = &(*place)->older;
	wanted.older = *place;
	owner = new_owner(owners, &wanted);
	if (owner)
		*place = owner;
	return owner;
}

struct owner *owners_find_living(const struct owners *owners, uint32_t tgid)
{
	for (struct owner *owner = owners->first; owner; owner = owner->next)
		if (owner->kind == OWNER_PROGRAM && owner->tgid == tgid && !owner->process->ended)
			return owner->process->programs;
	return NULL;
}

struct owner *owners_find_newest(const struct owners *owners, uint32_t tgid, uint64_t start)
{
	struct process wanted = { .tgid = tgid, .start = start };
	struct process *const *found = tfind(&wanted, &owners->processes, compare_processes);

	return found ? (*found)->programs : NULL;
}

struct owner *owners_unknown(struct owners *owners)
{
	const struct owner wanted = { .kind = OWNER_UNKNOWN };

	return find_ended(owners, &wanted);
}

/* ---- folding ------------------------------------------------------------------------------ */

/* Adds what a program did to what stands for all like it. */
static int fold(struct owners *owners, struct owner *owner)
{
	struct owner like = { .kind = OWNER_ENDED, .user = owner->user, .cgroup = owner->cgroup };
	struct owner *into;

	memcpy(like.command, owner->command, sizeof(like.command));
	if (owners->ended_count >= OWNERS_ENDED_MAX && !tfind(&like, &owners->ended, compare_ended))
		snprintf(like.command, sizeof(like.command), "%s", OWNERS_OTHERS);
	into = find_ended(owners, &like);
	return into ? owners->books.fold(owners->books.context, into, owner) : -ENOMEM;
}

/* Takes an owner out of its process; the process goes with the last. */
static void leave_process(struct owners *owners, const struct owner *owner)
{
	struct process *process = owner->process;
	struct owner **cursor = &process->programs;

	while (*cursor != owner)
		cursor = &(*cursor)->older;
	*cursor = owner->older;
	if (process->programs)
		return;
	tdelete(process, &owners->processes, compare_processes);
	free(process);
}

/* Whether nothing comes to it any more. */
static bool is_over(const struct owner *owner)
{
	return owner->kind == OWNER_PROGRAM &&
	       (owner->process->ended || owner != owner->process->programs);
}

int owners_fold(struct owners *owners)
{
	struct owner *rest = owners->first;
	int r = 0;

	owners->first = NULL;
	while (rest) {
		struct owner *owner = rest;

		rest = owner->next;
		if (r == 0 && is_over(owner)) {
			r = fold(owners, owner);
			if (r == 0) {
				leave_process(owners, owner);
				free(owner);
				owners->count--;
				continue;
			}
		}
		owner->next = owners->first;
		owners->first = owner;
	}
	return r;
}

int owners_fold_if_many(struct owners *owners, uint64_t *folded)
{
	size_t before = owners->count;
	int r;

	if (before <= owners->limit)
		return 0;
	r = owners_fold(owners);
	*folded += before - owners->count;
	return r;
}

void owners_end(struct owners *owners, const struct process_row *row)
{
	struct process wanted = { .tgid = row->tgid, .start = row->start };
	struct process *const *found = tfind(&wanted, &owners->processes, compare_processes);

	if (found)
		(*found)->ended = true;
}

void owners_end_dead(struct owners *owners, bool (*lives)(uint32_t tgid, uint64_t start))
{
	for (struct owner *owner = owners->first; owner; owner = owner->next)
		if (owner->kind == OWNER_PROGRAM && !owner->process->ended)
			owner->process->ended = !lives(owner->tgid, owner->start);
}

/* ---- rows of reports ---------------------------------------------------------------------- */

static int compare_process(const struct owner *a, const struct owner *b)
{
	int order = COMPARE(a->kind, b->kind);

	if (order || a->kind != OWNER_PROGRAM)
		return order;
	order = COMPARE(a->tgid, b->tgid);
	return order ? order : COMPARE(a->start, b->start);
}

int owners_compare(const struct owner *a, const struct owner *b, unsigned by)
{
	int order = 0;

	if (by & BY_PROCESS)
		order = compare_process(a, b);
	/* Of processes that have ended there is a row for each command. */
	if (!order && (by & BY_COMMAND || (by & BY_PROCESS && a->kind != OWNER_PROGRAM)))
		order = strcmp(a->command, b->command);
	if (!order && by & BY_CGROUP)
		order = COMPARE(a->cgroup, b->cgroup);
	if (!order && by & BY_USER)
		order = COMPARE(a->user, b->user);
	return order;
}

bool owner_is_newer(const struct owner *owner, const struct owner *other)
{
	for (; owner; owner = owner->older)
		if (owner->older == other)
			return true;
	return false;
}

/* ---- the registry ------------------------------------------------------------------------- */

struct owners *owners_new(size_t limit, const struct owner_books *books)
{
	struct owners *owners = calloc(1, sizeof(*owners));

	if (!owners)
		return NULL;
	owners->limit = limit;
	owners->books = *books;
	return owners;
}

static void free_nothing(void *node)
{
}

struct owners *owners_free(struct owners *owners)
{
	if (!owners)
		return NULL;
	tdestroy(owners->ended, free_nothing);
	tdestroy(owners->processes, free);
	while (owners->first) {
		struct owner *owner = owners->first;

		owners->first = owner->next;
		owners->books.drop(owners->books.context, owner);
		free(owner);
	}
	free(owners);
	return NULL;
}

struct owner *owners_first(const struct owners *owners)
{
	return owners->first;
}
