/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The performance monitor as a part of `sumun run`. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "core/setting_value.h"
#include "modules/perf/module.h"
#include "modules/perf/selftest.h"
#include "modules/perf/watcher.h"

static struct perf_config {
	bool watch;
	bool latency;
	uint32_t by; /* enum owner_by; 0: none */
	uint64_t top;
	uint64_t interval; /* nanoseconds */
	struct alarm_limit limits[ALARMS];
} perf_config = {
	.top = 10,
	.interval = 5 * NSEC_PER_SEC,
	/* As alarm_defaults. */
	.limits = { [ALARM_CALLS] = { { 10000, NSEC_PER_SEC }, false },
		    [ALARM_FAULTS] = { { 1000, NSEC_PER_SEC }, false },
		    [ALARM_SWITCHES] = { { 5000, NSEC_PER_SEC }, false } },
};

/* ---- settings ----------------------------------------------------------------------------- */

static int parse_by(const char *value, void *field, struct error *error)
{
	unsigned by = 0;
	int r = strcmp(value, "none") == 0 ? 0 : owner_by_parse(value, &by, error);

	if (r == 0 && by & BY_CALL)
		r = error_set(error, -EINVAL, "call: [syscalls] tells of each system call");
	if (r == 0)
		*(uint32_t *)field = by;
	return r;
}

static void print_by(const void *field, FILE *out)
{
	char text[OWNER_BY_TEXT];
	uint32_t by = *(const uint32_t *)field;

	fputs(by ? owner_by_text(by, text) : "none", out);
}

static int parse_limit(const char *value, void *field, struct error *error)
{
	return alarm_limit_parse(value, field, error);
}

static void print_limit(const void *field, FILE *out)
{
	char text[ALARM_TEXT];

	fputs(alarm_limit_text(field, text), out);
}

#define ROW(key, parse, print, field, help)                                                 \
	{                                                                                   \
		"perf", key, false, parse, print, offsetof(struct perf_config, field), help \
	}

static const struct setting settings[] = {
	ROW("watch", value_parse_switch, value_print_switch, watch,
	    "measure what the host does while 'sumun run' runs"),
	ROW("by", parse_by, print_by, by,
	    "rows beside the CPUs: process, command, cgroup, user; none"),
	ROW("latency", value_parse_switch, value_print_switch, latency,
	    "measure how long processes wait"),
	ROW("top", value_parse_rows, value_print_rows, top, "rows in a report"),
	ROW("interval", value_parse_interval, value_print_duration, interval,
	    "time between reports, over which rates are meant"),
	ROW("warn-syscalls", parse_limit, print_limit, limits[ALARM_CALLS],
	    "system calls: 10k/s, 5000/s/cpu, none"),
	ROW("warn-faults", parse_limit, print_limit, limits[ALARM_FAULTS],
	    "page faults in user mode"),
	ROW("warn-switches", parse_limit, print_limit, limits[ALARM_SWITCHES], "context switches"),
};

/* ---- the module --------------------------------------------------------------------------- */

static bool perf_wanted(const void *config, const struct start_options *options)
{
	return ((const struct perf_config *)config)->watch;
}

static int perf_start(const struct start_options *start_options, void **ret_instance,
		      struct error *error)
{
	const struct perf_config *config = &perf_config;
	struct watcher_options options = {
		.by = config->by,
		.top = config->top,
		.monitor = { .totals = true,
			     .attribute = config->by || alarm_limits_any(config->limits),
			     .attribution_needed = config->by != 0,
			     .by_call = config->limits[ALARM_CALLS].rate.count > 0,
			     .waits = config->latency,
			     .switch_hook = HOOKS },
	};
	CLEANUP_FREE struct watcher *watcher = calloc(1, sizeof(*watcher));
	int r;

	if (!watcher)
		return error_set(error, -ENOMEM, "out of memory");
	memcpy(options.limits, config->limits, sizeof(options.limits));
	r = perf_watcher_start(&options, watcher, error);
	if (r < 0)
		return r;
	*ret_instance = TAKE_PTR(watcher);
	return 0;
}

static int perf_ring(void *instance)
{
	return perf_monitor_bell(((struct watcher *)instance)->monitor);
}

/* Its only event says that a table gets full. */
static bool perf_describe(void *instance, const struct event_header *event,
			  struct record *ret_record, bool *ret_quiet)
{
	if (perf_watcher_turn(instance) < 0)
		log_warning("out of memory for the books of processes: their numbers are wrong");
	return false;
}

static int perf_second(void *instance, struct output *output, struct error *error)
{
	return 0;
}

static void write_record(void *context, const struct record *record)
{
	output_record(context, record, false);
}

static void perf_report(void *instance, struct output *output, uint64_t elapsed)
{
	struct watcher *watcher = instance;
	struct report report;

	if (perf_watcher_report(watcher, SPAN_INTERVAL, &report) < 0) {
		log_warning("out of memory for a report of performance, ignoring");
		return;
	}
	/* As text it is tables; what a log or a program reads are records. */
	perf_show_records(&watcher->show, &report, write_record, output);
	if (!output_is_json(output))
		perf_show_text(&watcher->show, &report, stdout);
	if (perf_watcher_warn(watcher, &report, write_record, output) < 0 ||
	    perf_watcher_next(watcher) < 0)
		log_warning("out of memory for the books of processes, ignoring");
	perf_report_free(&report);
}

static uint64_t perf_interval(const void *config)
{
	return ((const struct perf_config *)config)->interval;
}

static void *perf_stop(void *instance)
{
	if (instance)
		perf_watcher_stop(instance);
	free(instance);
	return NULL;
}

static int perf_probe(struct error *why)
{
	const struct monitor_options options = {
		.totals = true, .attribute = true, .waits = true, .switch_hook = HOOKS
	};
	struct monitor *monitor = perf_monitor_new(&options, why);

	if (!monitor)
		return -EOPNOTSUPP;
	perf_monitor_free(monitor);
	return 0;
}

static const struct command commands[] = {
	{ .name = "perf",
	  .arguments = "[-- COMMAND...]",
	  .summary = "calls, faults, switches, CPU time; and warns of them",
	  .run = command_perf },
	{ .name = NULL },
};

static const struct need needs[] = {
	{ .commands = "perf",
	  .probe = true,
	  .things = 1U << THING_SYSCALL_ENTER | 1U << THING_SWITCH },
	{ .commands = NULL },
};

const struct module perf_module = {
	.name = "perf",
	.events = EVENT_PERF,
	.settings = settings,
	.setting_count = ARRAY_SIZE(settings),
	.config = &perf_config,
	.wanted = perf_wanted,
	.probe = perf_probe,
	.start = perf_start,
	.ring = perf_ring,
	.describe = perf_describe,
	.second = perf_second,
	.report = perf_report,
	.interval = perf_interval,
	.stop = perf_stop,
	.selftest = perf_selftest,
	.commands = commands,
	.needs = needs,
};
