/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel side of the performance monitor writes and user space reads.
 *
 * Two things cost nothing where they happen. A system call is counted on its CPU alone; whose it
 * was follows when the CPU goes on with another task: all since it began with this one. And page
 * faults, switches and CPU time of a task the kernel counts itself; what was added to its books
 * while it ran is read at the same moment. So a process is looked up at a switch and not before.
 * What runs for long is settled with as if it were switched out, whenever user space wants to know.
 *
 * What processes did stands in two tables per CPU, of which `epoch` says which is written. User
 * space turns the epoch, waits until no program looks at the former, and empties it.
 */
#pragma once

#include <linux/types.h>

#include "bpf/process_row.h"
#include "observe/call_abi.h"

/* What is counted of a process. */
enum perf_count {
	COUNT_CALLS,
	COUNT_MINOR, /* page faults, of whatever mode, as getrusage(2) has them */
	COUNT_MAJOR,
	COUNT_VOLUNTARY, /* switches */
	COUNT_INVOLUNTARY,
	COUNT_MIGRATIONS,
	COUNT_TIME, /* nanoseconds on a CPU */
	PERF_COUNTS = 8,
};

/* The kernel's books of a task, and ours of its CPU, when it began to run. */
struct perf_run {
	__u64 counts[PERF_COUNTS];
};

/* Of one CPU, since the beginning. */
struct perf_cpu {
	__u64 calls;
	__u64 voluntary; /* switches away from a task that waits */
	__u64 involuntary;
	__u64 idle;   /* from no task at all */
	__u64 unseen; /* switches that the hook did not show */
	__u64 busy;   /* nanoseconds with any task */
	__u32 begun;  /* it is known what runs */
	__u32 tid;    /* of the task that runs; 0: none */
	struct perf_run run;
	__u64 running; /* by programs alone */
	__u64 by_call[CALLS];
};
_Static_assert(sizeof(struct perf_cpu) % 64 == 0, "CPUs share no cache line");

enum {
	PERF_ROWS = 2048, /* of a table; a power of two */
	PERF_PROBES = 16,
	PERF_FULL = PERF_ROWS / 2, /* then user space is woken */
};

struct perf_row {
	struct process_row who;
	__u64 counts[PERF_COUNTS];
};
_Static_assert(sizeof(struct perf_row) == 128, "two cache lines");

struct perf_table {
	struct perf_row rows[PERF_ROWS];
	__u64 folded[PERF_COUNTS];   /* by processes that no row could take */
	__u64 filtered[PERF_COUNTS]; /* by processes that are not looked at */
	__u64 unseen;                /* system calls around switches that were not shown */
	__u64 unmarked;              /* ends of processes that no row could take */
	__u32 row_count;
	__u32 called; /* user space was woken */
	__u64 unused[5];
};
_Static_assert(sizeof(struct perf_table) % 64 == 0, "tables share no cache line");

/* ---- waiting, on request ------------------------------------------------------------------ */

enum wait_kind {
	WAIT_QUEUE,        /* from being able to run until running */
	WAIT_OFF,          /* from a voluntary switch until running again */
	WAIT_OFF_UNWILLED, /* from an involuntary switch until running again */
	WAIT_KINDS,
};

enum {
	WAIT_BUCKETS = 40, /* of power n: from 2^n to 2^(n+1)-1 nanoseconds, the last and more */
	WAIT_ROWS = 512,   /* commands; a power of two. The first is of those without room */
	WAIT_PROBES = 8,
};

struct wait_times {
	__u64 count;
	__u64 total; /* nanoseconds */
	__u64 max;
	__u32 buckets[WAIT_BUCKETS];
};

struct wait_row {
	char command[PROCESS_COMMAND]; /* empty: a free row */
	struct wait_times kinds[WAIT_KINDS];
};

struct wait_table {
	struct wait_row rows[WAIT_ROWS];
	__u64 untimed; /* waits that began when `waits` had no room */
	__u64 unused[7];
};
_Static_assert(sizeof(struct wait_table) % 64 == 0, "tables share no cache line");

/* A task that waits. Which slot a task has follows from where it lies. */
struct wait {
	__u64 task;    /* 0: free */
	__u64 out;     /* when it was switched out, CLOCK_MONOTONIC; 0: it runs */
	__u64 ready;   /* since when it could run; 0: it cannot */
	__u64 willing; /* the switch was voluntary */
};
_Static_assert(sizeof(struct wait) == 32, "two in a cache line");

enum { WAIT_SLOTS = 4, WAIT_BUCKET_COUNT = 16384 };

struct wait_bucket {
	struct wait slots[WAIT_SLOTS];
};
