/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system call monitor as a part of `sumun run`. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "core/setting_value.h"
#include "modules/syscalls/module.h"
#include "modules/syscalls/selftest.h"
#include "modules/syscalls/watcher.h"

enum { TOP = 10 };

static struct syscalls_config {
	bool watch;
	bool errors;
	bool latency;
	uint32_t by; /* enum owner_by */
	uint64_t top;
	uint64_t interval; /* nanoseconds */
} syscalls_config = {
	.by = BY_PROCESS | BY_CALL,
	.top = TOP,
	.interval = 5 * NSEC_PER_SEC,
};

/* ---- settings ----------------------------------------------------------------------------- */

static int parse_by(const char *value, void *field, struct error *error)
{
	unsigned by;
	int r = owner_by_parse(value, &by, error);

	if (r == 0)
		*(uint32_t *)field = by;
	return r;
}

static void print_by(const void *field, FILE *out)
{
	char text[OWNER_BY_TEXT];

	fputs(owner_by_text(*(const uint32_t *)field, text), out);
}

#define ROW(key, parse, print, field, help)                                                    \
	{                                                                                      \
		"syscalls", key, false, parse, print, offsetof(struct syscalls_config, field), \
			help                                                                   \
	}

static const struct setting settings[] = {
	ROW("watch", value_parse_switch, value_print_switch, watch,
	    "count system calls while 'sumun run' runs"),
	ROW("errors", value_parse_switch, value_print_switch, errors, "count their errors too"),
	ROW("latency", value_parse_switch, value_print_switch, latency,
	    "measure how long they take"),
	ROW("by", parse_by, print_by, by, "what a row is of: process, command, call, cgroup, user"),
	ROW("top", value_parse_rows, value_print_rows, top, "rows in a report"),
	ROW("interval", value_parse_interval, value_print_duration, interval,
	    "time between reports"),
};

/* ---- the module --------------------------------------------------------------------------- */

static bool syscalls_wanted(const void *config, const struct start_options *options)
{
	return ((const struct syscalls_config *)config)->watch;
}

static int syscalls_start(const struct start_options *start_options, void **ret_instance,
			  struct error *error)
{
	const struct monitor_options options = { .errors = syscalls_config.errors,
						 .latency = syscalls_config.latency };
	CLEANUP_FREE struct watcher *watcher = calloc(1, sizeof(*watcher));
	int r;

	if (!watcher)
		return error_set(error, -ENOMEM, "out of memory");
	r = watcher_start(&options, syscalls_config.top, watcher, error);
	if (r < 0)
		return r;
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

static void syscalls_report(void *instance, struct output *output, uint64_t elapsed)
{
	struct watcher *watcher = instance;
	CLEANUP_VIEW struct view view = VIEW_NONE;
	struct call_ledger ledger;
	struct flights flights;
	struct report report;

	if (watcher_report(watcher, syscalls_config.by, SPAN_INTERVAL, &view,
			   syscalls_config.latency ? &flights : NULL, &ledger, &report) < 0) {
		log_warning("out of memory for a report of system calls, ignoring");
		return;
	}
	/* As text it is a table; what a log or a program reads are records. */
	show_records(&watcher->show, &report, write_record, output);
	if (!output_is_json(output))
		show_text(&watcher->show, &report, 0, stdout);
	if (watcher_next(watcher) < 0)
		log_warning("out of memory for the books of system calls, ignoring");
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
	.settings = settings,
	.setting_count = ARRAY_SIZE(settings),
	.config = &syscalls_config,
	.wanted = syscalls_wanted,
	.probe = syscalls_probe,
	.start = syscalls_start,
	.ring = syscalls_ring,
	.describe = syscalls_describe,
	.second = syscalls_second,
	.report = syscalls_report,
	.interval = syscalls_interval,
	.stop = syscalls_stop,
	.selftest = syscalls_selftest,
	.commands = commands,
	.needs = needs,
};
