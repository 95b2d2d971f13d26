/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/grace.h"
#include "modules/perf/warning.h"
#include "modules/perf/watcher.h"

/* Programs that have ended, before they are folded. */
enum { OWNERS_MAX = 4096 };

int perf_watcher_start(const struct watcher_options *options, struct watcher *watcher,
		       struct error *error)
{
	*watcher = (struct watcher){ .books = perf_books_new(OWNERS_MAX),
				     .cgroups = cgroups_new(),
				     .users = users_new(),
				     .by = options->by };
	if (!watcher->books || !watcher->cgroups || !watcher->users) {
		perf_watcher_stop(watcher);
		return error_set(error, -ENOMEM, "out of memory");
	}
	watcher->monitor = perf_monitor_new(&options->monitor, error);
	if (!watcher->monitor) {
		perf_watcher_stop(watcher);
		return -EOPNOTSUPP;
	}
	if (perf_monitor_sample(watcher->monitor, &watcher->begun) < 0 ||
	    sample_copy(&watcher->begun, &watcher->reported) < 0)
		goto out_of_memory;
	watcher->alarms = alarms_new(options->limits, watcher->begun.cpu_count);
	if (!watcher->alarms)
		goto out_of_memory;
	perf_monitor_calls(watcher->monitor, watcher->calls_before);
	watcher->show = (struct show){ .hooks = perf_monitor_hooks(watcher->monitor),
				       .sources = perf_monitor_sources(watcher->monitor),
				       .totals = options->monitor.totals,
				       .waits = options->monitor.waits,
				       .top = options->top,
				       .cgroups = watcher->cgroups,
				       .users = watcher->users };
	return 0;

out_of_memory:
	perf_watcher_stop(watcher);
	return error_set(error, -ENOMEM, "out of memory");
}

void perf_watcher_stop(struct watcher *watcher)
{
	watcher->monitor = perf_monitor_free(watcher->monitor);
	watcher->books = perf_books_free(watcher->books);
	watcher->cgroups = cgroups_free(watcher->cgroups);
	watcher->users = users_free(watcher->users);
	watcher->alarms = alarms_free(watcher->alarms);
	sample_free(&watcher->begun);
	sample_free(&watcher->reported);
	sample_free(&watcher->now);
}

/* A number that another process has by now keeps the dead one in the books, where it does no harm.
 */
static bool lives(uint32_t tgid, uint64_t start)
{
	return kill((pid_t)tgid, 0) == 0 || errno != ESRCH;
}

int perf_watcher_turn(struct watcher *watcher)
{
	uint64_t unmarked = perf_books_ledger(watcher->books)->unmarked;
	int r = perf_monitor_turn(watcher->monitor, watcher->books);

	if (r == 0 && perf_books_ledger(watcher->books)->unmarked > unmarked)
		perf_books_end_dead(watcher->books, lives);
	return r;
}

/* A kernel that is not preempted passes a grace period only when every CPU has switched. */
void perf_watcher_settle(const struct watcher *watcher)
{
	grace_period();
}

static uint64_t count_calls(const struct sample *sample)
{
	uint64_t calls = 0;

	for (size_t i = 0; i < sample->cpu_count; i++)
		calls += sample->cpus[i].counts[METRIC_CALLS];
	return calls;
}

static int make_report(struct watcher *watcher, enum books_span span, struct report *report)
{
	bool all = span == SPAN_ALL;
	int r = change_make(all ? &watcher->begun : &watcher->reported, &watcher->now,
			    &report->change);

	report->total = all;
	report->calls = count_calls(&watcher->now) - (all ? 0 : watcher->seen_before);
	perf_ledger_subtract(perf_books_ledger(watcher->books), all ? NULL : &watcher->before,
			     &report->ledger);
	if (r == 0 && watcher->by) {
		report->with_tally = true;
		r = tally_make(watcher->books, watcher->by, span, &report->tally);
		if (r == 0)
			tally_sort(&report->tally, KEY_TIME);
	}
	if (r == 0 && watcher->show.waits)
		r = perf_books_waits(watcher->books, span, &report->waits, &report->wait_count);
	return r;
}

int perf_watcher_report(struct watcher *watcher, enum books_span span, struct report *ret_report)
{
	struct report report = { .total = false };
	int r = perf_watcher_turn(watcher);

	sample_free(&watcher->now);
	if (r == 0)
		r = perf_monitor_sample(watcher->monitor, &watcher->now);
	if (r == 0)
		r = make_report(watcher, span, &report);
	if (r < 0) {
		perf_report_free(&report);
		return r;
	}
	*ret_report = report;
	return 0;
}

struct telling {
	struct watcher *watcher;
	struct causes causes;
	void (*write)(void *context, const struct record *record);
	void *context;
};

static void tell(void *context, const struct alarm_event *event)
{
	struct telling *telling = context;
	struct watcher *watcher = telling->watcher;
	struct warning_lists lists;
	struct record record;

	if (event->begins && perf_monitor_attributes(watcher->monitor)) {
		if (!telling->causes.found) {
			perf_monitor_calls(watcher->monitor, telling->causes.calls);
			for (size_t i = 0; i < CALLS; i++)
				telling->causes.calls[i] -= watcher->calls_before[i];
		}
		/* Without its cause a warning is still one. */
		if (causes_find(watcher->books, &telling->causes) == 0)
			warning_record(event, &telling->causes, watcher->cgroups, &lists, &record);
		else
			warning_record(event, NULL, watcher->cgroups, &lists, &record);
	} else {
		warning_record(event, NULL, watcher->cgroups, &lists, &record);
	}
	telling->write(telling->context, &record);
}

int perf_watcher_warn(struct watcher *watcher, const struct report *report,
		      void (*write)(void *context, const struct record *record), void *context)
{
	struct telling *telling = calloc(1, sizeof(*telling));

	if (!telling)
		return -ENOMEM;
	telling->watcher = watcher;
	telling->write = write;
	telling->context = context;
	alarms_judge(watcher->alarms, &report->change, watcher->now.time, tell, telling);
	causes_free(&telling->causes);
	free(telling);
	return 0;
}

int perf_watcher_next(struct watcher *watcher)
{
	watcher->before = *perf_books_ledger(watcher->books);
	watcher->seen_before = count_calls(&watcher->now);
	perf_monitor_calls(watcher->monitor, watcher->calls_before);
	if (sample_copy(&watcher->now, &watcher->reported) < 0)
		return -ENOMEM;
	return perf_books_close_interval(watcher->books);
}
