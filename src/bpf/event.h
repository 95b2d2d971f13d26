/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every event in a ring begins with; the rest belongs to the module named here. */
#pragma once

#include <linux/types.h>

struct event_header {
	__u64 time;   /* CLOCK_BOOTTIME, nanoseconds */
	__u16 module; /* enum event_module */
	__u16 kind;   /* the module's own enumeration */
	__u32 size;   /* of the whole event, bytes */
};
_Static_assert(sizeof(struct event_header) == 16, "event_header is part of a pinned layout");

enum event_module {
	EVENT_FILTER = 1,
	EVENT_SYSCALLS = 2,
	EVENT_OPENS = 3,
	EVENT_PERF = 4,
	EVENT_PROFILE = 5,
	EVENT_CGROUPS = 6,
	EVENT_EGRESS = 7,
};
