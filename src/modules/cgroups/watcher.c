/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/timestamp.h"
#include "modules/cgroups/watcher.h"

int group_watcher_start(const struct monitor_options *options, struct watcher *ret_watcher,
			struct error *error)
{
	struct watcher watcher = { .books = group_books_new() };
	int r = -ENOMEM;

	if (watcher.books)
		watcher.monitor = group_monitor_new(options, error, &r);
	/* The first turn says what there is, and what was used before. */
	if (watcher.monitor)
		r = group_watcher_turn(&watcher);
	if (r == -ENOMEM)
		error_set(error, r, "out of memory");
	if (r < 0) {
		group_watcher_stop(&watcher);
		return r;
	}
	watcher.begun = watcher.reported = timestamp_boottime();
	*ret_watcher = watcher;
	return 0;
}

void group_watcher_stop(struct watcher *watcher)
{
	watcher->monitor = group_monitor_free(watcher->monitor);
	watcher->books = group_books_free(watcher->books);
}

int group_watcher_turn(struct watcher *watcher)
{
	return group_monitor_turn(watcher->monitor, watcher->books);
}

static struct ledger ledger_now(const struct watcher *watcher)
{
	return (struct ledger){ .missed = group_monitor_missed(watcher->monitor),
				.unnamed = group_monitor_unnamed(watcher->monitor) };
}

int group_watcher_report(struct watcher *watcher, const struct view_options *options,
			 struct view *ret_view, struct report *ret_report)
{
	uint64_t since = options->total ? watcher->begun : watcher->reported;
	int r = group_watcher_turn(watcher);
	struct ledger ledger;

	if (r == 0)
		r = group_view_make(watcher->books, options, ret_view);
	if (r < 0)
		return r;
	ledger = ledger_now(watcher);
	if (!options->total) {
		ledger.missed -= watcher->before.missed;
		ledger.unnamed -= watcher->before.unnamed;
	}
	*ret_report = (struct report){ .view = ret_view,
				       .ledger = ledger,
				       .hooks = group_monitor_hooks(watcher->monitor),
				       .elapsed = timestamp_boottime() - since,
				       .top = UINT64_MAX,
				       .total = options->total };
	return 0;
}

int group_watcher_next(struct watcher *watcher)
{
	watcher->before = ledger_now(watcher);
	watcher->reported = timestamp_boottime();
	return group_books_close_interval(watcher->books);
}
