/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "made.h"

#include <errno.h>

enum { READ = 0, WRITE = 1, CLOSE = 3, MANY = 1000 };

static void rows_of_two_cpus_are_one(void **state)
{
	CLEANUP_MADE struct made *first = made_new(), *second = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);
	const struct owner *owner;

	made_calls(first, made_process(first, 10, 5, "cat"), READ, 0, 7);
	made_calls(second, made_process(second, 10, 5, "cat"), READ, 0, 4);
	made_calls(second, 0, WRITE, 0, 2);
	made_calls(second, 0, WRITE, EBADF, 1);
	made_add(first, books);
	made_add(second, books);
	assert_int_equal(count_owners(books), 1);
	owner = owner_of(books, OWNER_PROGRAM, "cat");
	assert_non_null(owner);
	assert_int_equal(owner->tgid, 10);
	assert_int_equal(owner->start, 5);
	assert_int_equal(total_of(owner, READ, 0), 11);
	assert_int_equal(total_of(owner, WRITE, 0), 2);
	assert_int_equal(total_of(owner, WRITE, EBADF), 1);
	assert_int_equal(books_ledger(books)->seen, 13);
	assert_int_equal(books_ledger(books)->counted, 13);
}

static void number_that_comes_again_is_another_process(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);

	made_calls(made, made_process(made, 10, 5, "cat"), READ, 0, 7);
	made_calls(made, made_process(made, 10, 9, "cat"), READ, 0, 3);
	made_end(made, 0);
	made_add(made, books);
	made_add_ends(made, books);
	assert_int_equal(count_owners(books), 2);
	assert_ok(books_close_interval(books));
	/* The second of them lives on. */
	assert_int_equal(total_of(owner_of(books, OWNER_ENDED, "cat"), READ, 0), 7);
	assert_int_equal(total_of(owner_of(books, OWNER_PROGRAM, "cat"), READ, 0), 3);
	assert_int_equal(owner_of(books, OWNER_PROGRAM, "cat")->start, 9);
}

static void exec_makes_another_program_of_the_same_process(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);
	const struct owner *shell, *cat;

	made_calls(made, made_process(made, 10, 5, "sh"), READ, 0, 7);
	made_process(made, 10, 5, "cat");
	made->of[1].incarnation = 6;
	made_calls(made, 1, READ, 0, 2);
	made_add(made, books);
	shell = owner_of(books, OWNER_PROGRAM, "sh");
	cat = owner_of(books, OWNER_PROGRAM, "cat");
	assert_int_equal(total_of(shell, READ, 0), 7);
	assert_int_equal(total_of(cat, READ, 0), 2);
	assert_ptr_equal(shell->process, cat->process);
	assert_ptr_equal(cat->older, shell);
	/* What it was before is over, although it lives. */
	assert_ok(books_close_interval(books));
	assert_null(owner_of(books, OWNER_PROGRAM, "sh"));
	assert_int_equal(total_of(owner_of(books, OWNER_ENDED, "sh"), READ, 0), 7);
	assert_null(owner_of(books, OWNER_PROGRAM, "cat")->older);
}

static void user_and_cgroup_make_other_programs_too(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);

	for (uint16_t i = 0; i < 3; i++) {
		made_calls(made, made_process(made, 10, 5, "sh"), READ, 0, 1);
		made->of[i].user = i == 1;
		made->of[i].cgroup = i == 2 ? 77 : 1;
	}
	made_add(made, books);
	assert_int_equal(count_owners(books), 3);
	assert_ok(books_close_interval(books));
	assert_int_equal(count_owners(books), 3);
	assert_int_equal(owner_of(books, OWNER_PROGRAM, "sh")->cgroup, 77);
}

/* All tables are added before it is asked who ended. */
static void end_on_one_cpu_and_calls_on_another(void **state)
{
	CLEANUP_MADE struct made *calls = made_new(), *end = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);

	made_calls(calls, made_process(calls, 10, 5, "cat"), READ, 0, 7);
	made_end(end, made_process(end, 10, 5, "cat"));
	made_add(end, books);
	made_add(calls, books);
	made_add_ends(end, books);
	made_add_ends(calls, books);
	/* It is told of in the report of its time, and not later. */
	assert_int_equal(total_of(owner_of(books, OWNER_PROGRAM, "cat"), READ, 0), 7);
	assert_ok(books_close_interval(books));
	assert_null(owner_of(books, OWNER_PROGRAM, "cat"));
	assert_int_equal(total_of(owner_of(books, OWNER_ENDED, "cat"), READ, 0), 7);
	assert_int_equal(account_of(owner_of(books, OWNER_ENDED, "cat"), READ, 0)->before, 7);
	assert_int_equal(count_owners(books), 1);
}

static void end_of_a_process_that_did_nothing(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);

	made_end(made, made_process(made, 10, 5, "cat"));
	made_add(made, books);
	made_add_ends(made, books);
	assert_ok(books_close_interval(books));
	assert_null(books_owners(books));
}

/* A table that saw nothing is skipped, but an end in it is not. */
static void ended_in_a_later_epoch(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);

	made_calls(made, made_process(made, 10, 5, "cat"), READ, 0, 7);
	made_add(made, books);
	made_add_ends(made, books);
	assert_ok(books_close_interval(books));
	assert_non_null(owner_of(books, OWNER_PROGRAM, "cat"));
	made_clear(made);
	made_end(made, made_process(made, 10, 5, "cat"));
	made_add(made, books);
	made_add_ends(made, books);
	assert_ok(books_close_interval(books));
	assert_null(owner_of(books, OWNER_PROGRAM, "cat"));
}

/* As a read that lasted, and was interrupted, on a CPU where nothing else happened. */
static void what_only_ended_counts_too(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);
	const struct owner *owner;

	made_calls(made, made_process(made, 10, 5, "cat"), READ, EINTR, 1);
	made_latency(made, made_calls(made, 0, READ, 0, 0), 1000, 1);
	assert_int_equal(made->table->seen, 0);
	made_add(made, books);
	owner = owner_of(books, OWNER_PROGRAM, "cat");
	assert_int_equal(total_of(owner, READ, EINTR), 1);
	assert_int_equal(total_of(owner, READ, 0), 0);
	assert_int_equal(account_of(owner, READ, 0)->latency->returned, 1);
	made_clear(made);
	made->table->unmarked = 1;
	made_add(made, books);
	assert_int_equal(books_ledger(books)->unmarked, 1);
}

static void ended_of_a_kind_are_one(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);

	for (uint16_t i = 0; i < 100; i++) {
		made_calls(made, made_process(made, 10 + i, 5 + i, i % 2 ? "cat" : "ls"), READ, 0,
			   1);
		made_calls(made, i, READ, EIO, 1);
		made->of[i].user = i % 4 == 3;
		made_end(made, i);
	}
	made_add(made, books);
	made_add_ends(made, books);
	assert_ok(books_close_interval(books));
	assert_int_equal(count_owners(books), 3); /* cat of two users, ls */
	assert_int_equal(total_of(owner_of(books, OWNER_ENDED, "ls"), READ, 0), 50);
	assert_int_equal(total_of(owner_of(books, OWNER_ENDED, "ls"), READ, EIO), 50);
	assert_int_equal(total_of(owner_of(books, OWNER_ENDED, "cat"), READ, 0), 25);
	assert_int_equal(books_ledger(books)->folded, 0); /* they were told of */
}

static void beyond_the_limit_the_ended_are_folded_at_once(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(10);

	for (uint16_t i = 0; i < 20; i++) {
		made_calls(made, made_process(made, 10 + i, 5, "cat"), READ, 0, 2);
		if (i < 15)
			made_end(made, i);
	}
	made_add(made, books);
	made_add_ends(made, books);
	assert_int_equal(count_owners(books), 6); /* five that live, one for the ended */
	assert_int_equal(total_of(owner_of(books, OWNER_ENDED, "cat"), READ, 0), 30);
	/* They are still of this interval. */
	assert_int_equal(account_of(owner_of(books, OWNER_ENDED, "cat"), READ, 0)->before, 0);
	assert_in_range(books_ledger(books)->folded, 1, 15);
	assert_int_equal(books_ledger(books)->counted, 40);
}

static void what_had_no_room_is_of_an_unknown(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);
	const struct owner *owner;

	made_calls(made, made_process(made, 10, 5, "cat"), READ, 0, 7);
	made->folds.calls[CLOSE] = 5;
	made->folds.errors[CLOSE] = 3;
	made->table->seen += 5 + 11;
	made->table->filtered = 11;
	made->table->unmarked = 1;
	made->table->untimed = 2;
	for (int turn = 1; turn <= 2; turn++) {
		made_add(made, books);
		made_add_ends(made, books);
		assert_ok(books_close_interval(books));
		owner = owner_of(books, OWNER_UNKNOWN, "");
		assert_int_equal(total_of(owner, CLOSE, 0), 5 * turn);
		assert_int_equal(total_of(owner, CLOSE, ERROR_UNKNOWN), 3 * turn);
		assert_int_equal(books_ledger(books)->seen, 23 * turn);
		assert_int_equal(books_ledger(books)->counted, 7 * turn);
		assert_int_equal(books_ledger(books)->unknown, 5 * turn);
		assert_int_equal(books_ledger(books)->filtered, 11 * turn);
		assert_int_equal(books_ledger(books)->unmarked, turn);
		assert_int_equal(books_ledger(books)->untimed, 2 * turn);
	}
	books_add_missed(books, 4);
	books_add_missed(books, 3);
	assert_int_equal(books_ledger(books)->missed, 7);
}

static bool only_11_lives(uint32_t tgid, uint64_t start)
{
	return tgid == 11;
}

static void ends_that_nobody_noted(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);

	made_calls(made, made_process(made, 10, 5, "cat"), READ, 0, 7);
	made_calls(made, made_process(made, 11, 5, "ls"), READ, 0, 7);
	made_add(made, books);
	books_end_dead(books, only_11_lives);
	assert_ok(books_close_interval(books));
	assert_null(owner_of(books, OWNER_PROGRAM, "cat"));
	assert_non_null(owner_of(books, OWNER_ENDED, "cat"));
	assert_non_null(owner_of(books, OWNER_PROGRAM, "ls"));
}

static void latency_goes_with_its_calls(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(MANY);
	const struct account *account;

	made_latency(made, made_calls(made, made_process(made, 10, 5, "cat"), READ, 0, 3), 1000, 2);
	made_calls(made, 0, READ, EIO, 1);
	made_add(made, books);
	assert_ok(books_close_interval(books));
	account = account_of(owner_of(books, OWNER_PROGRAM, "cat"), READ, 0);
	assert_int_equal(account->latency->returned, 2);
	assert_null(account->latency_interval);
	assert_null(account_of(account->owner, READ, EIO)->latency);
	memset(made->latencies, 0, sizeof(made->latencies));
	made_latency(made, 0, 500, 1);
	made_end(made, 0);
	made_add(made, books);
	made_add_ends(made, books);
	assert_int_equal(account->latency_interval->returned, 1);
	assert_int_equal(account->latency_interval->max, 500);
	assert_ok(books_close_interval(books));
	account = account_of(owner_of(books, OWNER_ENDED, "cat"), READ, 0);
	assert_int_equal(account->total, 6);
	assert_int_equal(account->latency->returned, 3);
	assert_int_equal(account->latency->total, 2500);
	assert_int_equal(account->latency->min, 500);
	assert_int_equal(account->latency->max, 1000);
	assert_int_equal(account->latency->buckets[9], 2);
	assert_int_equal(account->latency->buckets[8], 1);
}

static void sums_of_latency(void **state)
{
	struct call_latency sum = { 0 };
	const struct call_latency none = { .min = 7, .max = 9 },
				  one = { .returned = 1, .total = 40, .min = 40, .max = 40 },
				  two = { .returned = 2, .total = 30, .min = 10, .max = 20 };

	latency_add(&sum, &none); /* nothing returned: its numbers mean nothing */
	assert_int_equal(sum.max, 0);
	latency_add(&sum, &one);
	assert_int_equal(sum.min, 40);
	latency_add(&sum, &two);
	assert_int_equal(sum.returned, 3);
	assert_int_equal(sum.total, 70);
	assert_int_equal(sum.min, 10);
	assert_int_equal(sum.max, 40);
}

static void quantiles(void **state)
{
	struct call_latency latency = { 0 };

	assert_int_equal(latency_quantile(&latency, 0.99), 0);
	latency = (struct call_latency){ .returned = 100, .max = 5000 };
	latency.buckets[3] = 50; /* 8..15 */
	latency.buckets[5] = 49; /* 32..63 */
	latency.buckets[12] = 1; /* 4096..8191 */
	assert_int_equal(latency_quantile(&latency, 0), 16);
	assert_int_equal(latency_quantile(&latency, 0.5), 16);
	assert_int_equal(latency_quantile(&latency, 0.51), 64);
	assert_int_equal(latency_quantile(&latency, 0.99), 64);
	assert_int_equal(latency_quantile(&latency, 1), 5000); /* no more than the longest */
	/* The last bucket has no end. */
	latency = (struct call_latency){ .returned = 1, .max = UINT64_MAX };
	latency.buckets[LATENCY_BUCKETS - 1] = 1;
	assert_int_equal(latency_quantile(&latency, 0.99), UINT64_MAX);
}

static void nothing(void **state)
{
	CLEANUP_MADE struct made *made = made_new();
	CLEANUP_BOOKS struct books *books = books_new(0);

	assert_null(books_free(NULL));
	made_add(made, books);
	made_add_ends(made, books);
	assert_ok(books_close_interval(books));
	assert_null(books_owners(books));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_two_cpus_are_one),
		cmocka_unit_test(number_that_comes_again_is_another_process),
		cmocka_unit_test(exec_makes_another_program_of_the_same_process),
		cmocka_unit_test(user_and_cgroup_make_other_programs_too),
		cmocka_unit_test(end_on_one_cpu_and_calls_on_another),
		cmocka_unit_test(end_of_a_process_that_did_nothing),
		cmocka_unit_test(ended_in_a_later_epoch),
		cmocka_unit_test(what_only_ended_counts_too),
		cmocka_unit_test(ended_of_a_kind_are_one),
		cmocka_unit_test(beyond_the_limit_the_ended_are_folded_at_once),
		cmocka_unit_test(what_had_no_room_is_of_an_unknown),
		cmocka_unit_test(ends_that_nobody_noted),
		cmocka_unit_test(latency_goes_with_its_calls),
		cmocka_unit_test(sums_of_latency),
		cmocka_unit_test(quantiles),
		cmocka_unit_test(nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
