/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "made.h"

#include <errno.h>

enum { READ = 0, WRITE = 1, EVERY_BY = 1 << 5, MANY = 1000 };

static void words_and_bits(void **state)
{
	char text[OWNER_BY_TEXT];
	unsigned by;

	for (unsigned bits = 1; bits < EVERY_BY; bits++) {
		assert_ok(owner_by_parse(owner_by_text(bits, text), &by, NULL));
		assert_int_equal(by, bits);
	}
	assert_ok(owner_by_parse("call,process,call", &by, NULL));
	assert_int_equal(by, BY_CALL | BY_PROCESS);
	assert_string_equal(owner_by_text(EVERY_BY - 1, text), "process,command,call,cgroup,user");
}

static void words_that_are_none(void **state)
{
	static const char *const rows[] = { "", ",", "calls", "process,thread", "Process" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error error = { "" };
		unsigned by = 77;

		assert_row(owner_by_parse(rows[i], &by, &error) == -EINVAL, rows[i]);
		assert_error_contains(&error, "process, command, call, cgroup");
		assert_int_equal(by, 77);
	}
}

static const struct view_row *find(const struct view *view, const char *command, uint16_t call)
{
	for (size_t i = 0; i < view->count; i++)
		if (strcmp(view->rows[i].owner->command, command) == 0 &&
		    (!(view->by & BY_CALL) || view->rows[i].call == call))
			return &view->rows[i];
	return NULL;
}

static void rows_by_what_is_asked(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);
	CLEANUP_VIEW struct view by_command = VIEW_NONE, by_call = VIEW_NONE, both = VIEW_NONE;

	made_calls(made, made_process(made, 10, 5, "cat"), READ, 0, 7);
	made_calls(made, made_process(made, 11, 5, "cat"), READ, 0, 3);
	made_calls(made, made_process(made, 12, 5, "ls"), READ, 0, 30);
	made_calls(made, 0, WRITE, 0, 100);
	made_calls(made, 0, WRITE, EIO, 9);
	made_calls(made, 1, WRITE, EPIPE, 10);
	made_add(made, books);
	assert_ok(view_make(books, BY_COMMAND, SPAN_ALL, &by_command));
	assert_int_equal(by_command.count, 2);
	assert_int_equal(by_command.rows[0].calls, 110); /* the most first */
	assert_int_equal(find(&by_command, "ls", 0)->calls, 30);
	assert_ok(view_make(books, BY_CALL, SPAN_ALL, &by_call));
	assert_int_equal(by_call.count, 2);
	assert_int_equal(by_call.rows[0].call, WRITE);
	assert_int_equal(by_call.rows[0].errors, 19);
	assert_int_equal(by_call.rows[0].kind_count, 2);
	assert_int_equal(by_call.rows[0].kinds[0].error, EPIPE); /* the most frequent first */
	assert_int_equal(by_call.rows[0].kinds[1].count, 9);
	assert_ok(view_make(books, BY_COMMAND | BY_CALL, SPAN_ALL, &both));
	assert_int_equal(both.count, 3);
	assert_int_equal(find(&both, "cat", READ)->calls, 10);
	assert_int_equal(both.sum.calls, 140);
	assert_int_equal(both.sum.errors, 19);
	assert_null(both.sum.owner);
}

static void rows_by_user_and_by_cgroup(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);
	CLEANUP_VIEW struct view users = VIEW_NONE, cgroups = VIEW_NONE, both = VIEW_NONE;

	for (uint16_t i = 0; i < 12; i++) {
		made_calls(made, made_process(made, 10 + i, 5, "cat"), READ, 0, 1);
		made->of[i].user = i % 3;
		made->of[i].cgroup = 1 + i % 4;
	}
	made_add(made, books);
	assert_ok(view_make(books, BY_USER, SPAN_ALL, &users));
	assert_ok(view_make(books, BY_CGROUP, SPAN_ALL, &cgroups));
	assert_ok(view_make(books, BY_USER | BY_CGROUP, SPAN_ALL, &both));
	assert_int_equal(users.count, 3);
	assert_int_equal(cgroups.count, 4);
	assert_int_equal(both.count, 12);
	assert_int_equal(users.rows[0].calls, 4);
	assert_int_equal(cgroups.rows[0].calls, 3);
}

/* What has ended goes by its command, beside those that live. */
static void ended_processes_have_a_row_for_each_command(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);
	CLEANUP_VIEW struct view view = VIEW_NONE;

	for (uint16_t i = 0; i < 6; i++) {
		made_calls(made, made_process(made, 10 + i, 5, i % 2 ? "cat" : "ls"), READ, 0, 1);
		made->of[i].user = i;
		if (i < 4)
			made_end(made, i);
	}
	made_add(made, books);
	made_add_ends(made, books);
	assert_ok(books_close_interval(books));
	assert_ok(view_make(books, BY_PROCESS, SPAN_ALL, &view));
	assert_int_equal(view.count, 4);
}

/* Only the last name of a process that changed it stands in its row. */
static void process_goes_by_what_it_is_now(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);
	CLEANUP_VIEW struct view view = VIEW_NONE;
	static const char *const names[] = { "first", "second", "third" };

	for (uint16_t i = 0; i < 3; i++)
		made_calls(made, made_process(made, 10, 5, names[i]), READ, 0, 1);
	made_add(made, books);
	assert_ok(view_make(books, BY_PROCESS, SPAN_ALL, &view));
	assert_int_equal(view.count, 1);
	assert_int_equal(view.rows[0].calls, 3);
	assert_string_equal(view.rows[0].owner->command, "third");
}

static void interval_and_whole(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);
	CLEANUP_VIEW struct view first = VIEW_NONE, second = VIEW_NONE, all = VIEW_NONE;

	made_latency(made, made_calls(made, made_process(made, 10, 5, "cat"), READ, 0, 7), 100, 7);
	made_calls(made, made_process(made, 11, 5, "ls"), READ, 0, 3);
	made_add(made, books);
	assert_ok(books_close_interval(books));
	assert_ok(view_make(books, BY_COMMAND, SPAN_INTERVAL, &first));
	assert_int_equal(first.count, 0);
	assert_int_equal(first.sum.calls, 0);
	made_clear(made);
	made_latency(made, made_calls(made, made_process(made, 10, 5, "cat"), READ, 0, 2), 300, 1);
	made_add(made, books);
	assert_ok(view_make(books, BY_COMMAND, SPAN_INTERVAL, &second));
	assert_int_equal(second.count, 1);
	assert_int_equal(second.rows[0].calls, 2);
	assert_int_equal(second.rows[0].latency.min, 300);
	assert_ok(view_make(books, BY_COMMAND, SPAN_ALL, &all));
	assert_int_equal(all.count, 2);
	assert_int_equal(all.sum.calls, 12);
	assert_int_equal(all.sum.latency.returned, 8);
	assert_int_equal(all.sum.latency.min, 100);
}

static void rows_in_the_order_that_is_asked_for(void **state)
{
	static const struct {
		const char *sort, *commands[3];
	} rows[] = {
		{ "calls", { "many", "slow", "fails" } },
		{ "errors", { "fails", "many", "slow" } },
		{ "time", { "slow", "fails", "many" } },
		{ "max", { "fails", "slow", "many" } },
	};
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);
	CLEANUP_VIEW struct view view = VIEW_NONE;
	struct error error = { "" };
	enum view_sort sort;

	made_latency(made, made_calls(made, made_process(made, 10, 5, "many"), READ, 0, 30), 10,
		     30);
	made_calls(made, 0, READ, EIO, 1);
	made_latency(made, made_calls(made, made_process(made, 11, 5, "slow"), READ, 0, 20), 100,
		     20);
	made_latency(made, made_calls(made, made_process(made, 12, 5, "fails"), READ, 0, 2), 500,
		     2);
	made_calls(made, 2, READ, EIO, 2);
	made_add(made, books);
	assert_ok(view_make(books, BY_COMMAND, SPAN_ALL, &view));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_ok(view_sort_parse(rows[i].sort, &sort, NULL));
		view_sort(&view, sort);
		for (size_t row = 0; row < 3; row++)
			assert_string_equal(view.rows[row].owner->command, rows[i].commands[row]);
	}
	assert_int_equal(view_sort_parse("name", &sort, &error), -EINVAL);
	assert_error_contains(&error, "--sort 'name': give calls, errors, time or max");
}

/* More kinds of errors than a report has room for: the rest is one, and none of the most frequent.
 */
static void many_kinds_of_errors(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);
	CLEANUP_VIEW struct view view = VIEW_NONE;

	made_calls(made, made_process(made, 10, 5, "cat"), READ, 0, 100);
	for (uint16_t error = 1; error < 40; error++)
		made_calls(made, 0, READ, error, 1);
	made_calls(made, 0, READ, 40, 1000);
	made_calls(made, 0, READ, 7, 10);
	made_add(made, books);
	assert_ok(view_make(books, BY_CALL, SPAN_ALL, &view));
	for (int of_all = 0; of_all < 2; of_all++) {
		const struct view_row *row = of_all ? &view.sum : &view.rows[0];

		assert_int_equal(row->errors, 1049);
		assert_int_equal(row->kind_count, VIEW_KINDS);
		assert_int_equal(row->kinds[0].error, 40);
		assert_int_equal(row->kinds[0].count, 1000);
		assert_int_equal(row->kinds[1].error, 7);
		assert_int_equal(row->kinds[1].count, 11);
		assert_int_equal(row->kinds[VIEW_KINDS - 1].error, ERROR_UNKNOWN);
		assert_int_equal(row->kinds[VIEW_KINDS - 1].count, 1049 - 1011 - (VIEW_KINDS - 3));
	}
}

/* ---- whatever it is by, the sum is the same --------------------------------------------- */

struct sums {
	uint64_t calls, errors, returned, time;
};

static void check_view(const struct books *books, unsigned by, enum view_span span,
		       const struct sums *expected)
{
	CLEANUP_VIEW struct view view = VIEW_NONE;
	struct sums sums = { 0 };

	assert_ok(view_make(books, by, span, &view));
	for (size_t i = 0; i < view.count; i++) {
		const struct view_row *row = &view.rows[i];

		sums.calls += row->calls;
		sums.errors += row->errors;
		sums.returned += row->latency.returned;
		sums.time += row->latency.total;
		if (i)
			assert_true(row->calls <= view.rows[i - 1].calls);
	}
	assert_memory_equal(&sums, expected, sizeof(sums));
	assert_int_equal(view.sum.calls, expected->calls);
	assert_int_equal(view.sum.errors, expected->errors);
	assert_int_equal(view.sum.latency.returned, expected->returned);
	assert_int_equal(view.sum.latency.total, expected->time);
}

/* One table with processes that come, go, and become something else. */
static void make_table(struct made *made, uint64_t *dice, struct sums *sums)
{
	static const char *const names[] = { "sh", "cat", "ls", "a\nb" };
	uint16_t processes = (uint16_t)(random_next(dice) % 40);

	made_clear(made);
	for (uint16_t i = 0; i < processes; i++) {
		uint64_t start = 1 + random_next(dice) % 3, rows = random_next(dice) % 6;

		made_process(made, 100 + (uint32_t)(random_next(dice) % 20), start,
			     names[random_next(dice) % ARRAY_SIZE(names)]);
		made->of[i].user = random_next(dice) % 3;
		made->of[i].cgroup = 1 + random_next(dice) % 3;
		if (random_next(dice) % 2)
			made_end(made, i);
		while (rows--) {
			uint16_t call = random_next(dice) % 5;
			uint16_t error = random_next(dice) % 3 ? 0 : 1 + random_next(dice) % 12;
			uint32_t count = 1 + (uint32_t)(random_next(dice) % 1000);
			uint16_t row = made_calls(made, i, call, error, count);

			if (error) {
				sums->errors += count;
				continue;
			}
			sums->calls += count;
			made_latency(made, row, 5, count);
			sums->returned += count;
			sums->time += 5ULL * count;
		}
	}
	if (random_next(dice) % 4 == 0) {
		made->folds.calls[3] = 11;
		made->folds.errors[3] = 2;
		made->table->seen += 11;
		sums->calls += 11;
		sums->errors += 2;
	}
}

static void every_view_has_the_same_sum(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	uint64_t dice = 20260101;

	for (int round = 0; round < 40; round++) {
		CLEANUP_BOOKS struct books *books = books_new(random_next(&dice) % 50);
		struct sums all = { 0 };

		for (int interval = 0; interval < 6; interval++) {
			struct sums sums = { 0 };

			for (int turn = 0; turn < 3; turn++) {
				make_table(made, &dice, &sums);
				made_add(made, books);
				made_add_ends(made, books);
			}
			all.calls += sums.calls;
			all.errors += sums.errors;
			all.returned += sums.returned;
			all.time += sums.time;
			for (unsigned by = 1; by < EVERY_BY; by++) {
				check_view(books, by, SPAN_INTERVAL, &sums);
				check_view(books, by, SPAN_ALL, &all);
			}
			assert_ok(books_close_interval(books));
		}
		assert_int_equal(books_ledger(books)->seen, books_ledger(books)->counted +
								    books_ledger(books)->unknown +
								    books_ledger(books)->filtered);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_and_bits),
		cmocka_unit_test(words_that_are_none),
		cmocka_unit_test(rows_by_what_is_asked),
		cmocka_unit_test(rows_by_user_and_by_cgroup),
		cmocka_unit_test(ended_processes_have_a_row_for_each_command),
		cmocka_unit_test(process_goes_by_what_it_is_now),
		cmocka_unit_test(interval_and_whole),
		cmocka_unit_test(rows_in_the_order_that_is_asked_for),
		cmocka_unit_test(many_kinds_of_errors),
		cmocka_unit_test(every_view_has_the_same_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
