/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel side of the monitor of opened files writes and user space reads.
 *
 * One event is one call that opens, seen at its end; of io_uring it is two, the request and its
 * result, because tables of what is under way would have to hold whole paths. Its text is up to
 * three paths: what was asked for, and, as names from the inside out, the directory that it is
 * relative to and the file that was opened. An event is as long as its text.
 */
#pragma once

#include <linux/types.h>

#include "bpf/event.h"

enum {
	OPEN_PATH = 4096,    /* bytes of one path, with its end */
	OPEN_DEPTH = 512,    /* names and mounts on the way to the root */
	OPEN_PREFIX = 64,    /* bytes of a pattern that the kernel compares */
	OPEN_RING = 8 << 20, /* bytes: 25,000 opens, a quarter of a second, of 335 bytes each */
	OPEN_WAKE = 1 << 20, /* bytes of one CPU until the reader is woken before its time */
	OPEN_NO_DIRECTORY = -100, /* AT_FDCWD */
	OPEN_REQUESTS = 32768,    /* under way at one time; as many as the largest ring has */
};

enum open_call {
	OPEN_CALL_OPEN,
	OPEN_CALL_CREAT,
	OPEN_CALL_OPENAT,
	OPEN_CALL_OPENAT2,
	OPEN_CALL_HANDLE,
	OPEN_CALLS
};

/* What is not as it should be. */
enum open_mark {
	OPEN_UNREADABLE = 1 << 0,     /* the path asked for */
	OPEN_CUT = 1 << 1,            /* the path asked for is longer than any can be */
	OPEN_RELATIVE = 1 << 2,       /* there is a base, or should be */
	OPEN_BASE_UNKNOWN = 1 << 3,   /* there is no such directory */
	OPEN_HOW_UNREADABLE = 1 << 4, /* the arguments of openat2 */
	OPEN_CHROOT = 1 << 5,         /* the process has a root of its own */
	/* How walks ended, if not at the root of the process: of the base, of the file. */
	OPEN_WALK_CUT = 1 << 0,
	OPEN_WALK_OUTSIDE = 1 << 1, /* it is not under that root */
	OPEN_WALK_NOWHERE = 1 << 2, /* it is in no directory, as a pipe */
};

enum open_kind {
	OPEN_CALL_ENDED,
	OPEN_REQUEST, /* of io_uring, when it is handed in: without a result */
	OPEN_RESULT,  /* of a request: the result and the file, and nothing else */
};

/* How io_uring opened. */
enum open_ring {
	OPEN_BY_RING = 1 << 0,
	OPEN_SLOT = 1 << 1,           /* the result is a slot of the ring, and no descriptor */
	OPEN_SILENT = 1 << 2,         /* no result comes unless it is an error */
	OPEN_RESULT_UNKNOWN = 1 << 3, /* there is none */
};

/* Behind it stands its text. */
struct open_event {
	struct event_header header;
	__u64 request; /* of io_uring: where it lies in the kernel; others come there later */
	__u64 serial;  /* of a request, among all that there were; 0: no result can come */
	__u64 start;   /* of the process: CLOCK_BOOTTIME, nanoseconds */
	__u64 cgroup;  /* of cgroup2 */
	__u64 flags;   /* O_... */
	__u32 mode;
	__u32 resolve; /* of openat2 */
	__u32 tgid;
	__u32 tid;
	__u32 user;
	__s32 result; /* descriptor, slot, or negative errno */
	__s32 directory;
	__u32 mount_namespace;
	__u8 call; /* enum open_call */
	__u8 marks;
	__u8 base_walk;
	__u8 opened_walk;
	/* Bytes, with the ends of strings. */
	__u16 asked;
	__u16 base;
	__u16 opened;
	__u16 number; /* of the call, and of which table: enum call_abi */
	__u16 abi;
	__u16 ring; /* enum open_ring */
	char command[16];
};
_Static_assert(sizeof(struct open_event) == 120, "one layout for both sides");

/* The ledger of one CPU: seen = sent + filtered + lost. */
struct open_counters {
	__u64 seen;
	__u64 sent;
	__u64 filtered;
	__u64 lost; /* the ring was full */
	__u64 unreadable;
	__u64 cut;
	__u64 requests; /* of io_uring, that were given a serial */
	__u64 unused;
};
_Static_assert(sizeof(struct open_counters) == 64, "a cache line");

/*
 * Of one CPU, and where it writes an event before it is sent. Every CPU has two: programs of
 * io_uring have their own, because others may be preempted by them.
 */
struct open_row {
	struct open_counters counters;
	__u64 unwoken; /* bytes sent since the reader was last woken from here */
	/* A walk to the root: where it is. */
	__u64 root_dentry;
	__u64 root_mount;
	__u64 dentry;
	__u64 mount;
	__u64 mount_root;
	__u64 mount_parent;
	__u64 mount_point;
	__u32 used;    /* of text */
	__u32 taken;   /* by a program that may be preempted */
	__u8 copy[96]; /* of what is looked at, as the kernel has it */
	__u64 how[3];  /* of openat2 */
	struct open_event event;
	char text[3 * OPEN_PATH + 512];
};
