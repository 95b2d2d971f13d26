/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel side counts on one CPU, as a test fills it. */
#pragma once

#include "../../unit.h"

#include <stdlib.h>

#include "modules/syscalls/books.h"
#include "modules/syscalls/view.h"

enum { MADE_ROWS = 1024, MADE_PROCESSES = 2048 };

struct made {
	struct call_table *table;
	struct process_row of[MADE_PROCESSES];
	struct call_latency latencies[MADE_ROWS];
	struct call_folds folds;
	uint16_t processes, rows;
};

static inline void made_clear(struct made *made)
{
	struct call_table *table = made->table;

	memset(table, 0, sizeof(*table) + MADE_ROWS * sizeof(*table->rows));
	memset(made, 0, sizeof(*made));
	made->table = table;
}

static inline struct made *made_new(void)
{
	struct made *made = calloc(1, sizeof(*made));

	assert_non_null(made);
	made->table = calloc(1, sizeof(*made->table) + MADE_ROWS * sizeof(*made->table->rows));
	assert_non_null(made->table);
	return made;
}

static inline void made_free(struct made *made)
{
	if (made)
		free(made->table);
	free(made);
}

static inline void cleanup_made(struct made **made)
{
	made_free(*made);
}
#define CLEANUP_MADE __attribute__((cleanup(cleanup_made)))

static inline void cleanup_books(struct books **books)
{
	books_free(*books);
}
#define CLEANUP_BOOKS __attribute__((cleanup(cleanup_books)))

static inline struct call_tables made_tables(struct made *made)
{
	return (struct call_tables){ .table = made->table,
				     .processes = made->of,
				     .latencies = made->latencies,
				     .row_count = MADE_ROWS,
				     .process_count = MADE_PROCESSES };
}

static inline void made_add(struct made *made, struct books *books)
{
	const struct call_tables tables = made_tables(made);

	assert_ok(books_add(books, &tables));
	assert_ok(books_add_folds(books, &made->folds));
}

static inline void made_add_ends(struct made *made, struct books *books)
{
	const struct call_tables tables = made_tables(made);

	assert_ok(books_end(books, &tables));
}

/* Returns its row; the incarnation is the start, as it is without an exec. */
static inline uint16_t made_process(struct made *made, uint32_t tgid, uint64_t start,
				    const char *command)
{
	struct process_row *row = &made->of[made->processes];

	row->incarnation = row->start = start;
	row->tgid = tgid;
	row->parent = 1;
	row->cgroup = 1;
	memcpy(row->command, command, strlen(command));
	made->table->process_count++;
	return made->processes++;
}

static inline void made_end(struct made *made, uint16_t process)
{
	made->of[process].flags |= PROCESS_ENDED;
}

/* Returns its row. */
static inline uint16_t made_calls(struct made *made, uint16_t process, uint16_t call,
				  uint16_t error, uint64_t count)
{
	const struct process_row *from = &made->of[process];

	made->table->rows[made->rows] = (struct call_row){ .incarnation = from->incarnation,
							   .tgid = from->tgid,
							   .call = call,
							   .error = error,
							   .count = count,
							   .process = process };
	if (!error)
		made->table->seen += count;
	return made->rows++;
}

/* So many calls of a row took so long each. */
static inline void made_latency(struct made *made, uint16_t row, uint64_t each, uint32_t count)
{
	const struct call_latency more = {
		.returned = count, .total = each * count, .min = each, .max = each
	};
	unsigned power = 63 - (unsigned)__builtin_clzll(each);

	latency_add(&made->latencies[row], &more);
	made->latencies[row].buckets[power] += count;
}

static inline const struct owner *owner_of(const struct books *books, enum owner_kind kind,
					   const char *command)
{
	for (const struct owner *owner = books_owners(books); owner; owner = owner->next)
		if (owner->kind == kind && strcmp(owner->command, command) == 0)
			return owner;
	return NULL;
}

static inline size_t count_owners(const struct books *books)
{
	size_t count = 0;

	for (const struct owner *owner = books_owners(books); owner; owner = owner->next)
		count++;
	return count;
}

/* Of an owner: all that it did of a call, or with one error of it. */
static inline const struct account *account_of(const struct owner *owner, uint16_t call,
					       uint16_t error)
{
	const struct account *account = owner ? owner->accounts : NULL;

	while (account && (account->call != call || account->error != error))
		account = account->next;
	return account;
}

static inline uint64_t total_of(const struct owner *owner, uint16_t call, uint16_t error)
{
	const struct account *account = account_of(owner, call, error);

	return account ? account->total : 0;
}
