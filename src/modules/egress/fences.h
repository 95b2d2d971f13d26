/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All policies that are pinned in this network namespace's directory of pins, one directory each,
 * and the ring that they tell what they deny:
 *
 *   <bpffs>/sumun/net-<cookie>/egress-v1/{events,reader,policies/NAME/...}
 *
 * A policy holds for its cgroup, in whatever network namespace the processes of that are.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "modules/egress/fence.h"
#include "modules/egress/settings.h"

/* What was done, for the caller to tell. */
struct fences_report {
	size_t raised, changed, unchanged, removed;
	size_t missing; /* that have no cgroup here */
};

/*
 * Makes what is pinned what the configuration says, each policy without a gap. One whose cgroup is
 * not there is warned of and left out.
 */
int fences_up(const struct egress_config *config, struct fences_report *ret_report,
	      struct error *error);

/* Removes all of them; *ret_count: how many. Not an error when there are none. */
int fences_down(size_t *ret_count, struct error *error);

/* The directory of what is pinned. -ENOENT when nothing is. */
int fences_directory(char ret_path[PINS_PATH], struct error *error);

/* Calls `visit` for each that is pinned, by name, until it is negative. */
int fences_each(const char *directory, bool writable,
		int (*visit)(void *context, const char *name, struct fence *fence), void *context);

/* The directory of a policy's cgroup, and its number. -ENOENT with the reason. */
int fence_find_cgroup(const struct egress_policy *policy, int *ret_fd, uint64_t *ret_id,
		      struct error *error);

/* A ring of events; and that of what is pinned, for one reader, until *ret_lock is closed. */
int fences_make_ring(int *ret_fd, struct error *error);
int fences_take_ring(const char *directory, int *ret_fd, int *ret_lock, struct error *error);
