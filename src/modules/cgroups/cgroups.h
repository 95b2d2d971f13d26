/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel side of the cgroup monitor writes and user space reads.
 *
 * Every CPU has two tables, of which one is written: `epoch` says which. User space turns the
 * epoch, waits until no program looks at the former table any more, adds it to its books and
 * clears it.
 *
 * What finds no room in a table is counted without its cgroup (`folded`): nothing is lost.
 */
#pragma once

#include <linux/types.h>

#include "bpf/event.h"

enum {
	CGROUP_ROWS = 1024,            /* of a table; a power of two */
	CGROUP_PROBES = 16,            /* rows that are looked at for one cgroup */
	CGROUP_FULL = CGROUP_ROWS / 2, /* rows: then user space is woken */
	CGROUP_EVENT_PATH = 512,
};

/*
 * No cgroup has these numbers: what CPUs do that have nothing to do, what found no room, and what
 * all interfaces took and sent.
 */
#define CGROUP_IDLE       0xffffffffffffffffULL
#define CGROUP_UNKNOWN    0xfffffffffffffffeULL
#define CGROUP_INTERFACES 0xfffffffffffffffdULL

enum traffic_protocol {
	TRAFFIC_TCP,
	TRAFFIC_UDP,
	TRAFFIC_ICMP,
	TRAFFIC_ICMPV6,
	TRAFFIC_OTHER,
	TRAFFIC_PROTOCOLS,
};

struct traffic {
	__u64 packets; /* as they are on the wire: what is sent in one piece and cut later is many
			*/
	__u64 bytes;   /* from the IP header on, of each */
};

/* All are counters. */
struct cgroup_counts {
	__u64 calls;       /* system calls that began */
	__u64 faults;      /* page faults in user mode */
	__u64 voluntary;   /* switches away from a thread that waits */
	__u64 involuntary; /* and from one that would have gone on */
	__u64 made;        /* TCP connections, when they are established */
	__u64 accepted;    /* the same, of those that others began */
	__u64 refused;     /* that the other side refused */
	__u64 failed;      /* that came to nothing otherwise: no answer, no way, given up */
	struct traffic in[TRAFFIC_PROTOCOLS];  /* what its sockets took */
	struct traffic out[TRAFFIC_PROTOCOLS]; /* what its sockets sent */
};

struct cgroup_row {
	__u64 id; /* 0: a free row */
	struct cgroup_counts counts;
	__u64 unused[3];
};
_Static_assert(sizeof(struct cgroup_row) == 256, "four cache lines");

struct cgroup_table {
	struct cgroup_row rows[CGROUP_ROWS];
	struct cgroup_counts folded;
	__u32 row_count;
	__u32 called; /* user space was woken */
	__u64 unused[3];
};
_Static_assert(sizeof(struct cgroup_table) % 64 == 0, "tables share no cache line");

enum cgroup_event_kind {
	CGROUP_EVENT_FULL, /* a table gets full and wants to be turned; nothing but a header */
	CGROUP_EVENT_MADE,
};

/* A cgroup was made: it may be gone before anybody asks for its name. */
struct cgroup_made {
	struct event_header header;
	__u64 id;
	char path[CGROUP_EVENT_PATH];
};
