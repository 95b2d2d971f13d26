/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system call monitor as a part of `sumun run`. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "modules/syscalls/module.h"
#include "modules/syscalls/selftest.h"
#include "modules/syscalls/settings.h"
#include "modules/syscalls/watcher.h"
#include "observe/session.h"

/* ---- the module --------------------------------------------------------------------------- */

static bool syscalls_wanted(const void *config, const struct start_options *options)
{
	return ((const struct syscalls_config *)config)->watch;
}

static int syscalls_start(const struct start_options *start_options, void **ret_instance,
			  struct error *error)
{
	struct monitor_options options;
	CLEANUP_FREE struct watcher *watcher = calloc(1, sizeof(*watcher));
	int r = syscalls_config_options(&syscalls_config, &options, error);

	if (r < 0)
		return error_prefix(error, r, "[syscalls]");
	if (!watcher)
		return error_set(error, -ENOMEM, "out of memory");
	r = watcher_start(&options, syscalls_config.top, watcher, error);
	if (r < 0)
		return r;
	watcher->show.see_all = "[syscalls] top";
	*ret_instance = TAKE_PTR(watcher);
	return 0;
}

static int syscalls_ring(void *instance)
{
	return monitor_bell(((struct watcher *)instance)->monitor);
}

static bool turn(struct watcher *watcher)
{
	if (watcher_turn(watcher) == 0)
		return true;
	log_warning("out of memory for the books of system calls: their numbers are too small");
	return false;
}

/* Its only event says that a table gets full. */
static bool syscalls_describe(void *instance, const struct event_header *event,
			      struct record *ret_record, bool *ret_quiet)
{
	turn(instance);
	return false;
}

static int syscalls_second(void *instance, struct output *output, struct error *error)
{
	return 0;
}

static void write_record(void *context, const struct record *record)
{
	output_record(context, record, false);
}

static void report(struct watcher *watcher, enum view_span span, struct output *output)
{
	const struct session terminal = { .out = stdout };
	bool flights_wanted = syscalls_config.latency && span == SPAN_INTERVAL;
	CLEANUP_VIEW struct view view = VIEW_NONE;
	struct call_ledger ledger;
	struct flights flights;
	struct report made;

	if (watcher_report(watcher, syscalls_config.by, span, &view,
			   flights_wanted ? &flights : NULL, &ledger, &made) < 0) {
		log_warning("out of memory for a report of system calls, ignoring");
		return;
	}
	/* As text it is a table; what a log or a program reads are records. */
	show_records(&watcher->show, &made, write_record, output);
	if (!output_is_json(output))
		show_text(&watcher->show, &made, session_width(&terminal), stdout);
	if (span == SPAN_INTERVAL && watcher_next(watcher) < 0)
		log_warning("out of memory for the books of system calls, ignoring");
}

static void syscalls_report(void *instance, struct output *output, uint64_t elapsed)
{
	report(instance, SPAN_INTERVAL, output);
}

/* What came after the last report, and the ledger of the whole time. */
static void syscalls_end(void *instance, struct output *output)
{
	report(instance, SPAN_INTERVAL, output);
	report(instance, SPAN_ALL, output);
}

static uint64_t syscalls_interval(const void *config)
{
	return ((const struct syscalls_config *)config)->interval;
}

static void *syscalls_stop(void *instance)
{
	if (instance)
		watcher_stop(instance);
	free(instance);
	return NULL;
}

static int syscalls_probe(struct error *why)
{
	const struct monitor_options options = { .errors = true, .latency = true };
	struct monitor *monitor = monitor_new(&options, why);

	if (!monitor)
		return -EOPNOTSUPP;
	monitor_free(monitor);
	return 0;
}

static const struct command commands[] = {
	{ .name = "syscalls",
	  .arguments = "[-- COMMAND...]",
	  .summary = "who makes which system calls, and how long they take",
	  .run = command_syscalls },
	{ .name = NULL },
};

static const struct need needs[] = {
	{ .commands = "syscalls",
	  .probe = true,
	  .things = 1U << THING_SYSCALL_ENTER | 1U << THING_SYSCALL_EXIT | 1U << THING_EXIT },
	{ .commands = NULL },
};

const struct module syscalls_module = {
	.name = "syscalls",
	.heading = "See who does what:",
	.events = EVENT_SYSCALLS,
	.settings = syscalls_settings,
	.setting_count = SYSCALLS_SETTINGS,
	.config = &syscalls_config,
	.check = syscalls_config_check,
	.wanted = syscalls_wanted,
	.probe = syscalls_probe,
	.start = syscalls_start,
	.ring = syscalls_ring,
	.describe = syscalls_describe,
	.second = syscalls_second,
	.report = syscalls_report,
	.interval = syscalls_interval,
	.end = syscalls_end,
	.stop = syscalls_stop,
	.selftest = syscalls_selftest,
	.commands = commands,
	.needs = needs,
};
