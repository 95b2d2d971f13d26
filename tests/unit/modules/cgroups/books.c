/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "modules/cgroups/books.h"
#include "modules/cgroups/cpu_time.h"

static struct cgroup_table *table; /* as the kernel would fill it */

static int set_up(void **state)
{
	table = calloc(1, sizeof(*table));
	*state = group_books_new();
	return table && *state ? 0 : -1;
}

static int tear_down(void **state)
{
	free(table);
	group_books_free(*state);
	return 0;
}

static void add_calls(struct books *books, uint64_t id, uint64_t calls)
{
	*table = (struct cgroup_table){ .row_count = 1 };
	table->rows[7].id = id;
	table->rows[7].counts.calls = calls;
	assert_ok(group_books_add(books, table));
}

static void walk(struct books *books, uint64_t id, const char *path, uint64_t user)
{
	const struct cpu_time time = { .user = user };

	assert_ok(group_books_walk(books, id, path, &time));
}

static const struct group *find(const struct books *books, uint64_t id, enum group_kind kind)
{
	const struct group *group;

	for (size_t i = 0; (group = group_books_group(books, i)); i++)
		if (group->id == id && group->kind == kind)
			return group;
	return NULL;
}

static void tables_add_up(void **state)
{
	add_calls(*state, 5, 10);
	add_calls(*state, 3, 1);
	add_calls(*state, 5, 4);
	assert_int_equal(find(*state, 5, GROUP_CGROUP)->total.counts.calls, 14);
	assert_int_equal(find(*state, 3, GROUP_CGROUP)->total.counts.calls, 1);
	assert_null(group_books_group(*state, 2));
}

static void what_had_no_room_is_a_group(void **state)
{
	*table = (struct cgroup_table){ .folded = { .faults = 9 } };
	assert_ok(group_books_add(*state, table));
	add_calls(*state, CGROUP_IDLE, 2);
	assert_int_equal(find(*state, CGROUP_UNKNOWN, GROUP_UNKNOWN)->total.counts.faults, 9);
	assert_non_null(find(*state, CGROUP_IDLE, GROUP_IDLE));
}

static void time_is_that_of_a_cgroup_alone(void **state)
{
	group_books_begin_walk(*state);
	walk(*state, 1, "/", 1000);
	walk(*state, 2, "/a", 600);
	walk(*state, 3, "/a/b", 500);
	walk(*state, 4, "/ab", 50);
	group_books_end_walk(*state, true);
	/* What was used before the first look does not count. */
	assert_int_equal(find(*state, 1, GROUP_CGROUP)->total.user, 0);
	group_books_begin_walk(*state);
	walk(*state, 1, "/", 1100);
	walk(*state, 2, "/a", 660);
	walk(*state, 3, "/a/b", 520);
	walk(*state, 5, "/a/b/new", 15);
	walk(*state, 4, "/ab", 51);
	group_books_end_walk(*state, true);
	assert_int_equal(find(*state, 1, GROUP_CGROUP)->total.user, 100 - 60 - 1);
	assert_int_equal(find(*state, 2, GROUP_CGROUP)->total.user, 60 - 20);
	assert_int_equal(find(*state, 3, GROUP_CGROUP)->total.user, 20 - 15);
	assert_int_equal(find(*state, 5, GROUP_CGROUP)->total.user, 15);
	assert_int_equal(find(*state, 4, GROUP_CGROUP)->total.user, 1);
}

static void begin(struct books *books)
{
	group_books_begin_walk(books);
	walk(books, 1, "/", 0);
	walk(books, 2, "/a", 0);
	walk(books, 3, "/a/b", 0);
	group_books_end_walk(books, true);
}

static void the_removed_are_folded_into_the_one_above(void **state)
{
	const struct group *gone;

	begin(*state);
	add_calls(*state, 3, 33);
	assert_ok(group_books_name(*state, 9, "/a/b/c"));
	add_calls(*state, 9, 9);
	group_books_begin_walk(*state);
	walk(*state, 1, "/", 0);
	walk(*state, 2, "/a", 0);
	group_books_end_walk(*state, true);
	/* It is told of once by its name. */
	assert_false(find(*state, 3, GROUP_CGROUP)->there);
	assert_ok(group_books_close_interval(*state));
	assert_null(find(*state, 3, GROUP_CGROUP));
	assert_null(find(*state, 9, GROUP_CGROUP));
	gone = find(*state, 2, GROUP_GONE);
	assert_non_null(gone);
	assert_int_equal(gone->total.counts.calls, 42);
	assert_int_equal(gone->before.counts.calls, 42);
	assert_string_equal(gone->path, "/a");
	/* And when that goes, all is of the root. */
	group_books_begin_walk(*state);
	walk(*state, 1, "/", 0);
	group_books_end_walk(*state, true);
	assert_ok(group_books_close_interval(*state));
	assert_null(find(*state, 2, GROUP_GONE));
	assert_int_equal(find(*state, 1, GROUP_GONE)->total.counts.calls, 42);
	assert_string_equal(find(*state, 1, GROUP_GONE)->path, "/");
}

static void none_is_gone_that_could_not_be_looked_for(void **state)
{
	begin(*state);
	group_books_begin_walk(*state);
	walk(*state, 1, "/", 0);
	group_books_end_walk(*state, false);
	assert_true(find(*state, 3, GROUP_CGROUP)->there);
}

static void paths_are_compared_by_their_parts(void **state)
{
	assert_true(path_is_under("/a/b", "/a"));
	assert_true(path_is_under("/a", "/a"));
	assert_true(path_is_under("/a", "/"));
	assert_true(path_is_under("/", "/"));
	assert_false(path_is_under("/ab", "/a"));
	assert_false(path_is_under("/", "/a"));
}

static void cpu_stat_is_read(void **state)
{
	struct cpu_time time;

	cpu_time_parse("usage_usec 30\nuser_usec 10\nsystem_usec 20\nnr_periods 0\n", &time);
	assert_int_equal(time.user, 10);
	assert_int_equal(time.system, 20);
	cpu_time_parse("", &time);
	assert_int_equal(time.user + time.system, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tables_add_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_had_no_room_is_a_group, set_up, tear_down),
		cmocka_unit_test_setup_teardown(time_is_that_of_a_cgroup_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_removed_are_folded_into_the_one_above, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(none_is_gone_that_could_not_be_looked_for, set_up,
						tear_down),
		cmocka_unit_test(paths_are_compared_by_their_parts),
		cmocka_unit_test(cpu_stat_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
