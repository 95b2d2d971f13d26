/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a cgroup may send: what user space gives the kernel side of one policy, and what that
 * gives back. A pinned interface: a changed layout raises EGRESS_LAYOUT.
 *
 * A policy has two slots of rules, of which one is in force: `slot` says which. User space writes
 * the other and changes that word, so that everything is judged by the old rules or by the new.
 */
#pragma once

#include <linux/types.h>

#include "bpf/event.h"

#define EGRESS_LAYOUT "egress-v1"

enum {
	EGRESS_RULES = 512, /* of a policy */
	EGRESS_NAME = 16,
	EGRESS_COMMAND = 16,
	EGRESS_EVENTS = 20, /* of a policy that are told in a second, at most */
};

enum egress_protocol {
	EGRESS_TCP = 1 << 0,
	EGRESS_UDP = 1 << 1,
};

/* What it matches, it decides. Those that deny come first, so the first match is the verdict. */
struct egress_rule {
	__u64 address[2]; /* network order; IPv4 as ::ffff:a.b.c.d */
	__u64 mask[2];
	__u16 first, last; /* ports, host order; only with `protocols` */
	__u8 protocols;    /* enum egress_protocol; 0: all that there are */
	__u8 v4;           /* ::/0 is all of IPv6 and holds no IPv4 address */
	__u8 deny;
	__u8 anywhere; /* for whoever reads it: 1 and 2 are one rule, for IPv4 and IPv6 */
};
_Static_assert(sizeof(struct egress_rule) == 40, "egress_rule is part of a pinned layout");

struct egress_rules {
	__u32 generation; /* from 1, one more with each change */
	__u32 count;
	__u32 allows;  /* what no rule matches, is denied */
	__u32 observe; /* nothing is denied, but counted and told */
	struct egress_rule rules[EGRESS_RULES];
};

enum egress_hook {
	EGRESS_CONNECT,
	EGRESS_SENDMSG, /* a datagram of a socket that is not connected */
	EGRESS_PACKET,  /* what comes by neither, or was connected before */
	EGRESS_HOOKS,
};

struct egress_state {
	__u64 cgroup;
	__u64 since; /* CLOCK_REALTIME of the last change, nanoseconds */
	char name[EGRESS_NAME];
	__u32 slot;
	__u32 unused;
	__u64 allowed[EGRESS_HOOKS]; /* of packets none is counted here */
	__u64 denied[EGRESS_HOOKS];  /* or would have been, while it only observes */
	__u64 untold;                /* of these, events that were not told: too many, no room */
	__u64 second;                /* in which `told` events were told */
	__u64 told;
};
_Static_assert(sizeof(struct egress_state) == 8 * 5 + 8 * (2 * EGRESS_HOOKS + 3),
	       "egress_state is part of a pinned layout");

/* Its kind is an enum egress_hook. */
struct egress_event {
	struct event_header header;
	__u64 cgroup;  /* of the process or the socket: the policy's or one beneath it */
	__u64 untold;  /* of this policy until now */
	__u32 process; /* 0: not known; the kernel sends in the place of others, too */
	__u32 user;
	__u8 address[16];
	__u16 port; /* 0: none, or not known */
	__u8 protocol;
	__u8 observe; /* it was not denied */
	__u32 unused;
	char command[EGRESS_COMMAND];
	char policy[EGRESS_NAME];
};
_Static_assert(sizeof(struct egress_event) == 96, "egress_event is part of a pinned layout");
