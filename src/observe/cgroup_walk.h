/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every cgroup beneath a directory of cgroup2, parents first. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* `path` begins at the directory that was given: "/system.slice". The directory itself is left out.
 */
typedef void cgroup_visit(void *context, uint64_t id, const char *path);

/* False when a directory could not be read, or a path was too long: then some were not seen. */
bool cgroup_walk(int directory, cgroup_visit *visit, void *context);
