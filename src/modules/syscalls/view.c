/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "modules/syscalls/view.h"

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

/* ---- which row ---------------------------------------------------------------------------- */

/* What is looked for, and what is in the tree, begins with what it is by. */
struct node {
	unsigned by;
	size_t row;
	const struct owner *owner;
	uint16_t call;
};

static int compare_nodes(const void *left, const void *right)
{
	const struct node *a = left, *b = right;
	int order = 0;

	if (a->by & BY_CALL)
		order = COMPARE(a->call, b->call);
	return order ? order : owners_compare(a->owner, b->owner, a->by);
}

struct making {
	struct view view;
	size_t room;
	void *tree;
};

static struct view_row *find_row(struct making *making, const struct account *account)
{
	struct node wanted = { .by = making->view.by,
			       .row = making->view.count,
			       .owner = account->owner,
			       .call = account->call };
	struct node *const *found = tfind(&wanted, &making->tree, compare_nodes);
	struct node *node;

	if (found) {
		struct view_row *row = &making->view.rows[(*found)->row];

		if (owner_is_newer(account->owner, row->owner))
			row->owner = account->owner;
		return row;
	}
	if (making->view.count == making->room) {
		size_t room = making->room ? 2 * making->room : 64;
		struct view_row *rows = reallocarray(making->view.rows, room, sizeof(*rows));

		if (!rows)
			return NULL;
		making->view.rows = rows;
		making->room = room;
	}
	node = malloc(sizeof(*node));
	if (!node)
		return NULL;
	*node = wanted;
	if (!tsearch(node, &making->tree, compare_nodes)) {
		free(node);
		return NULL;
	}
	making->view.rows[wanted.row] =
		(struct view_row){ .owner = account->owner, .call = account->call };
	making->view.count++;
	return &making->view.rows[wanted.row];
}

/* ---- sums --------------------------------------------------------------------------------- */

/* Makes room for one at `place`; as long as they are collected, they are in order of the error. */
static int insert_kind(struct view_row *row, size_t place, uint16_t error)
{
	enum { STEP = 8 };
	struct view_kind *kinds = row->kinds;

	if (row->kind_count % STEP == 0) {
		kinds = reallocarray(kinds, row->kind_count + STEP, sizeof(*kinds));
		if (!kinds)
			return -ENOMEM;
		row->kinds = kinds;
	}
	memmove(&kinds[place + 1], &kinds[place], (row->kind_count - place) * sizeof(*kinds));
	kinds[place] = (struct view_kind){ .error = error };
	row->kind_count++;
	return 0;
}

static int add_error(struct view_row *row, uint16_t error, uint64_t count)
{
	size_t low = 0, high = row->kind_count;
	int r = 0;

	row->errors += count;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (row->kinds[middle].error < error)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == row->kind_count || row->kinds[low].error != error)
		r = insert_kind(row, low, error);
	if (r == 0)
		row->kinds[low].count += count;
	return r;
}

static int add(struct view_row *row, const struct account *account, enum view_span span)
{
	const struct call_latency *latency =
		span == SPAN_ALL ? account->latency : account->latency_interval;
	uint64_t count = span == SPAN_ALL ? account->total : account->total - account->before;

	if (latency)
		latency_add(&row->latency, latency);
	if (account->error)
		return add_error(row, account->error, count);
	row->calls += count;
	return 0;
}

static bool is_empty(const struct account *account, enum view_span span)
{
	if (span == SPAN_ALL)
		return !account->total && !account->latency;
	return account->total == account->before && !account->latency_interval;
}

/* Those that the kernel could not tell apart stand last, with all that have no room in a report. */
static int compare_kinds(const void *left, const void *right)
{
	const struct view_kind *a = left, *b = right;
	int order = COMPARE(a->error == ERROR_UNKNOWN, b->error == ERROR_UNKNOWN);

	if (!order)
		order = COMPARE(b->count, a->count);
	return order ? order : COMPARE(a->error, b->error);
}

static void sort_kinds(struct view_row *row)
{
	if (row->kind_count)
		qsort(row->kinds, row->kind_count, sizeof(row->kinds[0]), compare_kinds);
	while (row->kind_count > VIEW_KINDS) {
		const struct view_kind *last = &row->kinds[--row->kind_count];
		struct view_kind *rest = &row->kinds[VIEW_KINDS - 1];

		rest->error = ERROR_UNKNOWN;
		rest->count += last->count;
	}
}

static uint64_t sorted_by(const struct view_row *row, enum view_sort sort)
{
	switch (sort) {
	case SORT_CALLS:
		return row->calls;
	case SORT_ERRORS:
		return row->errors;
	case SORT_TIME:
		return row->latency.total;
	case SORT_MAX:
		return row->latency.max;
	}
	return 0;
}

static int compare_rows(const void *left, const void *right, void *context)
{
	const struct view_row *a = left, *b = right;
	const enum view_sort *sort = context;
	int order = COMPARE(sorted_by(b, *sort), sorted_by(a, *sort));

	if (!order)
		order = COMPARE(b->calls, a->calls);
	if (!order)
		order = COMPARE(b->latency.total, a->latency.total);
	if (!order)
		order = strcmp(a->owner->command, b->owner->command);
	if (!order)
		order = COMPARE(a->owner->tgid, b->owner->tgid);
	return order ? order : COMPARE(a->call, b->call);
}

void view_sort(struct view *view, enum view_sort sort)
{
	if (view->count)
		qsort_r(view->rows, view->count, sizeof(*view->rows), compare_rows, &sort);
}

int view_sort_parse(const char *text, enum view_sort *ret_sort, struct error *error)
{
	static const char *const names[] = { [SORT_CALLS] = "calls",
					     [SORT_ERRORS] = "errors",
					     [SORT_TIME] = "time",
					     [SORT_MAX] = "max" };
	char quoted[QUOTE_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(text, names[i]) == 0) {
			*ret_sort = (enum view_sort)i;
			return 0;
		}
	return error_set(error, -EINVAL, "--sort %s: give calls, errors, time or max",
			 text_quote(text, quoted));
}

int view_make(const struct books *books, unsigned by, enum view_span span, struct view *ret_view)
{
	struct making making = { .view = { .by = by } };
	const struct account *account;
	int r = 0;

	for (const struct owner *owner = books_owners(books); owner; owner = owner->next)
		for (account = owner->accounts; r == 0 && account; account = account->next) {
			struct view_row *row;

			if (is_empty(account, span))
				continue;
			row = find_row(&making, account);
			r = row ? add(row, account, span) : -ENOMEM;
			if (r == 0)
				r = add(&making.view.sum, account, span);
		}
	tdestroy(making.tree, free);
	if (r < 0) {
		view_free(&making.view);
		return r;
	}
	for (size_t i = 0; i < making.view.count; i++)
		sort_kinds(&making.view.rows[i]);
	sort_kinds(&making.view.sum);
	view_sort(&making.view, SORT_CALLS);
	*ret_view = making.view;
	return 0;
}

void view_free(struct view *view)
{
	for (size_t i = 0; i < view->count; i++)
		free(view->rows[i].kinds);
	free(view->sum.kinds);
	free(view->rows);
	view->sum.kinds = NULL;
	view->rows = NULL;
	view->count = 0;
}
