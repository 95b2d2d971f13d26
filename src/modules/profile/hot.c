/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "modules/profile/hot.h"

struct hot {
	bool by_group;
	void *known;           /* tree of tsearch(3) */
	struct hot_row **rows; /* all */
	size_t count, room;
	uint64_t stacks; /* that were added */
};

static int compare(const void *left, const void *right)
{
	const struct hot_row *a = left, *b = right;

	if (a->function != b->function)
		return (uintptr_t)a->function > (uintptr_t)b->function ? 1 : -1;
	return ((uintptr_t)a->group > (uintptr_t)b->group) -
	       ((uintptr_t)a->group < (uintptr_t)b->group);
}

static struct hot_row *find(struct hot *hot, const struct function *group,
			    const struct function *function)
{
	const struct hot_row wanted = { .group = hot->by_group ? group : NULL,
					.function = function };
	struct hot_row *const *found = tfind(&wanted, &hot->known, compare);
	CLEANUP_FREE struct hot_row *row = NULL;

	if (found)
		return *found;
	if (hot->count == hot->room) {
		size_t room = hot->room ? 2 * hot->room : 256;
		void *larger = reallocarray(hot->rows, room, sizeof(struct hot_row *));

		if (!larger)
			return NULL;
		hot->rows = larger;
		hot->room = room;
	}
	row = malloc(sizeof(*row));
	if (!row)
		return NULL;
	*row = wanted;
	if (!tsearch(row, &hot->known, compare))
		return NULL;
	hot->rows[hot->count++] = row;
	return TAKE_PTR(row);
}

int hot_add(struct hot *hot, const struct named_stack *stack, uint64_t value, uint64_t count)
{
	struct hot_row *row = NULL;

	hot->stacks++;
	for (size_t i = 0; i < stack->count; i++) {
		bool last = i + 1 == stack->count;

		/* A stack of which only its owner is known has no other end. */
		if (stack->frames[i]->kind == FUNCTION_LABEL && !last)
			continue;
		row = find(hot, stack->frames[0], stack->frames[i]);
		if (!row)
			return -ENOMEM;
		if (row->stack != hot->stacks)
			row->total += value;
		row->stack = hot->stacks;
	}
	if (row) {
		row->self += value;
		row->count += count;
	}
	return 0;
}

static int compare_rows(const void *left, const void *right)
{
	const struct hot_row *a = *(const struct hot_row *const *)left;
	const struct hot_row *b = *(const struct hot_row *const *)right;
	int order;

	if (a->self != b->self)
		return a->self < b->self ? 1 : -1;
	if (a->total != b->total)
		return a->total < b->total ? 1 : -1;
	order = strcmp(a->function->name, b->function->name);
	return order || !a->group ? order : strcmp(a->group->name, b->group->name);
}

void hot_rows(struct hot *hot, const struct hot_row *const **ret_rows, size_t *ret_count)
{
	if (hot->count)
		qsort(hot->rows, hot->count, sizeof(struct hot_row *), compare_rows);
	*ret_rows = (const struct hot_row *const *)hot->rows;
	*ret_count = hot->count;
}

struct hot *hot_new(bool by_group)
{
	struct hot *hot = calloc(1, sizeof(*hot));

	if (hot)
		hot->by_group = by_group;
	return hot;
}

struct hot *hot_free(struct hot *hot)
{
	if (!hot)
		return NULL;
	tdestroy(hot->known, free);
	free(hot->rows);
	free(hot);
	return NULL;
}
