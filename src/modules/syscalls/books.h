/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The books of the system call monitor: what the tables of the kernel add up to, by owner and
 * call, since the beginning and since the last report. Knows nothing of the kernel but the
 * layout of its tables.
 *
 * The accounts of an owner (observe/owners.h) are a list of struct account.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules/syscalls/syscalls.h"
#include "observe/owners.h"

/* What one owner did of one call, or with one error of it. */
struct account {
	const struct owner *owner;
	uint16_t call;
	uint16_t error;  /* 0: calls that began */
	uint64_t total;  /* since the beginning */
	uint64_t before; /* of which until the last report */
	/* NULL where latency is not asked for; accounts of errors have none. */
	struct call_latency *latency;          /* since the beginning */
	struct call_latency *latency_interval; /* since the last report */
	struct account *next;                  /* of the owner */
};

/* Sums of the kernel's own counters: seen = counted + unknown + filtered. */
struct call_ledger {
	uint64_t seen;
	uint64_t filtered;
	uint64_t counted;  /* for a process */
	uint64_t unknown;  /* counted by call alone: no room in the kernel */
	uint64_t untimed;  /* calls whose time could not be taken */
	uint64_t missed;   /* times that the kernel did not run a program of ours */
	uint64_t unmarked; /* ends of processes that went unnoticed */
	uint64_t folded;   /* processes that were folded before they were told of: no room here */
};

/* The tables of one CPU in an epoch. */
struct call_tables {
	struct call_table *table; /* with `row_count` rows of calls behind it */
	struct process_row *processes;
	struct call_latency *latencies; /* one for each row of calls; NULL: not measured */
	size_t row_count, process_count;
};

struct books;

/* Processes beyond `owner_limit` are folded as soon as they end. NULL when out of memory. */
struct books *books_new(size_t owner_limit);
struct books *books_free(struct books *books); /* NULL is fine; returns NULL */

/* Add what a CPU counted, and what none had room for. -ENOMEM: the books are wrong from now on. */
int books_add(struct books *books, const struct call_tables *tables);
int books_add_folds(struct books *books, const struct call_folds *folds);

/* Notes which processes ended, once the tables of all CPUs are added: they are complete then. */
int books_end(struct books *books, const struct call_tables *tables);

/* For ends that the kernel could not note down: asks of every process whether it lives. */
void books_end_dead(struct books *books, bool (*lives)(uint32_t tgid, uint64_t start));

/* `missed` since the last time. */
void books_add_missed(struct books *books, uint64_t missed);

/* After a report: a new interval begins, and the ended are folded. */
int books_close_interval(struct books *books);

const struct owner *books_owners(const struct books *books); /* the first; NULL: none */
const struct call_ledger *books_ledger(const struct books *books);

/* `more` is added. */
void latency_add(struct call_latency *latency, const struct call_latency *more);

/*
 * The bound below which the share (0..1) of all calls stayed, nanoseconds: the end of a bucket,
 * or the longest call, if that was shorter. 0 where there were none.
 */
uint64_t latency_quantile(const struct call_latency *latency, double share);
