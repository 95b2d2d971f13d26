/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroups by the number that the kernel's hooks give (bpf_get_current_cgroup_id()), which is the
 * inode number of the directory in cgroup2. A number is never used twice, and a cgroup2 is never
 * renamed, so what was seen once stays true; it is kept when the cgroup goes, so that what it
 * did can still be named.
 *
 * Paths begin at the cgroup2 that this process sees, "/system.slice/ssh.service"; the root is "/",
 * and so is a process that is in none. They are text from outside: see observe/cgroup_name.h.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "observe/cgroup_name.h"

struct cgroups;

enum {
	CGROUP_ROOT = 1,     /* the number of the root of cgroup2, on every kernel */
	CGROUPS_MAX = 65536, /* are remembered; then the oldest that is gone makes room */
};

/* Knows what there is now; also where there is no cgroup2. NULL when out of memory. */
struct cgroups *cgroups_new(void);
struct cgroups *cgroups_free(struct cgroups *cgroups); /* NULL is fine; returns NULL */

/*
 * The kernel is asked for what was not seen yet, which takes CAP_DAC_READ_SEARCH; without it all
 * are looked through, at most once a second. Never fails: "cgroup 1234 (gone)", and without the
 * last word where it may only be out of sight. Returns `buffer`.
 */
const char *cgroups_path(struct cgroups *cgroups, uint64_t id, char buffer[CGROUP_PATH]);

/* For a last report: what is not known yet is looked for at once, whenever that was done last. */
void cgroups_look_again(struct cgroups *cgroups);

/* For who has heard of one otherwise, as when it was made. Not remembered when out of memory. */
void cgroups_remember(struct cgroups *cgroups, uint64_t id, const char *path);

/*
 * What a person calls a cgroup: a path, from the root of cgroup2 or from that of the machine, a
 * unit, a container by its id or the start of it, or what cgroup_name() makes of it. Of several
 * that lie beneath each other it is the outermost. The level is what
 * bpf_get_current_ancestor_cgroup_id() wants: 0 is the root. -ENOENT, -EINVAL, -ENOTUNIQ when
 * it can be more than one, -EXDEV when the level is hidden by a cgroup namespace.
 */
int cgroup_find(const char *text, uint64_t *ret_id, uint32_t *ret_level, struct error *error);

static inline void cleanup_cgroups(struct cgroups **cgroups)
{
	cgroups_free(*cgroups);
}
#define CLEANUP_CGROUPS __attribute__((cleanup(cleanup_cgroups)))
