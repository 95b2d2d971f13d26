/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel side of the system call monitor writes and user space reads.
 *
 * Every CPU has two tables, of which one is written: `epoch` says which. User space turns the
 * epoch, waits until no program looks at the former table any more, adds it to its books and
 * clears it. So a table holds little and never overflows slowly, a row is written by one CPU
 * alone and needs no lock, and what processes left behind goes away with the epoch.
 *
 * What finds no room in a table is counted by its call alone (struct call_folds): no call is lost.
 */
#pragma once

#include <linux/types.h>

#include "bpf/process_row.h"
#include "observe/call_abi.h"

enum {
	/* Of a table there are from so many rows to so many, by how many CPUs share the memory. */
	CALL_ROWS_LEAST = 256, /* powers of two, all three */
	CALL_ROWS_MOST = 8192,
	CALL_ROWS_EACH = 4, /* for one row of a process */
	CALL_PROBES = 16,   /* rows that are looked at for one key */
	CALL_PROCESS_PROBES = 16,
	CALL_NONE = 0xffff, /* no row had room */
};

enum {
	ERROR_UNKNOWN = 0xffff, /* stands for the errors that had no room */
};

/* What one program of one process did of one call, or with one error of it. */
struct call_row {
	__u64 incarnation; /* see bpf/process.bpf.h; 0: a free row */
	__u32 tgid;
	__u16 call;
	__u16 error; /* 0: calls that began; else calls that ended with this error */
	__u64 count;
	__u16 process; /* its row in `processes` */
	__u16 unused[3];
};
_Static_assert(sizeof(struct call_row) == 32, "two in a cache line");

struct call_table {
	/* The ledger: seen = counted in rows + folded + filtered. */
	__u64 seen;
	__u64 filtered;
	__u64 unmarked; /* ends of processes that no row could take */
	__u64 untimed;  /* calls whose begin found no room in `flights` */
	__u32 row_count;
	__u32 process_count;
	__u32 called; /* user space was woken */
	__u32 unused[3];
	__u64 running;          /* by programs alone: the task that they run in */
	struct call_row rows[]; /* and behind the last, the rows of processes */
};
_Static_assert(sizeof(struct call_table) == 64, "tables share no cache line");

/* Of all CPUs in an epoch: it is seldom that a table has no room. */
struct call_folds {
	__u64 calls[CALLS];  /* began */
	__u64 errors[CALLS]; /* ended with an error */
};

/* ---- latency, on request: beside each row of calls that began ---------------------------- */

enum {
	LATENCY_BUCKETS = 40
}; /* of power n: from 2^n to 2^(n+1)-1 nanoseconds, the last and more */

struct call_latency {
	__u64 returned;
	__u64 total; /* nanoseconds */
	__u64 min;
	__u64 max;
	__u32 buckets[LATENCY_BUCKETS];
};

/* A call under way. Which slot a thread has follows from where its task lies. */
struct flight {
	__u64 task;  /* 0: free */
	__u64 begun; /* CLOCK_MONOTONIC, nanoseconds */
	__u32 tgid;
	__u32 tid;
	__u32 call;
	__u32 unused;
};
_Static_assert(sizeof(struct flight) == 32, "two in a cache line");

enum { FLIGHT_SLOTS = 4, FLIGHT_BUCKETS = 16384 };

struct flight_bucket {
	struct flight slots[FLIGHT_SLOTS];
};
