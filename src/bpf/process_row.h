/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who did what a table of an observer counts: one program of one process. */
#pragma once

#include <linux/types.h>

enum { PROCESS_COMMAND = 16 };

enum process_flags {
	PROCESS_ENDED = 1 << 0, /* after all that it did */
};

struct process_row {
	__u64 incarnation; /* see bpf/process.bpf.h; 0: a free row */
	__u64 start;       /* CLOCK_BOOTTIME, nanoseconds: with tgid, the process */
	__u64 cgroup;      /* of cgroup2 */
	__u32 tgid;
	__u32 parent; /* tgid */
	__u32 user;
	__u32 flags; /* enum process_flags */
	char command[PROCESS_COMMAND];
	__u64 unused;
};
_Static_assert(sizeof(struct process_row) == 64, "a cache line");
