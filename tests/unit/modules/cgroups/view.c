/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "modules/cgroups/show.h"
#include "modules/cgroups/view.h"

static const struct {
	uint64_t id;
	const char *path;
	uint64_t calls;
} cgroups[] = {
	{ 1, "/", 1 },      { 2, "/a", 10 },  { 3, "/a/x", 100 }, { 4, "/a-b", 1000 },
	{ 5, "/a/x/y", 5 }, { 6, "/a/z", 0 }, { 7, "/quiet", 0 },
};

static void add_calls(struct books *books, uint64_t id, uint64_t calls)
{
	CLEANUP_FREE struct cgroup_table *table = calloc(1, sizeof(*table));

	assert_non_null(table);
	table->rows[0] = (struct cgroup_row){ .id = id, .counts = { .calls = calls } };
	assert_ok(group_books_add(books, table));
}

static int set_up(void **state)
{
	struct books *books = group_books_new();

	group_books_begin_walk(books);
	for (size_t i = 0; i < ARRAY_SIZE(cgroups); i++)
		group_books_walk(books, cgroups[i].id, cgroups[i].path, NULL);
	group_books_end_walk(books, true);
	for (size_t i = 0; i < ARRAY_SIZE(cgroups); i++)
		if (cgroups[i].calls)
			add_calls(books, cgroups[i].id, cgroups[i].calls);
	add_calls(books, CGROUP_IDLE, 7);
	*state = books;
	return 0;
}

static int tear_down(void **state)
{
	group_books_free(*state);
	return 0;
}

/* "0 / 1116, 1 /a-b 1000": depth, path and what counts there. */
static void expect(const struct books *books, const struct view_options *options,
		   const char *expected)
{
	CLEANUP_VIEW struct view view = VIEW_NONE;
	char text[1024] = "";
	size_t used = 0;

	assert_ok(group_view_make(books, options, &view));
	for (size_t i = 0; i < view.count; i++) {
		const struct view_row *row = &view.rows[i];
		char name[GROUP_TEXT];

		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%s%u %s %llu", i ? ", " : "", row->depth,
			group_name(row->group, false, name),
			(unsigned long long)(options->flat ? row->own : row->all).counts.calls);
	}
	assert_string_equal(text, expected);
}

static void a_tree_has_sums_and_the_busiest_first(void **state)
{
	const struct view_options options = { .depth = 0 };

	expect(*state, &options,
	       "0 / 1116, 1 /a-b 1000, 1 /a 115, 2 /a/x 105, 3 /a/x/y 5, 0 (idle) 7");
}

static void a_tree_ends_where_it_is_to(void **state)
{
	const struct view_options options = { .depth = 2 };

	expect(*state, &options, "0 / 1116, 1 /a-b 1000, 1 /a 115, 0 (idle) 7");
}

static void only_some(void **state)
{
	const char *const paths[] = { "/a", NULL };
	const struct view_options options = { .paths = paths };

	expect(*state, &options, "0 /a 115, 1 /a/x 105, 2 /a/x/y 5");
}

static void flat(void **state)
{
	const struct view_options options = { .flat = true };

	expect(*state, &options, "0 /a-b 1000, 0 /a/x 100, 0 /a 10, 0 /a/x/y 5, 0 / 1, 0 (idle) 7");
}

static void an_interval_is_what_came_since(void **state)
{
	const struct view_options interval = { .flat = true },
				  all = { .flat = true, .total = true };

	assert_ok(group_books_close_interval(*state));
	add_calls(*state, 5, 2);
	expect(*state, &interval, "0 /a/x/y 2");
	expect(*state, &all, "0 /a-b 1000, 0 /a/x 100, 0 /a 10, 0 /a/x/y 7, 0 / 1, 0 (idle) 7");
}

static void add_traffic(struct books *books, uint64_t id, uint64_t in, uint64_t out)
{
	CLEANUP_FREE struct cgroup_table *table = calloc(1, sizeof(*table));

	assert_non_null(table);
	table->rows[0].id = id;
	table->rows[0].counts.in[TRAFFIC_UDP] = (struct traffic){ in, 100 * in };
	table->rows[0].counts.out[TRAFFIC_UDP] = (struct traffic){ out, 100 * out };
	assert_ok(group_books_add(books, table));
}

static const struct cgroup_counts *find_rest(const struct view *view)
{
	for (size_t i = 0; i < view->count; i++)
		if (view->rows[i].group->kind == GROUP_NO_SOCKET)
			return &view->rows[i].own.counts;
	return NULL;
}

static void what_no_socket_did_is_the_rest(void **state)
{
	const struct view_options options = { .total = true };
	CLEANUP_VIEW struct view view = VIEW_NONE;
	const struct cgroup_counts *rest;

	add_traffic(*state, 2, 10, 5);
	add_traffic(*state, 5, 1, 20);
	add_traffic(*state, CGROUP_INTERFACES, 30, 24);
	assert_ok(group_view_make(*state, &options, &view));
	rest = find_rest(&view);
	assert_non_null(rest);
	assert_int_equal(rest->in[TRAFFIC_UDP].packets, 19);
	assert_int_equal(rest->in[TRAFFIC_UDP].bytes, 1900);
	/* One was dropped on its way to an interface. */
	assert_int_equal(rest->out[TRAFFIC_UDP].packets, 0);
	assert_int_equal(rest->out[TRAFFIC_UDP].bytes, 0);
	assert_int_equal(view.sum.counts.in[TRAFFIC_UDP].packets, 30);
	assert_int_equal(view.sum.counts.out[TRAFFIC_UDP].packets, 25);
	assert_int_equal(view.interfaces.counts.out[TRAFFIC_UDP].packets, 24);
	/* The root has all beneath it, and not that. */
	assert_int_equal(view.rows[0].all.counts.in[TRAFFIC_UDP].packets, 11);
}

static void the_gone_stand_beneath_theirs(void **state)
{
	const struct view_options options = { .total = true };

	group_books_begin_walk(*state);
	for (size_t i = 0; i < ARRAY_SIZE(cgroups); i++)
		if (cgroups[i].id != 3 && cgroups[i].id != 5)
			group_books_walk(*state, cgroups[i].id, cgroups[i].path, NULL);
	group_books_end_walk(*state, true);
	expect(*state, &options,
	       "0 / 1116, 1 /a-b 1000, 1 /a 115, 2 /a/x (gone) 105, 3 /a/x/y (gone) 5, 0 (idle) 7");
	assert_ok(group_books_close_interval(*state));
	expect(*state, &options,
	       "0 / 1116, 1 /a-b 1000, 1 /a 115, 2 /a (gone beneath) 105, 0 (idle) 7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_tree_has_sums_and_the_busiest_first, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_tree_ends_where_it_is_to, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_some, set_up, tear_down),
		cmocka_unit_test_setup_teardown(flat, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_interval_is_what_came_since, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_no_socket_did_is_the_rest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_gone_stand_beneath_theirs, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
