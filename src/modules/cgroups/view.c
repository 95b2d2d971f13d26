/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "modules/cgroups/view.h"

struct node {
	struct view_row row;
	size_t above;              /* the number of the node above, or NONE */
	struct node *child, *next; /* the first beneath it; the next beneath the same */
};

#define NONE SIZE_MAX

/* ---- order -------------------------------------------------------------------------------- */

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

/* Byte by byte, a slash before all else: so those beneath follow the one above. */
static int compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (!*a || !*b)
		return COMPARE(*a != 0, *b != 0);
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return COMPARE((unsigned char)*a, (unsigned char)*b);
}

/* What has no path stands behind all, the gone behind the one that they were beneath. */
static int compare_groups(const struct group *a, const struct group *b)
{
	int order = COMPARE(!a->path, !b->path);

	if (!order && a->path)
		order = compare_paths(a->path, b->path);
	if (!order)
		order = COMPARE(a->kind, b->kind);
	return order ? order : COMPARE(a->id, b->id);
}

static int compare_nodes(const void *left, const void *right)
{
	const struct node *a = left, *b = right;

	return compare_groups(a->row.group, b->row.group);
}

static uint64_t traffic_of(const struct usage *usage)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < TRAFFIC_PROTOCOLS; i++)
		bytes += usage->counts.in[i].bytes + usage->counts.out[i].bytes;
	return bytes;
}

/* The busiest first; what is no cgroup last. */
static int compare_weight(const struct group *a, const struct usage *one, const struct group *b,
			  const struct usage *other)
{
	int order = COMPARE(a->kind >= GROUP_IDLE, b->kind >= GROUP_IDLE);

	if (!order)
		order = COMPARE(other->user + other->system, one->user + one->system);
	if (!order)
		order = COMPARE(other->counts.calls, one->counts.calls);
	if (!order)
		order = COMPARE(traffic_of(other), traffic_of(one));
	return order ? order : compare_groups(a, b);
}

static int compare_own(const void *left, const void *right)
{
	const struct view_row *a = left, *b = right;

	return compare_weight(a->group, &a->own, b->group, &b->own);
}

/* ---- the tree ----------------------------------------------------------------------------- */

static bool is_wanted(const struct group *group, const struct view_options *options)
{
	const char *const *path = options->paths;

	if (!path || !*path)
		return true;
	for (; group->path && *path; path++)
		if (path_is_under(group->path, *path))
			return true;
	return false;
}

/* Whether `above` is above it in the tree; both have paths. */
static bool belongs(const struct group *group, const struct group *above)
{
	return above->kind == GROUP_CGROUP && path_is_under(group->path, above->path);
}

static void insert(struct node **first, struct node *node)
{
	while (*first && compare_weight((*first)->row.group, &(*first)->row.all, node->row.group,
					&node->row.all) < 0)
		first = &(*first)->next;
	node->next = *first;
	*first = node;
}

/* What is sorted as above has the one above before it: among that of the former and its own. */
static size_t find_above(const struct node *nodes, size_t index)
{
	size_t above = index ? index - 1 : NONE;

	while (above != NONE && !belongs(nodes[index].row.group, nodes[above].row.group))
		above = nodes[above].above;
	return above;
}

/* Links them, the sums with all beneath; returns the first of those that have none above. */
static struct node *build(struct node *nodes, size_t count)
{
	struct node *first = NULL;

	for (size_t i = 0; i < count; i++)
		nodes[i].above = nodes[i].row.group->path ? find_above(nodes, i) : NONE;
	for (size_t i = count; i-- > 0;) {
		struct node *above = nodes[i].above == NONE ? NULL : &nodes[nodes[i].above];

		if (above)
			usage_add(&above->row.all, &nodes[i].row.all, 1);
		insert(above ? &above->child : &first, &nodes[i]);
	}
	return first;
}

static void emit(const struct node *node, unsigned depth, const struct view_options *options,
		 struct view *view)
{
	for (; node; node = node->next) {
		struct view_row *row = &view->rows[view->count];

		if (usage_is_none(&node->row.all) || (options->depth && depth >= options->depth))
			continue;
		*row = node->row;
		row->depth = depth;
		view->count++;
		emit(node->child, depth + 1, options, view);
	}
}

/* ---- what no socket did ------------------------------------------------------------------- */

static uint64_t subtract(uint64_t whole, uint64_t part)
{
	return whole > part ? whole - part : 0;
}

static void subtract_traffic(struct traffic *whole, const struct traffic *part)
{
	for (size_t i = 0; i < TRAFFIC_PROTOCOLS; i++) {
		whole[i].packets = subtract(whole[i].packets, part[i].packets);
		whole[i].bytes = subtract(whole[i].bytes, part[i].bytes);
	}
}

/*
 * What interfaces took and sent, without what sockets did. Never less than nothing: a packet that
 * reached many sockets was at an interface once, and one that was sent and dropped never.
 */
static void subtract_sockets(struct view_row *row, const struct usage *sockets)
{
	subtract_traffic(row->own.counts.in, sockets->counts.in);
	subtract_traffic(row->own.counts.out, sockets->counts.out);
	row->all = row->own;
}

/* ---- making it ---------------------------------------------------------------------------- */

static void fill(struct view_row *row, const struct group *group,
		 const struct view_options *options)
{
	*row = (struct view_row){ .group = group, .own = group->total };
	if (!options->total)
		usage_add(&row->own, &group->before, -1);
	row->all = row->own;
}

static void make_tree(struct node *nodes, size_t count, const struct view_options *options,
		      struct view *view)
{
	qsort(nodes, count, sizeof(*nodes), compare_nodes);
	emit(build(nodes, count), 0, options, view);
}

static void make_flat(const struct node *nodes, size_t count, struct view *view)
{
	for (size_t i = 0; i < count; i++)
		if (!usage_is_none(&nodes[i].row.own))
			view->rows[view->count++] = nodes[i].row;
	qsort(view->rows, view->count, sizeof(*view->rows), compare_own);
}

int group_view_make(const struct books *books, const struct view_options *options,
		    struct view *ret_view)
{
	CLEANUP_FREE struct node *nodes = NULL;
	struct view view = { .flat = options->flat };
	struct node *rest = NULL;
	size_t count = 0, all = 0;

	while (group_books_group(books, all))
		all++;
	nodes = calloc(all + 1, sizeof(*nodes));
	view.rows = calloc(all + 1, sizeof(*view.rows));
	if (!nodes || !view.rows) {
		group_view_free(&view);
		return -ENOMEM;
	}
	for (size_t i = 0; i < all; i++) {
		const struct group *group = group_books_group(books, i);

		if (!is_wanted(group, options))
			continue;
		fill(&nodes[count].row, group, options);
		if (group->kind == GROUP_NO_SOCKET)
			rest = &nodes[count++];
		else
			usage_add(&view.sum, &nodes[count++].row.own, 1);
	}
	if (rest) {
		view.interfaces = rest->row.own;
		subtract_sockets(&rest->row, &view.sum);
		usage_add(&view.sum, &rest->row.own, 1);
	}
	if (options->flat)
		make_flat(nodes, count, &view);
	else
		make_tree(nodes, count, options, &view);
	*ret_view = view;
	return 0;
}

void group_view_free(struct view *view)
{
	free(view->rows);
	*view = (struct view)VIEW_NONE;
}
