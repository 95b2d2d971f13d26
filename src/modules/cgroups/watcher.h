/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole monitor for those who show what it sees: the command, and `sumun run`. */
#pragma once

#include "modules/cgroups/monitor.h"
#include "modules/cgroups/show.h"

struct watcher {
	struct monitor *monitor;
	struct books *books;
	uint64_t begun;       /* CLOCK_BOOTTIME, nanoseconds */
	uint64_t reported;    /* when the last interval ended */
	struct ledger before; /* then */
};

#define WATCHER_NONE            \
	{                       \
		.monitor = NULL \
	}

/* Begins to count. */
int group_watcher_start(const struct monitor_options *options, struct watcher *ret_watcher,
			struct error *error);
void group_watcher_stop(struct watcher *watcher); /* a second time is fine */

/* What was counted until now goes into the books. -ENOMEM. */
int group_watcher_turn(struct watcher *watcher);

/*
 * Turns, and makes the report of the interval that ends now, or of the whole time, without its
 * `top`. It points to `view`, and is valid until the next turn or `view` is freed.
 */
int group_watcher_report(struct watcher *watcher, const struct view_options *options,
			 struct view *ret_view, struct report *ret_report);

/* After the report of an interval was shown: the next begins where it ended. -ENOMEM. */
int group_watcher_next(struct watcher *watcher);
