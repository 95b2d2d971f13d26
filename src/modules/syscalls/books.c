/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "modules/syscalls/books.h"

struct process {
	uint32_t tgid;
	uint64_t start;
	bool ended;
	struct owner *programs; /* the newest first */
};

struct books {
	void *processes; /* trees of tsearch(3) */
	void *ended;     /* owners */
	void *accounts;
	struct owner *owners;
	size_t owner_count;
	size_t owner_limit;
	struct call_ledger ledger;
};

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

/* ---- owners ------------------------------------------------------------------------------- */

static int compare_processes(const void *left, const void *right)
{
	const struct process *a = left, *b = right;
	int order = COMPARE(a->tgid, b->tgid);

	return order ? order : COMPARE(a->start, b->start);
}

static int compare_traits(const struct owner *a, const struct owner *b)
{
	int order = COMPARE(a->cgroup, b->cgroup);

	if (!order)
		order = COMPARE(a->user, b->user);
	return order ? order : strcmp(a->command, b->command);
}

static int compare_ended(const void *left, const void *right)
{
	const struct owner *a = left, *b = right;
	int order = COMPARE(a->kind, b->kind);

	return order ? order : compare_traits(a, b);
}

static struct owner *new_owner(struct books *books, const struct owner *like)
{
	struct owner *owner = malloc(sizeof(*owner));

	if (!owner)
		return NULL;
	*owner = *like;
	owner->next = books->owners;
	books->owners = owner;
	books->owner_count++;
	return owner;
}

/* Of those that are not one program: the one like `wanted`, made if there is none. */
static struct owner *find_ended(struct books *books, const struct owner *wanted)
{
	struct owner *const *found = tfind(wanted, &books->ended, compare_ended);
	struct owner *owner = found ? *found : new_owner(books, wanted);

	if (!found && owner && !tsearch(owner, &books->ended, compare_ended))
		return NULL; /* stays in the list, with nothing in it */
	return owner;
}

static struct process *find_process(struct books *books, const struct process_row *row)
{
	struct process wanted = { .tgid = row->tgid, .start = row->start };
	struct process *const *found = tfind(&wanted, &books->processes, compare_processes);
	struct process *process;

	if (found)
		return *found;
	process = malloc(sizeof(*process));
	if (!process)
		return NULL;
	*process = wanted;
	if (!tsearch(process, &books->processes, compare_processes)) {
		free(process);
		return NULL;
	}
	return process;
}

static struct owner *find_program(struct books *books, const struct process_row *row)
{
	struct process *process = find_process(books, row);
	struct owner wanted = { .kind = OWNER_PROGRAM,
				.tgid = row->tgid,
				.start = row->start,
				.parent = row->parent,
				.user = row->user,
				.cgroup = row->cgroup,
				.process = process };
	struct owner *owner;

	if (!process)
		return NULL;
	memcpy(wanted.command, row->command, sizeof(row->command));
	for (owner = process->programs; owner; owner = owner->older)
		if (compare_traits(owner, &wanted) == 0)
			return owner;
	wanted.older = process->programs;
	owner = new_owner(books, &wanted);
	if (owner)
		process->programs = owner;
	return owner;
}

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

static int add_row(struct books *books, const struct call_table *table, size_t number,
		   const struct latency_table *latency)
{
	const struct call_row *row = &table->rows[number];
	const struct process_row *process = &table->processes[row->process % CALL_PROCESSES];
	struct account *account;
	struct owner *owner = find_program(books, process);
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
	if (!latency)
		return 0;
	r = add_to(&account->latency, &latency->rows[number]);
	return r < 0 ? r : add_to(&account->latency_interval, &latency->rows[number]);
}

static int add_unknown(struct books *books, const struct call_table *table)
{
	const struct owner wanted = { .kind = OWNER_UNKNOWN };
	struct owner *owner = NULL;

	for (size_t call = 0; call < CALLS; call++) {
		const uint64_t counts[] = { table->folded[call], table->folded_errors[call] };

		for (uint16_t error = 0; error < ARRAY_SIZE(counts); error++) {
			struct account *account;

			if (!counts[error])
				continue;
			owner = owner ? owner : find_ended(books, &wanted);
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

int books_add(struct books *books, const struct call_table *table,
	      const struct latency_table *latency)
{
	int r = 0;

	if (!table->seen)
		return 0;
	for (size_t i = 0; r == 0 && i < CALL_ROWS; i++)
		if (table->rows[i].incarnation)
			r = add_row(books, table, i, latency);
	if (r == 0)
		r = add_unknown(books, table);
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

/* Adds what a program did to what stands for all like it; it is empty then. */
static int fold(struct books *books, struct owner *owner)
{
	struct owner like = { .kind = OWNER_ENDED, .user = owner->user, .cgroup = owner->cgroup };
	struct owner *into;
	int r = 0;

	memcpy(like.command, owner->command, sizeof(like.command));
	into = find_ended(books, &like);
	if (!into)
		return -ENOMEM;
	while (r == 0 && owner->accounts) {
		struct account *account = owner->accounts;

		r = fold_account(books, into, account);
		if (r == 0) {
			owner->accounts = account->next;
			tdelete(account, &books->accounts, compare_accounts);
			free_account(account);
		}
	}
	return r;
}

/* Takes an owner out of its process; the process goes with the last. */
static void leave_process(struct books *books, const struct owner *owner)
{
	struct process *process = owner->process;
	struct owner **cursor = &process->programs;

	while (*cursor != owner)
		cursor = &(*cursor)->older;
	*cursor = owner->older;
	if (process->programs)
		return;
	tdelete(process, &books->processes, compare_processes);
	free(process);
}

/* Whether nothing comes to it any more. */
static bool is_over(const struct owner *owner)
{
	return owner->kind == OWNER_PROGRAM &&
	       (owner->process->ended || owner != owner->process->programs);
}

static int fold_all(struct books *books)
{
	struct owner *rest = books->owners;
	int r = 0;

	books->owners = NULL;
	while (rest) {
		struct owner *owner = rest;

		rest = owner->next;
		if (r == 0 && is_over(owner)) {
			r = fold(books, owner);
			if (r == 0) {
				leave_process(books, owner);
				free(owner);
				books->owner_count--;
				continue;
			}
		}
		owner->next = books->owners;
		books->owners = owner;
	}
	return r;
}

int books_end(struct books *books, const struct call_table *table)
{
	size_t before;
	int r;

	for (size_t i = 0; i < CALL_PROCESSES; i++) {
		const struct process_row *row = &table->processes[i];
		struct process wanted = { .tgid = row->tgid, .start = row->start };
		struct process *const *found;

		if (!row->incarnation || !(row->flags & PROCESS_ENDED))
			continue;
		found = tfind(&wanted, &books->processes, compare_processes);
		if (found)
			(*found)->ended = true;
	}
	if (books->owner_count <= books->owner_limit)
		return 0;
	before = books->owner_count;
	r = fold_all(books);
	books->ledger.folded += before - books->owner_count;
	return r;
}

void books_end_dead(struct books *books, bool (*lives)(uint32_t tgid, uint64_t start))
{
	for (struct owner *owner = books->owners; owner; owner = owner->next)
		if (owner->kind == OWNER_PROGRAM && !owner->process->ended)
			owner->process->ended = !lives(owner->tgid, owner->start);
}

int books_close_interval(struct books *books)
{
	for (struct owner *owner = books->owners; owner; owner = owner->next)
		for (struct account *account = owner->accounts; account; account = account->next) {
			account->before = account->total;
			free(account->latency_interval);
			account->latency_interval = NULL;
		}
	return fold_all(books);
}

/* ---- books -------------------------------------------------------------------------------- */

struct books *books_new(size_t owner_limit)
{
	struct books *books = calloc(1, sizeof(*books));

	if (books)
		books->owner_limit = owner_limit;
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
	tdestroy(books->ended, free_nothing);
	tdestroy(books->processes, free);
	while (books->owners) {
		struct owner *owner = books->owners;

		books->owners = owner->next;
		while (owner->accounts) {
			struct account *account = owner->accounts;

			owner->accounts = account->next;
			free_account(account);
		}
		free(owner);
	}
	free(books);
	return NULL;
}

const struct owner *books_owners(const struct books *books)
{
	return books->owners;
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
		uint64_t bound = 2ULL << i;

		passed += latency->buckets[i];
		if (latency->buckets[i] && (double)passed >= wanted)
			return bound < latency->max ? bound : latency->max;
	}
	return latency->max;
}
