/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel side of the system call monitor writes and user space reads.
 *
 * Every CPU has two tables, of which one is written: `epoch` says which. User space turns the
 * epoch, waits until no program looks at the former table any more, adds it to its books and
 * clears it. So a table holds little and never overflows slowly, a row is written by one CPU
 * alone and needs no lock, and what processes left behind goes away with the epoch.
 *
 * What finds no room in a table is counted by its call alone (`folded`): no call is lost.
 */
#pragma once

#include <linux/types.h>

#include "bpf/process_row.h"
#include "observe/call_abi.h"

enum {
	CALL_ROWS = 8192,      /* of a table; a power of two */
	CALL_PROBES = 16,      /* rows that are looked at for one key */
	CALL_PROCESSES = 2048, /* a power of two */
	CALL_PROCESS_PROBES = 16,
	CALL_FULL = CALL_ROWS / 2, /* rows: then user space is woken */
	CALL_PROCESSES_FULL = CALL_PROCESSES / 2,
	CALL_NONE = 0xffff, /* no process row had room */
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
	struct call_row rows[CALL_ROWS];
	struct process_row processes[CALL_PROCESSES];
	__u64 folded[CALLS];        /* began, but had no room */
	__u64 folded_errors[CALLS]; /* ended with an error that had no room */
	/* The ledger: seen = counted in rows + folded + filtered. */
	__u64 seen;
	__u64 filtered;
	__u64 unmarked; /* ends of processes that no row could take */
	__u64 untimed;  /* calls whose begin found no room in `flights` */
	__u32 row_count;
	__u32 process_count;
	__u32 called; /* user space was woken */
	__u32 unused[3];
	__u64 running; /* by programs alone: the task that they run in */
};
_Static_assert(sizeof(struct call_table) % 64 == 0, "tables share no cache line");

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

struct latency_table {
	struct call_latency rows[CALL_ROWS];
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
