/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where sumun's state lives between commands: a directory of pinned BPF objects,
 *
 *   <bpffs>/sumun/net-<cookie>/
 *
 * one for each network namespace (by the kernel's cookie, which is never used
 * twice), because interfaces, addresses and so policies belong to one namespace.
 * Modules make their own directories in it, whose names carry a layout version.
 *
 * bpffs is looked for on /sys/fs/bpf, then on that of the process furthest up from us
 * that we may look at: commands such as `ip netns exec` run in a mount namespace of
 * their own, which ends with them. Where there is none it is mounted out there.
 *
 * /sys/fs/bpf is open to all, so the directory is root's (mode 0700), or 0750 for the
 * group `sumun` where that exists; one that belongs to somebody else is refused.
 *
 * Locks are flock(2) on these directories: they end with the process that holds them.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

enum { PINS_PATH = 256 };

/*
 * The directory of this network namespace. With `create`, mounts bpffs and makes
 * what is missing. Without, -ENOENT when there is nothing. -EPERM, -EACCES with the
 * reason when the permissions do not suffice.
 */
int pins_directory(bool create, char ret_path[PINS_PATH], struct error *error);

/* The group that may read, or -1. */
gid_t pins_group(void);

/* "<directory>/<name>", or -ENAMETOOLONG. */
int pins_path(char ret_path[PINS_PATH], const char *directory, const char *name);

/* mkdir with the owner and mode of a directory of ours; fine when it exists. */
int pins_make_directory(const char *path, struct error *error);

/* Pins `fd`, readable by the group; `writable` gives the group write access too (rings). */
int pins_add(int fd, const char *directory, const char *name, bool group_writes,
	     struct error *error);

/* Removes a directory of pins and all below it. What is gone already is fine. */
int pins_remove(const char *path);

/* Opens a pinned object; `writable` as for the map's fd. -ENOENT, -EACCES, -EPERM. */
int pins_open(const char *directory, const char *name, bool writable);

enum pins_lock {
	PINS_LOCK_SHARED,
	PINS_LOCK_EXCLUSIVE,
};

/*
 * Takes a lock on a directory; close the descriptor to let it go. Without `wait`,
 * -EWOULDBLOCK when somebody else holds it.
 */
int pins_lock(const char *path, enum pins_lock kind, bool wait, int *ret_fd, struct error *error);
