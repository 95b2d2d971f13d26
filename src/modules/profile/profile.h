/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel side of the profiler writes and user space reads.
 *
 * A stack is known by a number of 64 bits that is made of all that it is: its frames, the
 * process and what that is called (two of 100,000 stacks share one once in ten thousand million
 * profiles). What a stack is made of goes through a ring, once; how often it was met stands in a
 * table of fixed size. There are two tables, of which one is written: `epoch` says which. User
 * space turns the epoch, waits until no program looks at the former table any more, adds it to
 * what it has and clears it. So no sample is lost to a collision, and none to a long profile.
 */
#pragma once

#include "bpf/event.h"

enum {
	STACK_FRAMES = 127, /* of each side: what kernel.perf_event_max_stack is unless changed */
	STACK_ROWS = 65536, /* of a table; a power of two */
	STACK_PROBES = 64,  /* rows that are looked at for one key */
	STACK_ROWS_FULL = STACK_ROWS / 2, /* then the epoch is to be turned */
	STACK_PROCESSES = 4096,           /* a power of two */
	STACK_PROCESS_PROBES = 8,
	STACK_WAKES = 63, /* new stacks of a process, after which it is one of many */
	STACK_COMMAND = 16,
};

enum stack_kind {
	STACK_RUNNING,   /* a sample of what ran */
	STACK_WAITING,   /* gave the CPU up by itself */
	STACK_PREEMPTED, /* had it taken */
	STACK_KINDS,
};

struct stack_row {
	__u64 key; /* 0: a free row */
	__u64 count;
	__u64 time;      /* off the CPU, nanoseconds */
	__u64 announced; /* its frames went through the ring */
};

struct stack_table {
	__u64 used; /* rows */
	struct stack_row rows[STACK_ROWS];
	__u64 processes[STACK_PROCESSES]; /* incarnations, and in the last bits new stacks */
};

/* What a stack is made of. */
struct stack_event {
	struct event_header header;
	__u64 key;
	__u64 incarnation; /* see bpf/process.bpf.h */
	__u64 cgroup;
	__u64 start_stack; /* of the program, as in /proc/PID/stat; 0: has no user side */
	__u32 tgid;
	__u32 kind; /* enum stack_kind */
	__u32 kernel_frames;
	__u32 user_frames;
	char command[STACK_COMMAND];
	__u64 frames[2 * STACK_FRAMES + 1]; /* the kernel's first; each side from the innermost */
};
_Static_assert(sizeof(struct stack_event) == 80 + 8 * 255, "one layout for both sides");

/* Of one CPU, beside each table. Samples, or with `--off-cpu` times that a CPU was left. */
struct stack_counters {
	__u64 taken;
	__u64 filtered;  /* of processes that are not looked at */
	__u64 ended;     /* left the CPU for good */
	__u64 no_row;    /* lost: no room in the table */
	__u64 no_memory; /* lost: the kernel had none to note when the thread left */
	__u64 left;      /* of which `returned` came back */
	__u64 returned;
	__u64 unpaired; /* lost: left again, though nobody had seen it come back */
};
_Static_assert(sizeof(struct stack_counters) == 64, "a cache line");
