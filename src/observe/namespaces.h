/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which namespaces this process is in. The kernel's hooks see every process by the number that
 * the initial pid namespace gives it, and what a file is called depends on the mount namespace.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* Inode numbers, which tell one namespace from another. A negative errno without /proc. */
int namespaces_mount(uint64_t *ret_inode);
int namespaces_pid(uint64_t *ret_inode);

/*
 * Whether a process number that a person gives is the one that the hooks see. -EXDEV with the
 * reason in any but the initial pid namespace: there the same number is another process.
 */
int namespaces_check_pid(struct error *error);
