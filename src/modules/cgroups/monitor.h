/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel side of the cgroup monitor: loading it, and turning its tables into books. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "bpf/event.h"
#include "core/ladder.h"
#include "modules/cgroups/books.h"

struct monitor_options {
	bool interfaces; /* count what they take and send, too */
	enum hook hook;  /* the only one to be tried at tracepoints; HOOKS: whatever works */
};

struct monitor;

/* Loads and attaches: from now on all is counted. NULL with the reason, and its errno. */
struct monitor *group_monitor_new(const struct monitor_options *options, struct error *error,
				  int *ret_error);
struct monitor *group_monitor_free(struct monitor *monitor); /* NULL is fine; returns NULL */

/* The map of a ring, whose events group_monitor_take() takes. */
int group_monitor_ring(const struct monitor *monitor);

/* What an event says goes into the books. Returns 1 when a table wants to be turned; -ENOMEM. */
int group_monitor_take(const struct event_header *event, struct books *books);

/*
 * Adds everything that was counted until now to the books, and what the kernel knows of every
 * cgroup that there is. Negative: out of memory, and the books are wrong from now on.
 */
int group_monitor_turn(struct monitor *monitor, struct books *books);

const char *group_monitor_hooks(const struct monitor *monitor); /* "tp_btf sys_enter, ..." */
uint64_t group_monitor_unnamed(const struct monitor *monitor);  /* cgroups made unheard */
uint64_t group_monitor_missed(const struct monitor *monitor);   /* programs that did not run */
