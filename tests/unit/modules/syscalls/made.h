/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of the kernel side, as a test fills it. */
#pragma once

#include "../../unit.h"

#include <stdlib.h>

#include "modules/syscalls/books.h"
#include "modules/syscalls/view.h"

struct made {
	struct call_table table;
	struct latency_table latency;
	uint16_t processes, rows;
};

static inline struct made *made_new(void)
{
	struct made *made = calloc(1, sizeof(*made));

	assert_non_null(made);
	return made;
}

static inline void made_clear(struct made *made)
{
	memset(made, 0, sizeof(*made));
}

static inline void cleanup_made(struct made **made)
{
	free(*made);
}
#define CLEANUP_MADE __attribute__((cleanup(cleanup_made)))

static inline void cleanup_books(struct books **books)
{
	books_free(*books);
}
#define CLEANUP_BOOKS __attribute__((cleanup(cleanup_books)))

/* Returns its row; the incarnation is the start, as it is without an exec. */
static inline uint16_t made_process(struct made *made, uint32_t tgid, uint64_t start,
				    const char *command)
{
	struct process_row *row = &made->table.processes[made->processes];

	row->incarnation = row->start = start;
	row->tgid = tgid;
	row->parent = 1;
	row->cgroup = 1;
	memcpy(row->command, command, strlen(command));
	made->table.process_count++;
	return made->processes++;
}

static inline void made_end(struct made *made, uint16_t process)
{
	made->table.processes[process].flags |= PROCESS_ENDED;
}

/* Returns its row. */
static inline uint16_t made_calls(struct made *made, uint16_t process, uint16_t call,
				  uint16_t error, uint64_t count)
{
	const struct process_row *from = &made->table.processes[process];

	made->table.rows[made->rows] = (struct call_row){ .incarnation = from->incarnation,
							  .tgid = from->tgid,
							  .call = call,
							  .error = error,
							  .count = count,
							  .process = process };
	if (!error)
		made->table.seen += count;
	return made->rows++;
}

/* So many calls of a row took so long each. */
static inline void made_latency(struct made *made, uint16_t row, uint64_t each, uint32_t count)
{
	const struct call_latency more = {
		.returned = count, .total = each * count, .min = each, .max = each
	};
	unsigned power = 63 - (unsigned)__builtin_clzll(each);

	latency_add(&made->latency.rows[row], &more);
	made->latency.rows[row].buckets[power] += count;
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
