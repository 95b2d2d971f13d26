/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole monitor for those who show what it sees: the command, and `sumun run`. */
#pragma once

#include "modules/perf/alarm.h"
#include "modules/perf/monitor.h"
#include "modules/perf/show.h"

struct watcher_options {
	struct monitor_options monitor;
	struct alarm_limit limits[ALARMS];
	unsigned by;  /* enum owner_by; 0: no rows of processes */
	uint64_t top; /* rows to be shown */
};

struct watcher {
	struct monitor *monitor;
	struct books *books;
	struct cgroups *cgroups;
	struct users *users;
	struct alarms *alarms;
	unsigned by;
	struct show show;
	struct sample begun;
	struct sample reported; /* when the last interval ended */
	struct sample now;
	struct perf_ledger before; /* when the last interval ended */
	uint64_t seen_before;      /* system calls, then */
	uint64_t calls_before[CALLS];
};

/* Begins to count. A watcher is large: not for the stack. */
int perf_watcher_start(const struct watcher_options *options, struct watcher *watcher,
		       struct error *error);
void perf_watcher_stop(struct watcher *watcher); /* a second time is fine, and one of zeroes */

/* What was counted until now goes into the books. -ENOMEM. */
int perf_watcher_turn(struct watcher *watcher);

/* After a process was seen to end: its last switch comes a moment later. Waits for that. */
void perf_watcher_settle(const struct watcher *watcher);

/*
 * Turns, and makes the report of the interval that ends now, or of the whole time, to be freed with
 * perf_report_free().
 */
int perf_watcher_report(struct watcher *watcher, enum books_span span, struct report *ret_report);

/* Writes a record of each warning that the interval of a report begins or ends. */
int perf_watcher_warn(struct watcher *watcher, const struct report *report,
		      void (*write)(void *context, const struct record *record), void *context);

/* After the report of an interval was shown: the next begins where it ended. -ENOMEM. */
int perf_watcher_next(struct watcher *watcher);
