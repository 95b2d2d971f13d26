/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's own counters per CPU: /proc/stat, /proc/interrupts, /proc/softirqs. */
#pragma once

#include "base/error.h"
#include "modules/perf/metrics.h"

struct kernel_files;

/* Keeps the files open. NULL with the reason. */
struct kernel_files *kernel_files_new(struct error *error);
struct kernel_files *kernel_files_free(struct kernel_files *files); /* NULL is fine */

/* Which CPUs are online, their time, interrupts and softirqs. What cannot be read is unknown. */
void kernel_files_read(struct kernel_files *files, struct sample *sample);

/* ---- parsers, for tests ------------------------------------------------------------------- */

/* Marks who is online. `tick`: nanoseconds. */
void kernel_files_parse_stat(const char *text, uint64_t tick, struct sample *sample);
/*
 * /proc/interrupts, /proc/softirqs: a head that names CPUs, rows of as many numbers. Rows that
 * count what another row counts already, or are not of a CPU, are left out.
 */
void kernel_files_parse_table(const char *text, enum metric metric, struct sample *sample);
