/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What follows from rows, right and wrong, and how it is told. */
#include "../unit.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "core/selftest.h"

static char page[1 << 14];

static int new_test(void **state)
{
	struct selftest *test = selftest_new(1000);

	if (test)
		test->module = "filter";
	*state = test;
	return test ? 0 : -1;
}

static int free_test(void **state)
{
	*state = selftest_free(*state);
	return 0;
}

static struct selftest_row *add(struct selftest *test, const char *what, uint64_t done,
				uint64_t counted)
{
	struct selftest_row *row = selftest_add(test, what);

	strcpy(row->by, "XDP native");
	row->done = done;
	row->counted = counted;
	return row;
}

static struct selftest_row *add_seen(struct selftest *test, const char *what, uint64_t done,
				     uint64_t counted, uint64_t kernel)
{
	struct selftest_row *row = add(test, what, done, counted);

	row->counter = "rx_packets";
	row->kernel = kernel;
	return row;
}

static void add_unable(struct selftest *test, const char *what, const char *why)
{
	struct selftest_row *row = add(test, what, 0, 0);

	row->unable = true;
	error_set(&row->note, 0, "%s", why);
}

static const char *text_of(const struct selftest *test)
{
	CLEANUP_FCLOSE FILE *file = fmemopen(page, sizeof(page), "w");

	selftest_text(test, file);
	fflush(file);
	for (const char *line = page; *line; line += strcspn(line, "\n") + 1) {
		size_t length = strcspn(line, "\n");

		assert_row(length <= 80, line);
		assert_row(!length || line[length - 1] != ' ', line);
	}
	return page;
}

static void assert_says(const char *part)
{
	if (!strstr(page, part))
		fail_msg("no '%s' in:\n%s", part, page);
}

static void every_number_must_be_the_same(void **state)
{
	static const struct {
		const char *what;
		uint64_t done, beside, counted, kernel;
		enum row_verdict verdict;
		int64_t error;
		bool seen;
	} rows[] = {
		{ "right", 1000, 0, 1000, 0, ROW_RIGHT, 0, false },
		{ "nothing", 0, 0, 0, 0, ROW_RIGHT, 0, true },
		{ "one too many", 1000, 0, 1001, 0, ROW_WRONG, 1, false },
		{ "one missed", 1000, 0, 999, 0, ROW_WRONG, -1, false },
		{ "all missed", 1000, 0, 0, 0, ROW_WRONG, -1000, false },
		{ "as the kernel", 1000, 0, 1000, 1000, ROW_RIGHT, 0, true },
		{ "the kernel saw fewer", 1000, 0, 1000, 999, ROW_WRONG, 1, true },
		{ "the kernel saw more", 1000, 0, 1000, 1002, ROW_WRONG, -2, true },
		{ "both saw fewer", 1000, 0, 998, 998, ROW_WRONG, -2, true },
		{ "both saw more", 1000, 0, 1003, 1003, ROW_WRONG, 3, true },
		{ "both saw more, explained", 1000, 3, 1003, 1003, ROW_RIGHT, 0, true },
		{ "explained, and missed", 1000, 3, 1000, 1003, ROW_WRONG, -3, true },
		{ "explained, and more", 1000, 3, 1004, 1003, ROW_WRONG, 1, true },
		{ "large", 1ULL << 40, 0, (1ULL << 40) + 1, 0, ROW_WRONG, 1, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct selftest_row row = { .done = rows[i].done,
					    .beside = rows[i].beside,
					    .counted = rows[i].counted,
					    .kernel = rows[i].kernel,
					    .counter = rows[i].seen ? "rx_packets" : NULL };
		int64_t error = 77;

		assert_row(selftest_judge(&row, &error) == rows[i].verdict, rows[i].what);
		assert_row(error == rows[i].error, rows[i].what);
		row.unable = true;
		assert_row(selftest_judge(&row, &error) == ROW_UNABLE, rows[i].what);
		assert_row(error == 0, rows[i].what);
	}
}

static void the_status_is_of_the_worst(void **state)
{
	struct selftest *test = *state;

	assert_int_equal(selftest_status(test), STATUS_UNABLE); /* it did nothing */
	add_unable(test, "opens", "no hook");
	assert_int_equal(selftest_status(test), STATUS_UNABLE);
	add(test, "calls", 10, 10);
	assert_int_equal(selftest_status(test), STATUS_OK); /* this kernel has no such hook */
	test->refused = STATUS_UNABLE;
	assert_int_equal(selftest_status(test), STATUS_UNABLE);
	test->refused = STATUS_FAILED;
	assert_int_equal(selftest_status(test), STATUS_FAILED);
	test->refused = STATUS_UNABLE;
	add(test, "faults", 10, 9);
	assert_int_equal(selftest_status(test), STATUS_FAILED);
	assert_int_equal(selftest_count(test, ROW_RIGHT), 1);
	assert_int_equal(selftest_count(test, ROW_WRONG), 1);
	assert_int_equal(selftest_count(test, ROW_UNABLE), 1);
}

static void a_page_where_all_is_right(void **state)
{
	struct selftest *test = *state;

	add_seen(test, "pass, IPv4", 1000, 1000, 1000);
	error_set(&add_seen(test, "pass, IPv6", 1000, 1002, 1002)->note, 0, "2 more for a reason");
	test->rows[1].beside = 2;
	add(test, "events", 3, 3);
	text_of(test);
	assert_says(": 1,000 of each\n\n");
	assert_says("\nXDP native; kernel: rx_packets\n"
		    "  pass, IPv4                        1,000      1,000      1,000       0\n"
		    "  pass, IPv6                        1,000      1,002      1,002       0\n"
		    "      2 more for a reason\n"
		    "\nXDP native\n"
		    "  events                                3          3          -       0\n"
		    "\nAll 3 numbers are right.\n");
}

static void a_page_with_wrong_numbers(void **state)
{
	struct selftest *test = *state;

	add_seen(test, "banned, IPv4", 1000000, 2000000, 1000000);
	add(test, "events", 10, 9);
	add(test, "opens", 10, 10);
	add_unable(test, "faults",
		   "no hook works, for a reason that takes many words to tell and "
		   "then more words");
	add_unable(test, "packets", "CAP_NET_RAW missing");
	add_unable(test, "switches",
		   "no hook works, for a reason that takes many words to tell "
		   "and then more words");
	text_of(test);
	assert_says(
		"\n! banned, IPv4                  1,000,000  2,000,000  1,000,000 +1,000,000\n");
	assert_says("\n! events                               10          9          -      -1\n");
	assert_says("\n  opens                                10         10          -       0\n");
	assert_says("\nnot counted here\n  faults\n  switches\n      no hook works, for");
	assert_says("\n  packets\n      CAP_NET_RAW missing\n");
	assert_says("\n2 of 3 numbers are wrong, marked with '!'.\n");
}

static void a_page_with_nothing(void **state)
{
	add_unable(*state, "opens", "CAP_BPF missing");
	text_of(*state);
	assert_says("of each\n\nnot counted here\n  opens\n      CAP_BPF missing\n"
		    "\nNothing could be counted.\n");
}

static void json_says_the_same(void **state)
{
	struct selftest *test = *state;
	json_t *object, *row;

	add_seen(test, "pass", 1000, 999, 1000)->beside = 1;
	add_unable(test, "opens", "no hook");
	object = selftest_json(test);
	assert_non_null(object);
	assert_int_equal(json_integer_value(json_object_get(object, "status")), 1);
	assert_int_equal(json_integer_value(json_object_get(object, "count")), 1000);
	row = json_array_get(json_object_get(object, "rows"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "module")), "filter");
	assert_string_equal(json_string_value(json_object_get(row, "verdict")), "wrong");
	assert_string_equal(json_string_value(json_object_get(row, "kernel_counter")),
			    "rx_packets");
	assert_int_equal(json_integer_value(json_object_get(row, "error")), -2);
	assert_int_equal(json_integer_value(json_object_get(row, "beside")), 1);
	assert_true(json_is_null(json_object_get(row, "note")));
	row = json_array_get(json_object_get(object, "rows"), 1);
	assert_string_equal(json_string_value(json_object_get(row, "verdict")), "unable");
	assert_string_equal(json_string_value(json_object_get(row, "note")), "no hook");
	assert_true(json_is_null(json_object_get(row, "done")));
	assert_true(json_is_null(json_object_get(row, "error")));
	json_decref(object);
}

/* ---- children --------------------------------------------------------------------------- */

static int add_one(struct selftest *test, struct error *error)
{
	add(test, "by a child", 5, 5);
	return error_set(error, -EPERM, "then it failed");
}

static int die(struct selftest *test, struct error *error)
{
	add(test, "by a child", 5, 5);
	raise(SIGKILL);
	return 0;
}

static void rows_of_a_child_are_there(void **state)
{
	struct selftest *test = *state;
	struct error error = { "" };

	assert_int_equal(selftest_apart(test, add_one, &error), -EPERM);
	assert_error_contains(&error, "then it failed");
	assert_int_equal(test->row_count, 1);
	assert_string_equal(test->rows[0].what, "by a child");
	assert_int_equal(selftest_apart(test, die, &error), -ECHILD);
	assert_error_contains(&error, "Killed");
	assert_int_equal(test->row_count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number_must_be_the_same),
		cmocka_unit_test_setup_teardown(the_status_is_of_the_worst, new_test, free_test),
		cmocka_unit_test_setup_teardown(a_page_where_all_is_right, new_test, free_test),
		cmocka_unit_test_setup_teardown(a_page_with_wrong_numbers, new_test, free_test),
		cmocka_unit_test_setup_teardown(a_page_with_nothing, new_test, free_test),
		cmocka_unit_test_setup_teardown(json_says_the_same, new_test, free_test),
		cmocka_unit_test_setup_teardown(rows_of_a_child_are_there, new_test, free_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
