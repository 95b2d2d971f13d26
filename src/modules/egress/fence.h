/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One policy in the kernel: its programs on its cgroup, its rules and what it counted. It lasts as
 * long as it is held here, or, pinned, until its pins or its cgroup go.
 */
#pragma once

#include <stdbool.h>

#include "core/pins.h"
#include "modules/egress/egress.h"

enum { FENCE_LINKS = 5 };

struct fence {
	int rules, counters;        /* maps */
	int links[FENCE_LINKS];     /* -1: held by their pins alone */
	struct egress_state *state; /* the second of them: mapped, or a copy to read */
	bool mapped;
};

#define FENCE_NONE                                                           \
	{                                                                    \
		.rules = -1, .counters = -1, .links = { -1, -1, -1, -1, -1 } \
	}

/*
 * Attaches to a cgroup, whose directory and number are given: from now on the rules hold for
 * whatever it and those beneath it begin. `events` is the ring to tell of what is denied.
 */
int fence_raise(const char *name, int cgroup, uint64_t id, int events,
		const struct egress_rules *rules, struct fence *ret_fence, struct error *error);

/* Pins it as the directory `path`, as a whole, by way of the directory `making`. */
int fence_pin(const struct fence *fence, const char *making, const char *path, struct error *error);

/* One that is pinned; else a copy of what it counted. -ENOENT when part of it is missing. */
int fence_open(const char *path, bool writable, struct fence *ret_fence);

/* Its rules in force. */
int fence_rules(const struct fence *fence, struct egress_rules *ret_rules);

/*
 * Puts other rules in force, for all programs at once. Returns 1, or 0 when they were in force
 * already.
 */
int fence_change(struct fence *fence, const struct egress_rules *rules, struct error *error);

/* Lets go of it: what is not pinned ends. A second time is fine. */
void fence_release(struct fence *fence);

#define CLEANUP_FENCE __attribute__((cleanup(fence_release)))
