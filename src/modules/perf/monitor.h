/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the performance monitor has in the kernel: programs, counters of perf, and the kernel's
 * own files. Each number comes from the cheapest of them that is exact.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "bpf/selection.h"
#include "modules/perf/books.h"
#include "modules/perf/metrics.h"

struct monitor_options {
	struct selection selection;
	bool self;               /* this process's own doings as well */
	bool totals;             /* of the CPUs, which are of everybody */
	bool attribute;          /* to processes, if that can be had here */
	bool attribution_needed; /* nothing works without */
	bool by_call;            /* count each system call apart */
	bool waits;              /* measure them */
	enum hook switch_hook;   /* the only one to be tried; HOOKS: whatever works */
};

struct monitor;

/* Loads and attaches: from now on is counted. NULL with the reason. */
struct monitor *perf_monitor_new(const struct monitor_options *options, struct error *error);
struct monitor *perf_monitor_free(struct monitor *monitor); /* NULL is fine; returns NULL */

/* Whether it attributes: some hooks cannot. */
bool perf_monitor_attributes(const struct monitor *monitor);

/* "tp_btf sys_enter, tp_btf sched_switch" */
const char *perf_monitor_hooks(const struct monitor *monitor);
const struct source *perf_monitor_sources(const struct monitor *monitor); /* METRICS of them */

/* The map of a ring: an event in it means that a table gets full and wants to be turned. */
int perf_monitor_bell(const struct monitor *monitor);

/*
 * Adds everything that processes did until now to the books. Negative: out of memory, and the
 * books are wrong from now on.
 */
int perf_monitor_turn(struct monitor *monitor, struct books *books);

/* All counters of all CPUs; the sample is sample_free()d. -ENOMEM. */
int perf_monitor_sample(struct monitor *monitor, struct sample *ret_sample);

/* System calls by number since the beginning, over all CPUs. */
void perf_monitor_calls(const struct monitor *monitor, uint64_t ret_counts[CALLS]);

/* To be called by a child that is to be followed; see observe/child.h. The context is a monitor. */
int perf_monitor_follow_me(void *monitor);
uint64_t perf_monitor_not_followed(const struct monitor *monitor);
