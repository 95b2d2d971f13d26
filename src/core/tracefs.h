/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tracefs, which knows the numbers of the kernel's classic tracepoints. */
#pragma once

#include "base/error.h"

/* Where it is mounted, or NULL. */
const char *tracefs_mounted(void);

/*
 * The number of "sched/sched_switch". Where tracefs is not mounted it is looked into without
 * mounting it anywhere, which takes CAP_SYS_ADMIN. -ENOENT: no such tracepoint.
 */
int tracefs_event_id(const char *event, int *ret_id, struct error *error);
