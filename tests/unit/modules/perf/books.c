/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <stdlib.h>

#include "modules/perf/books.h"

static void clean_books(struct books **books)
{
	perf_books_free(*books);
}
#define CLEANUP_BOOKS __attribute__((cleanup(clean_books)))

static struct books *books_new(void)
{
	struct books *books = perf_books_new(100);

	assert_non_null(books);
	return books;
}

static struct perf_table *table_new(void)
{
	struct perf_table *table = calloc(1, sizeof(*table));

	assert_non_null(table);
	return table;
}

static struct perf_row *add_row(struct perf_table *table, uint32_t tgid, const char *command,
				uint64_t cgroup, uint64_t calls)
{
	struct perf_row *row = &table->rows[table->row_count++];

	row->who = (struct process_row){
		.incarnation = tgid + 1, .start = tgid, .tgid = tgid, .cgroup = cgroup
	};
	memcpy(row->who.command, command, strlen(command));
	row->counts[COUNT_CALLS] = calls;
	row->counts[COUNT_TIME] = 10 * calls;
	return row;
}

static uint64_t calls_of(const struct tally *tally, const char *command)
{
	for (size_t i = 0; i < tally->count; i++)
		if (strcmp(tally->rows[i].owner->command, command) == 0)
			return tally->rows[i].counts[COUNT_CALLS];
	return 0;
}

static void rows_of_cpus_add_up(void **state)
{
	CLEANUP_BOOKS struct books *books = books_new();
	CLEANUP_FREE struct perf_table *table = table_new();
	CLEANUP_TALLY struct tally processes = TALLY_NONE, commands = TALLY_NONE;

	add_row(table, 10, "cat", 1, 5);
	add_row(table, 11, "cat", 2, 7);
	add_row(table, 12, "dog", 2, 100);
	table->folded[COUNT_CALLS] = 3;
	table->filtered[COUNT_CALLS] = 4;
	table->unseen = 2;
	assert_ok(perf_books_add(books, table));
	assert_ok(perf_books_add(books, table));
	assert_int_equal(perf_books_ledger(books)->counted[COUNT_CALLS], 224);
	assert_int_equal(perf_books_ledger(books)->unknown[COUNT_CALLS], 6);
	assert_int_equal(perf_books_ledger(books)->filtered[COUNT_CALLS], 8);
	assert_int_equal(perf_books_ledger(books)->unseen, 4);
	assert_ok(tally_make(books, BY_PROCESS | BY_COMMAND, SPAN_ALL, &processes));
	assert_int_equal(processes.count, 4); /* with those without a row */
	assert_ok(tally_make(books, BY_COMMAND, SPAN_ALL, &commands));
	assert_int_equal(calls_of(&commands, "cat"), 24);
	assert_int_equal(calls_of(&commands, "dog"), 200);
	assert_int_equal(commands.sum.counts[COUNT_CALLS], 230);
	tally_sort(&commands, KEY_CALLS);
	assert_string_equal(commands.rows[0].owner->command, "dog");
}

/* Whatever they are summed by, and over intervals, it is the same. */
static void every_sum_is_the_same(void **state)
{
	static const unsigned by[] = { BY_PROCESS, BY_COMMAND, BY_CGROUP, BY_USER,
				       BY_PROCESS | BY_CGROUP };
	CLEANUP_BOOKS struct books *books = books_new();
	uint64_t random = 1, sums[ARRAY_SIZE(by)] = { 0 };

	for (int interval = 0; interval < 20; interval++) {
		CLEANUP_FREE struct perf_table *table = table_new();

		for (int i = 0; i < 50; i++) {
			char name[2] = { (char)('a' + random_next(&random) % 5), '\0' };
			uint32_t tgid = (uint32_t)(1 + interval * 50 + i);
			struct perf_row *row = add_row(table, tgid, name, random_next(&random) % 4,
						       random_next(&random) % 1000);

			row->who.flags = random_next(&random) % 2 ? PROCESS_ENDED : 0;
		}
		assert_ok(perf_books_add(books, table));
		assert_ok(perf_books_end(books, table));
		for (size_t i = 0; i < ARRAY_SIZE(by); i++) {
			CLEANUP_TALLY struct tally tally = TALLY_NONE;
			uint64_t sum = 0;

			assert_ok(tally_make(books, by[i], SPAN_INTERVAL, &tally));
			for (size_t row = 0; row < tally.count; row++)
				sum += tally.rows[row].counts[COUNT_CALLS];
			assert_int_equal(sum, tally.sum.counts[COUNT_CALLS]);
			sums[i] += sum;
		}
		assert_ok(perf_books_close_interval(books));
	}
	for (size_t i = 0; i < ARRAY_SIZE(by); i++) {
		CLEANUP_TALLY struct tally tally = TALLY_NONE;

		assert_ok(tally_make(books, by[i], SPAN_ALL, &tally));
		assert_int_equal(tally.sum.counts[COUNT_CALLS], sums[0]);
		assert_int_equal(sums[i], perf_books_ledger(books)->counted[COUNT_CALLS]);
	}
}

/* Also where the tables of two CPUs tell of them in the other order. */
static void process_is_called_what_it_became(void **state)
{
	for (int later_first = 0; later_first < 2; later_first++) {
		CLEANUP_BOOKS struct books *books = books_new();
		CLEANUP_FREE struct perf_table *first = table_new(), *second = table_new();
		struct perf_table *tables[2] = { first, second };
		CLEANUP_TALLY struct tally tally = TALLY_NONE;

		add_row(tables[later_first], 10, "sh", 1, 5);
		add_row(tables[!later_first], 10, "gzip", 1, 7)->who.incarnation++;
		assert_ok(perf_books_add(books, tables[0]));
		assert_ok(perf_books_add(books, tables[1]));
		assert_ok(tally_make(books, BY_PROCESS, SPAN_ALL, &tally));
		assert_int_equal(tally.count, 1);
		assert_string_equal(tally.rows[0].owner->command, "gzip");
		assert_int_equal(tally.rows[0].counts[COUNT_CALLS], 12);
	}
}

/* ---- waits -------------------------------------------------------------------------------- */

static void add_wait(struct wait_row *row, enum wait_kind kind, uint32_t bucket, uint32_t count)
{
	struct wait_times *times = &row->kinds[kind];

	times->buckets[bucket] += count;
	times->count += count;
	times->total += (uint64_t)count << bucket;
	times->max = 1ULL << bucket;
}

static void waits_of_commands(void **state)
{
	CLEANUP_BOOKS struct books *books = books_new();
	CLEANUP_FREE struct wait_table *table = calloc(1, sizeof(*table));
	CLEANUP_FREE const struct wait_account **accounts = NULL, **later = NULL;
	size_t count;

	assert_non_null(table);
	/* A name of as many letters as there can be has no end. */
	memcpy(table->rows[1].command, "sixteen letters!", PROCESS_COMMAND);
	add_wait(&table->rows[1], WAIT_QUEUE, 10, 3);
	memcpy(table->rows[2].command, "cat", 3);
	add_wait(&table->rows[2], WAIT_QUEUE, 12, 3);
	add_wait(&table->rows[2], WAIT_OFF, 20, 1);
	memcpy(table->rows[3].command, "dog", 3); /* never waited */
	add_wait(&table->rows[0], WAIT_QUEUE, 5, 1);
	table->untimed = 2;
	assert_ok(perf_books_add_waits(books, table));
	assert_ok(perf_books_waits(books, SPAN_INTERVAL, &accounts, &count));
	assert_int_equal(count, 3);
	assert_string_equal(accounts[0]->command, "cat");
	assert_string_equal(accounts[1]->command, "sixteen letters!");
	assert_string_equal(accounts[2]->command, "");
	assert_int_equal(accounts[0]->all[WAIT_QUEUE].buckets[12], 3);
	assert_int_equal(perf_books_ledger(books)->untimed, 2);
	assert_ok(perf_books_close_interval(books));
	assert_ok(perf_books_waits(books, SPAN_INTERVAL, &later, &count));
	assert_int_equal(count, 0);
}

static void quantiles(void **state)
{
	struct wait_sum sum = { .count = 100, .max = 5000 };

	assert_int_equal(wait_quantile(&(struct wait_sum){ 0 }, 0.99), 0);
	sum.buckets[3] = 99; /* 8 to 15 ns */
	sum.buckets[12] = 1; /* 4096 to 8191 ns */
	assert_int_equal(wait_quantile(&sum, 0.5), 16);
	assert_int_equal(wait_quantile(&sum, 0.99), 16);
	/* Never more than the longest there was. */
	assert_int_equal(wait_quantile(&sum, 1), 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_cpus_add_up),
		cmocka_unit_test(every_sum_is_the_same),
		cmocka_unit_test(process_is_called_what_it_became),
		cmocka_unit_test(waits_of_commands),
		cmocka_unit_test(quantiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
