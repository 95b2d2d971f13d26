/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CPU time of cgroups, as the kernel counts it in `cpu.stat`, with and without a controller. */
#pragma once

#include "modules/cgroups/books.h"

/* The text of a cpu.stat. What it does not say is 0. */
void cpu_time_parse(const char *text, struct cpu_time *ret_time);

/* Tells the books of every cgroup that there is, from the root on. -ENOMEM. */
int cpu_time_walk(int root, struct books *books);
