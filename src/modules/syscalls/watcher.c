/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>

#include "base/timestamp.h"
#include "modules/syscalls/watcher.h"

/* About 7 MB of accounts of programs that have ended, before they are folded. */
enum { OWNERS_MAX = 4096 };

int watcher_start(const struct monitor_options *options, uint64_t top, struct watcher *ret_watcher,
		  struct error *error)
{
	struct watcher watcher = { .books = books_new(OWNERS_MAX),
				   .cgroups = cgroups_new(),
				   .users = users_new() };

	if (!watcher.books || !watcher.cgroups || !watcher.users) {
		watcher_stop(&watcher);
		return error_set(error, -ENOMEM, "out of memory");
	}
	errno = 0;
	watcher.monitor = monitor_new(options, error);
	if (!watcher.monitor) {
		watcher_stop(&watcher);
		return -EOPNOTSUPP;
	}
	watcher.begun = watcher.reported = timestamp_boottime();
	watcher.show = (struct show){ .hooks = monitor_hooks(watcher.monitor),
				      .latency = options->latency,
				      .errors = options->errors || options->failed,
				      .sort = options->latency ? SORT_TIME : SORT_CALLS,
				      .top = top,
				      .see_all = "-T 0 shows all",
				      .cgroups = watcher.cgroups,
				      .users = watcher.users };
	*ret_watcher = watcher;
	return 0;
}

void watcher_stop(struct watcher *watcher)
{
	watcher->monitor = monitor_free(watcher->monitor);
	watcher->books = books_free(watcher->books);
	watcher->cgroups = cgroups_free(watcher->cgroups);
	watcher->users = users_free(watcher->users);
}

/* A number that another process has by now keeps the dead one in the books, where it does no harm.
 */
static bool lives(uint32_t tgid, uint64_t start)
{
	return kill((pid_t)tgid, 0) == 0 || errno != ESRCH;
}

int watcher_turn(struct watcher *watcher)
{
	uint64_t unmarked = books_ledger(watcher->books)->unmarked;
	int r = monitor_turn(watcher->monitor, watcher->books);

	if (r == 0 && books_ledger(watcher->books)->unmarked > unmarked)
		books_end_dead(watcher->books, lives);
	return r;
}

int watcher_report(struct watcher *watcher, unsigned by, enum view_span span, struct view *ret_view,
		   struct flights *flights, struct call_ledger *ret_ledger,
		   struct report *ret_report)
{
	const struct call_ledger none = { 0 };
	bool all = span == SPAN_ALL;
	uint64_t now, elapsed;
	int r = watcher_turn(watcher);

	now = timestamp_boottime();
	elapsed = now - (all ? watcher->begun : watcher->reported);
	if (r == 0)
		r = view_make(watcher->books, by, span, ret_view);
	if (r < 0)
		return r;
	view_sort(ret_view, watcher->show.sort);
	if (all)
		cgroups_look_again(watcher->cgroups);
	ledger_subtract(books_ledger(watcher->books), all ? &none : &watcher->before, ret_ledger);
	if (flights)
		flights_collect(watcher->monitor, elapsed, flights);
	*ret_report = (struct report){ .view = ret_view,
				       .ledger = ret_ledger,
				       .flights = flights,
				       .time = timestamp_now(),
				       .elapsed = elapsed,
				       .total = all };
	return 0;
}

int watcher_next(struct watcher *watcher)
{
	watcher->before = *books_ledger(watcher->books);
	watcher->reported = timestamp_boottime();
	return books_close_interval(watcher->books);
}
