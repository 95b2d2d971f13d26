/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "modules/perf/books.h"

/* What an owner did; it has one of these at most. */
struct counts {
	__u64 all[PERF_COUNTS];
	__u64 before[PERF_COUNTS]; /* of which until the last report */
};

enum { COMMANDS_MAX = 4096 };

struct books {
	struct owners *owners;
	struct perf_ledger ledger;
	struct wait_account *waits; /* sorted by command */
	size_t wait_count;
	size_t wait_room;
};

static void add_counts(__u64 sum[PERF_COUNTS], const __u64 more[PERF_COUNTS])
{
	for (size_t i = 0; i < PERF_COUNTS; i++)
		sum[i] += more[i];
}

static struct counts *counts_of(struct owner *owner)
{
	if (!owner->accounts)
		owner->accounts = calloc(1, sizeof(struct counts));
	return owner->accounts;
}

static int add_to(struct owner *owner, const __u64 more[PERF_COUNTS])
{
	struct counts *counts = owner ? counts_of(owner) : NULL;

	if (!counts)
		return -ENOMEM;
	add_counts(counts->all, more);
	return 0;
}

static int fold(void *context, struct owner *into, struct owner *from)
{
	struct counts *sum, *counts = from->accounts;

	if (!counts)
		return 0;
	sum = counts_of(into);
	if (!sum)
		return -ENOMEM;
	add_counts(sum->all, counts->all);
	add_counts(sum->before, counts->before);
	free(counts);
	from->accounts = NULL;
	return 0;
}

static void drop(void *context, struct owner *owner)
{
	free(owner->accounts);
}

struct books *perf_books_new(size_t owner_limit)
{
	const struct owner_books use = { .fold = fold, .drop = drop };
	struct books *books = calloc(1, sizeof(*books));

	if (!books)
		return NULL;
	books->owners = owners_new(owner_limit, &use);
	return books->owners ? books : perf_books_free(books);
}

struct books *perf_books_free(struct books *books)
{
	if (!books)
		return NULL;
	owners_free(books->owners);
	free(books->waits);
	free(books);
	return NULL;
}

const struct perf_ledger *perf_books_ledger(const struct books *books)
{
	return &books->ledger;
}

/* ---- from the kernel ---------------------------------------------------------------------- */

static bool is_nothing(const __u64 counts[PERF_COUNTS])
{
	for (size_t i = 0; i < PERF_COUNTS; i++)
		if (counts[i])
			return false;
	return true;
}

int perf_books_add(struct books *books, const struct perf_table *table)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < PERF_ROWS; i++) {
		const struct perf_row *row = &table->rows[i];

		if (!row->who.incarnation)
			continue;
		r = add_to(owners_program(books->owners, &row->who), row->counts);
		add_counts(books->ledger.counted, row->counts);
	}
	if (r == 0 && !is_nothing(table->folded))
		r = add_to(owners_unknown(books->owners), table->folded);
	add_counts(books->ledger.unknown, table->folded);
	add_counts(books->ledger.filtered, table->filtered);
	books->ledger.unseen += table->unseen;
	books->ledger.unmarked += table->unmarked;
	return r;
}

int perf_books_end(struct books *books, const struct perf_table *table)
{
	for (size_t i = 0; i < PERF_ROWS; i++) {
		const struct process_row *row = &table->rows[i].who;

		if (row->incarnation && row->flags & PROCESS_ENDED)
			owners_end(books->owners, row);
	}
	return owners_fold_if_many(books->owners, &books->ledger.folded);
}

void perf_books_end_dead(struct books *books, bool (*lives)(uint32_t tgid, uint64_t start))
{
	owners_end_dead(books->owners, lives);
}

void perf_books_add_missed(struct books *books, uint64_t missed)
{
	books->ledger.missed += missed;
}

int perf_books_close_interval(struct books *books)
{
	for (struct owner *owner = owners_first(books->owners); owner; owner = owner->next) {
		struct counts *counts = owner->accounts;

		if (counts)
			memcpy(counts->before, counts->all, sizeof(counts->before));
	}
	for (size_t i = 0; i < books->wait_count; i++)
		memset(books->waits[i].interval, 0, sizeof(books->waits[i].interval));
	return owners_fold(books->owners);
}

/* ---- waits -------------------------------------------------------------------------------- */

void wait_add(struct wait_sum *sum, const struct wait_sum *more)
{
	sum->count += more->count;
	sum->total += more->total;
	if (more->max > sum->max)
		sum->max = more->max;
	for (size_t i = 0; i < WAIT_BUCKETS; i++)
		sum->buckets[i] += more->buckets[i];
}

uint64_t wait_quantile(const struct wait_sum *sum, double share)
{
	double wanted = share * (double)sum->count;
	uint64_t passed = 0;

	for (size_t i = 0; i < WAIT_BUCKETS; i++) {
		uint64_t bound = 2ULL << i;

		passed += sum->buckets[i];
		if (sum->buckets[i] && (double)passed >= wanted)
			return bound < sum->max ? bound : sum->max;
	}
	return sum->max;
}

/* The account of a command, made where it belongs in the order; NULL when out of memory. */
static struct wait_account *find_waits(struct books *books, const char *command)
{
	size_t low = 0, high = books->wait_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(books->waits[middle].command, command);

		if (order == 0)
			return &books->waits[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	/* "" comes first, and is for whatever has no room. */
	if (books->wait_count == COMMANDS_MAX && command[0])
		return find_waits(books, "");
	if (books->wait_count == books->wait_room) {
		size_t room = books->wait_room ? 2 * books->wait_room : 64;
		struct wait_account *waits =
			reallocarray(books->waits, room, sizeof(*books->waits));

		if (!waits)
			return NULL;
		books->waits = waits;
		books->wait_room = room;
	}
	memmove(&books->waits[low + 1], &books->waits[low],
		(books->wait_count - low) * sizeof(*books->waits));
	books->wait_count++;
	books->waits[low] = (struct wait_account){ .command = "" };
	strcpy(books->waits[low].command, command);
	return &books->waits[low];
}

static void add_times(struct wait_account *account, size_t kind, const struct wait_times *times)
{
	struct wait_sum more = { .count = times->count, .total = times->total, .max = times->max };

	for (size_t i = 0; i < WAIT_BUCKETS; i++)
		more.buckets[i] = times->buckets[i];
	wait_add(&account->all[kind], &more);
	wait_add(&account->interval[kind], &more);
}

static bool is_used(const struct wait_row *row)
{
	for (size_t kind = 0; kind < WAIT_KINDS; kind++)
		if (row->kinds[kind].count)
			return true;
	return false;
}

int perf_books_add_waits(struct books *books, const struct wait_table *table)
{
	for (size_t i = 0; i < WAIT_ROWS; i++) {
		const struct wait_row *row = &table->rows[i];
		char command[PROCESS_COMMAND + 1] = "";
		struct wait_account *account;

		if (!is_used(row))
			continue;
		memcpy(command, row->command, sizeof(row->command));
		account = find_waits(books, command);
		if (!account)
			return -ENOMEM;
		for (size_t kind = 0; kind < WAIT_KINDS; kind++)
			add_times(account, kind, &row->kinds[kind]);
	}
	books->ledger.untimed += table->untimed;
	return 0;
}

static const struct wait_sum *sums_of(const struct wait_account *account, enum books_span span)
{
	return span == SPAN_ALL ? account->all : account->interval;
}

static int compare_waits(const void *left, const void *right, void *context)
{
	const struct wait_account *a = *(const struct wait_account *const *)left,
				  *b = *(const struct wait_account *const *)right;
	const enum books_span *span = context;
	uint64_t of_a = sums_of(a, *span)[WAIT_QUEUE].total,
		 of_b = sums_of(b, *span)[WAIT_QUEUE].total;

	return (of_a < of_b) - (of_a > of_b);
}

int perf_books_waits(const struct books *books, enum books_span span,
		     const struct wait_account ***ret_accounts, size_t *ret_count)
{
	const struct wait_account **accounts = NULL;
	size_t count = 0;

	if (books->wait_count) {
		accounts = calloc(books->wait_count, sizeof(void *));
		if (!accounts)
			return -ENOMEM;
	}
	for (size_t i = 0; i < books->wait_count; i++) {
		const struct wait_sum *sums = sums_of(&books->waits[i], span);

		if (sums[WAIT_QUEUE].count || sums[WAIT_OFF].count || sums[WAIT_OFF_UNWILLED].count)
			accounts[count++] = &books->waits[i];
	}
	if (count)
		qsort_r(accounts, count, sizeof(void *), compare_waits, &span);
	*ret_accounts = accounts;
	*ret_count = count;
	return 0;
}

/* ---- sums --------------------------------------------------------------------------------- */

static int compare_rows(const void *left, const void *right, void *context)
{
	const struct tally_row *a = left, *b = right;

	return owners_compare(a->owner, b->owner, *(unsigned *)context);
}

/* Rows of one kind stand side by side: makes one of them. */
static size_t merge(struct tally_row *rows, size_t count, unsigned by)
{
	size_t merged = 0;

	for (size_t i = 0; i < count; i++) {
		struct tally_row *last = merged ? &rows[merged - 1] : NULL;

		if (!last || owners_compare(last->owner, rows[i].owner, by) != 0) {
			rows[merged++] = rows[i];
			continue;
		}
		add_counts(last->counts, rows[i].counts);
		if (owner_is_newer(rows[i].owner, last->owner))
			last->owner = rows[i].owner;
	}
	return merged;
}

static void fill(struct tally_row *row, const struct owner *owner, enum books_span span)
{
	const struct counts *counts = owner->accounts;

	row->owner = owner;
	for (size_t i = 0; i < PERF_COUNTS; i++)
		row->counts[i] = counts->all[i] - (span == SPAN_ALL ? 0 : counts->before[i]);
}

int tally_make(const struct books *books, unsigned by, enum books_span span,
	       struct tally *ret_tally)
{
	struct tally tally = { .by = by };
	size_t room = 0;

	for (const struct owner *owner = owners_first(books->owners); owner; owner = owner->next)
		room++;
	tally.rows = calloc(room ? room : 1, sizeof(*tally.rows));
	if (!tally.rows)
		return -ENOMEM;
	for (const struct owner *owner = owners_first(books->owners); owner; owner = owner->next) {
		struct tally_row *row = &tally.rows[tally.count];

		if (!owner->accounts)
			continue;
		fill(row, owner, span);
		add_counts(tally.sum.counts, row->counts);
		tally.count += !is_nothing(row->counts);
	}
	qsort_r(tally.rows, tally.count, sizeof(*tally.rows), compare_rows, &by);
	tally.count = merge(tally.rows, tally.count, by);
	*ret_tally = tally;
	return 0;
}

void tally_free(struct tally *tally)
{
	free(tally->rows);
	tally->rows = NULL;
	tally->count = 0;
}

uint64_t tally_value(const struct tally_row *row, enum tally_key key)
{
	const __u64 *counts = row->counts;

	switch (key) {
	case KEY_CALLS:
		return counts[COUNT_CALLS];
	case KEY_FAULTS:
		return counts[COUNT_MINOR] + counts[COUNT_MAJOR];
	case KEY_SWITCHES:
		return counts[COUNT_VOLUNTARY] + counts[COUNT_INVOLUNTARY];
	case KEY_TIME:
	case KEYS:
		break;
	}
	return counts[COUNT_TIME];
}

static int compare_values(const void *left, const void *right, void *context)
{
	enum tally_key key = *(enum tally_key *)context;
	uint64_t a = tally_value(left, key), b = tally_value(right, key);
	const struct tally_row *of_a = left, *of_b = right;

	if (a != b)
		return (a < b) - (a > b);
	return owners_compare(of_a->owner, of_b->owner, BY_PROCESS | BY_COMMAND);
}

void tally_sort(struct tally *tally, enum tally_key key)
{
	qsort_r(tally->rows, tally->count, sizeof(*tally->rows), compare_values, &key);
}
