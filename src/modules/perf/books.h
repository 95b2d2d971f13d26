/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The books of the performance monitor: what the tables of the kernel add up to, by owner
 * (observe/owners.h) and, of waits, by command; since the beginning and since the last report.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules/perf/perf.h"
#include "observe/owners.h"

enum books_span {
	SPAN_INTERVAL, /* since the last report */
	SPAN_ALL,      /* since the beginning */
};

struct wait_sum {
	uint64_t count;
	uint64_t total; /* nanoseconds */
	uint64_t max;
	uint64_t buckets[WAIT_BUCKETS];
};

/* How long tasks of one command waited. */
struct wait_account {
	char command[PROCESS_COMMAND + 1]; /* empty: of those without room in the kernel */
	struct wait_sum all[WAIT_KINDS];
	struct wait_sum interval[WAIT_KINDS];
};

/* Sums over all time: what happened on all CPUs is the first four, and what came since. */
struct perf_ledger {
	__u64 counted[PERF_COUNTS];  /* for a process */
	__u64 unknown[PERF_COUNTS];  /* its table in the kernel had no room */
	__u64 filtered[PERF_COUNTS]; /* of processes that are not looked at */
	uint64_t unseen;             /* system calls around switches that were not shown */
	uint64_t missed;             /* times that the kernel did not run a program of ours */
	uint64_t unmarked;           /* ends of processes that went unnoticed */
	uint64_t folded;  /* programs that were folded before they were told of: no room here */
	uint64_t untimed; /* waits that could not be timed */
};

struct books;

/* Processes beyond `owner_limit` are folded as soon as they end. NULL when out of memory. */
struct books *perf_books_new(size_t owner_limit);
struct books *perf_books_free(struct books *books); /* NULL is fine; returns NULL */

/* Adds a table of the kernel. -ENOMEM: the books are wrong from now on. */
int perf_books_add(struct books *books, const struct perf_table *table);
int perf_books_add_waits(struct books *books, const struct wait_table *table);

/* Notes which processes ended, once the tables of all CPUs are added. -ENOMEM. */
int perf_books_end(struct books *books, const struct perf_table *table);
void perf_books_end_dead(struct books *books, bool (*lives)(uint32_t tgid, uint64_t start));

void perf_books_add_missed(struct books *books, uint64_t missed);

/* After a report: a new interval begins, and the ended are folded. -ENOMEM. */
int perf_books_close_interval(struct books *books);

const struct perf_ledger *perf_books_ledger(const struct books *books);

/* ---- sums --------------------------------------------------------------------------------- */

struct tally_row {
	const struct owner *owner; /* one of those that the row is of */
	__u64 counts[PERF_COUNTS];
};

struct tally {
	unsigned by; /* enum owner_by */
	struct tally_row *rows;
	size_t count;
	struct tally_row sum; /* its owner is NULL */
};

/* Rows in which something was counted, in no order. -ENOMEM; then *ret_tally is untouched. */
int tally_make(const struct books *books, unsigned by, enum books_span span,
	       struct tally *ret_tally);
void tally_free(struct tally *tally);

/* What to sort by. */
enum tally_key { KEY_CALLS, KEY_FAULTS, KEY_SWITCHES, KEY_TIME, KEYS };

uint64_t tally_value(const struct tally_row *row, enum tally_key key);
void tally_sort(struct tally *tally, enum tally_key key); /* the most first */

#define TALLY_NONE                       \
	{                                \
		.rows = NULL, .count = 0 \
	}
#define CLEANUP_TALLY __attribute__((cleanup(tally_free)))

/*
 * The commands that waited, those that waited longest for a CPU first; the caller frees the array,
 * which points into the books. *ret_count 0 and NULL: none. -ENOMEM.
 */
int perf_books_waits(const struct books *books, enum books_span span,
		     const struct wait_account ***ret_accounts, size_t *ret_count);
void wait_add(struct wait_sum *sum, const struct wait_sum *more);

/* The bound below which the share (0..1) of all waits stayed; 0 where there were none. */
uint64_t wait_quantile(const struct wait_sum *sum, double share);
