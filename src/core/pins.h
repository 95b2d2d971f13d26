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
 * /sys/fs/bpf is open to all, so the directory is root's alone, or open to the group `sumun`
 * where that exists; one that belongs to somebody else is refused. Whoever else raises a
 * filter owns the directory then, and neither root nor the group trusts it.
 *
 * Locks are flock(2) on these directories: they end with the process that holds them. To
 * take one, read permission suffices; so what the group must not lock it may only pass.
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

/* Who besides the owner may do what; a directory is read to list it or to lock it. */
enum pins_access {
	PINS_GROUP_READS,  /* 0640; a directory 0750 */
	PINS_GROUP_WRITES, /* 0660; a directory 0770 */
	PINS_GROUP_PASSES, /* a directory 0710 */
	PINS_OWNER,        /* 0600; a directory 0700 */
};

/* The group that may read; -1 where it is missing, or is not ours to give to. */
gid_t pins_group(void);

/* There is such a group, and nothing can be given to it for want of permission. */
bool pins_group_is_out_of_reach(void);

/* "<directory>/<name>", or -ENAMETOOLONG. */
int pins_path(char ret_path[PINS_PATH], const char *directory, const char *name);

/* mkdir with the owner and mode of a directory of ours; fine when it exists and is ours or root's.
 */
int pins_make_directory(const char *path, enum pins_access access, struct error *error);

/*
 * Pins `fd`. Programs and links are the owner's alone: whoever may read the pin of a program
 * gets a descriptor that runs and attaches it, and the kernel asks for no capability then.
 */
int pins_add(int fd, const char *directory, const char *name, enum pins_access access,
	     struct error *error);

/* Says who may change what is in a directory of ours, when `code` is -EACCES; returns it. */
int pins_say_refused(const char *directory, int code, struct error *error);

/* Removes a directory of pins and all below it. What is gone already is fine. */
int pins_remove(const char *path);

/* Opens a pinned object; `writable` as for the map's fd. -ENOENT, -EACCES, -EPERM. */
int pins_open(const char *directory, const char *name, bool writable);

enum pins_lock {
	PINS_LOCK_SHARED,
	PINS_LOCK_EXCLUSIVE,
};

/* Removes a directory that holds nothing any more; to be called with its lock. */
void pins_remove_empty(const char *path);

/*
 * Takes a lock on a directory; close the descriptor to let it go. Without `wait`,
 * -EWOULDBLOCK when somebody else holds it; -ENOENT when whoever held it removed it.
 */
int pins_lock(const char *path, enum pins_lock kind, bool wait, int *ret_fd, struct error *error);

/* pins_directory(), made where it is missing, and its exclusive lock. */
int pins_lock_directory(char ret_path[PINS_PATH], int *ret_fd, struct error *error);
