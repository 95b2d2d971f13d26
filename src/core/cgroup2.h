/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cgroup2, on its own or beside v1. */
#pragma once

#include "core/pins.h"

/* Where it is mounted. -ENOENT when it is not. */
int cgroup2_mount(char ret_path[PINS_PATH]);
/* The directory of the cgroup that this process is in; the mount itself where that is not seen. */
int cgroup2_own(char ret_path[PINS_PATH]);

/* A line of /proc/self/mountinfo: the mount point when it is a cgroup2, else -ENOENT. */
int cgroup2_parse_mount(const char *line, char ret_path[PINS_PATH]);
