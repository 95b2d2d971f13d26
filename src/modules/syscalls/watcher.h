/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole monitor for those who show what it sees: the command, and `sumun run`. */
#pragma once

#include "modules/syscalls/monitor.h"
#include "modules/syscalls/show.h"
#include "modules/syscalls/view.h"

struct watcher {
	struct monitor *monitor;
	struct books *books;
	struct cgroups *cgroups;
	struct users *users;
	struct show show;
	uint64_t begun;            /* CLOCK_BOOTTIME, nanoseconds */
	uint64_t reported;         /* when the last interval ended */
	struct call_ledger before; /* then */
};

#define WATCHER_NONE            \
	{                       \
		.monitor = NULL \
	}

/* Begins to count. `top`: rows to be shown. */
int watcher_start(const struct monitor_options *options, uint64_t top, struct watcher *ret_watcher,
		  struct error *error);
void watcher_stop(struct watcher *watcher); /* a second time is fine */

/* What was counted until now goes into the books. -ENOMEM. */
int watcher_turn(struct watcher *watcher);

/*
 * Turns, and makes the report of the interval that ends now, or of the whole time; of `flights`,
 * which may be NULL where latency is not measured, those longer than the interval. What the
 * report points to is valid until the next report or `view` is freed.
 */
int watcher_report(struct watcher *watcher, unsigned by, enum view_span span, struct view *ret_view,
		   struct flights *flights, struct call_ledger *ret_ledger,
		   struct report *ret_report);

/* After the report of an interval was shown: the next begins where it ended. -ENOMEM. */
int watcher_next(struct watcher *watcher);
