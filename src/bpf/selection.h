/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which processes an observer looks at, as its programs in the kernel are told before they are
 * loaded: the verifier knows the numbers then, and what is not asked for costs nothing.
 *
 * Of one kind any will do (one of the PIDs); of several kinds all must hold.
 */
#pragma once

#include <linux/types.h>

enum { SELECTION_MAX = 16, SELECTION_COMMAND = 16 };

struct selection_cgroup {
	__u64 id;
	__u32 level; /* below the root of cgroup2, which is 0 */
	__u32 unused;
};

struct selection {
	__u32 follow; /* only what stands in the map `followed`, and its children */
	__u32 pid_count;
	__u32 user_count;
	__u32 command_count;
	__u32 cgroup_count;
	__u32 unused;
	__u32 pids[SELECTION_MAX];
	__u32 users[SELECTION_MAX];
	char commands[SELECTION_MAX][SELECTION_COMMAND]; /* padded with 0 */
	struct selection_cgroup cgroups[SELECTION_MAX];  /* these, and those below them */
};
_Static_assert(sizeof(struct selection) == 24 + 2 * 64 + 256 + 256, "one layout for both sides");
