/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "modules/syscalls/books.h"

struct books {
	struct owners *owners;
	void *accounts; /* a tree of tsearch(3) */
	struct call_ledger ledger;
};

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

/* ---- accounts ----------------------------------------------------------------------------- */

static int compare_accounts(const void *left, const void *right)
{
	const struct account *a = left, *b = right;
	int order = COMPARE((uintptr_t)a->owner, (uintptr_t)b->owner);

	if (!order)
		order = COMPARE(a->call, b->call);
	return order ? order : COMPARE(a->error, b->error);
}

static void free_account(struct account *account)
{
	free(account->latency);
	free(account->latency_interval);
	free(account);
}

static struct account *find_account(struct books *books, struct owner *owner, uint16_t call,
				    uint16_t error)
{
	struct account wanted = { .owner = owner, .call = call, .error = error };
	struct account *const *found = tfind(&wanted, &books->accounts, compare_accounts);
	struct account *account;

	if (found)
		return *found;
	account = malloc(sizeof(*account));
	if (!account)
		return NULL;
	*account = wanted;
	if (!tsearch(account, &books->accounts, compare_accounts)) {
		free(account);
		return NULL;
	}
	account->next = owner->accounts;
	owner->accounts = account;
	return account;
}

static int add_to(struct call_latency **sum, const struct call_latency *more)
{
	if (!more || !more->returned)
		return 0;
	if (!*sum)
		*sum = calloc(1, sizeof(**sum));
	if (!*sum)
		return -ENOMEM;
	latency_add(*sum, more);
	return 0;
}

/* ---- from the kernel ---------------------------------------------------------------------- */

static int add_row(struct books *books, const struct call_tables *tables, size_t number)
{
	const struct call_row *row = &tables->table->rows[number];
	const struct process_row *process =
		&tables->processes[row->process % tables->process_count];
	struct account *account;
	struct owner *owner = owners_program(books->owners, process);
	int r;

	if (!owner)
		return -ENOMEM;
	account = find_account(books, owner, row->call, row->error);
	if (!account)
		return -ENOMEM;
	account->total += row->count;
	if (row->error)
		return 0;
	books->ledger.counted += row->count;
	if (!tables->latencies)
		return 0;
	r = add_to(&account->latency, &tables->latencies[number]);
	return r < 0 ? r : add_to(&account->latency_interval, &tables->latencies[number]);
}

int books_add_folds(struct books *books, const struct call_folds *folds)
{
	struct owner *owner = NULL;

	for (size_t call = 0; call < CALLS; call++) {
		const uint64_t counts[] = { folds->calls[call], folds->errors[call] };

		for (unsigned error = 0; error < ARRAY_SIZE(counts); error++) {
			struct account *account;

			if (!counts[error])
				continue;
			owner = owner ? owner : owners_unknown(books->owners);
			account = owner ? find_account(books, owner, (uint16_t)call,
						       error ? ERROR_UNKNOWN : 0)
					: NULL;
			if (!account)
				return -ENOMEM;
			account->total += counts[error];
		}
		books->ledger.unknown += counts[0];
	}
	return 0;
}

int books_add(struct books *books, const struct call_tables *tables)
{
	const struct call_table *table = tables->table;
	int r = 0;

	/* Calls can also end where none began, and then what they did stands for a process. */
	if (!table->seen && !table->process_count && !table->unmarked)
		return 0;
	for (size_t i = 0; r == 0 && i < tables->row_count; i++)
		if (table->rows[i].incarnation)
			r = add_row(books, tables, i);
	books->ledger.seen += table->seen;
	books->ledger.filtered += table->filtered;
	books->ledger.untimed += table->untimed;
	books->ledger.unmarked += table->unmarked;
	return r;
}

void books_add_missed(struct books *books, uint64_t missed)
{
	books->ledger.missed += missed;
}

/* ---- folding ------------------------------------------------------------------------------ */

static int fold_account(struct books *books, struct owner *into, struct account *account)
{
	struct account *sum = find_account(books, into, account->call, account->error);
	int r;

	if (!sum)
		return -ENOMEM;
	sum->total += account->total;
	sum->before += account->before;
	r = add_to(&sum->latency, account->latency);
	return r < 0 ? r : add_to(&sum->latency_interval, account->latency_interval);
}

static int fold(void *context, struct owner *into, struct owner *from)
{
	struct books *books = context;
	int r = 0;

	while (r == 0 && from->accounts) {
		struct account *account = from->accounts;

		r = fold_account(books, into, account);
		if (r == 0) {
			from->accounts = account->next;
			tdelete(account, &books->accounts, compare_accounts);
			free_account(account);
		}
	}
	return r;
}

static void drop(void *context, struct owner *owner)
{
	while (owner->accounts) {
		struct account *account = owner->accounts;

		owner->accounts = account->next;
		free_account(account);
	}
}

int books_end(struct books *books, const struct call_tables *tables)
{
	for (size_t i = 0; i < tables->process_count; i++) {
		const struct process_row *row = &tables->processes[i];

		if (row->incarnation && row->flags & PROCESS_ENDED)
			owners_end(books->owners, row);
	}
	return owners_fold_if_many(books->owners, &books->ledger.folded);
}

void books_end_dead(struct books *books, bool (*lives)(uint32_t tgid, uint64_t start))
{
	owners_end_dead(books->owners, lives);
}

int books_close_interval(struct books *books)
{
	for (struct owner *owner = owners_first(books->owners); owner; owner = owner->next)
		for (struct account *account = owner->accounts; account; account = account->next) {
			account->before = account->total;
			free(account->latency_interval);
			account->latency_interval = NULL;
		}
	return owners_fold(books->owners);
}

/* ---- books -------------------------------------------------------------------------------- */

struct books *books_new(size_t owner_limit)
{
	struct books *books = calloc(1, sizeof(*books));
	const struct owner_books use = { .fold = fold, .drop = drop, .context = books };

	if (books)
		books->owners = owners_new(owner_limit, &use);
	if (books && !books->owners) {
		free(books);
		return NULL;
	}
	return books;
}

static void free_nothing(void *node)
{
}

struct books *books_free(struct books *books)
{
	if (!books)
		return NULL;
	tdestroy(books->accounts, free_nothing);
	owners_free(books->owners);
	free(books);
	return NULL;
}

const struct owner *books_owners(const struct books *books)
{
	return owners_first(books->owners);
}

const struct call_ledger *books_ledger(const struct books *books)
{
	return &books->ledger;
}

/* ---- latency ------------------------------------------------------------------------------ */

void latency_add(struct call_latency *latency, const struct call_latency *more)
{
	if (!more->returned)
		return;
	if (!latency->returned || more->min < latency->min)
		latency->min = more->min;
	if (more->max > latency->max)
		latency->max = more->max;
	latency->returned += more->returned;
	latency->total += more->total;
	for (size_t i = 0; i < LATENCY_BUCKETS; i++)
		latency->buckets[i] += more->buckets[i];
}

uint64_t latency_quantile(const struct call_latency *latency, double share)
{
	double wanted = share * (double)latency->returned;
	uint64_t passed = 0;

	for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
		uint64_t bound = i == LATENCY_BUCKETS - 1 ? UINT64_MAX : 2ULL << i;

		passed += latency->buckets[i];
		if (latency->buckets[i] && (double)passed >= wanted)
			return bound < latency->max ? bound : latency->max;
	}
	return latency->max;
}
