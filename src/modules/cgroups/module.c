/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cgroup monitor as a part of `sumun run`. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "core/ladder.h"
#include "core/setting_value.h"
#include "modules/cgroups/module.h"
#include "modules/cgroups/selftest.h"
#include "modules/cgroups/watcher.h"

enum { TOP = 30 };

static struct cgroups_config {
	bool watch;
	bool flat;
	uint64_t interval; /* nanoseconds */
} cgroups_config = {
	.interval = 5 * NSEC_PER_SEC,
};

#define ROW(key, parse, print, field, help)                                                       \
	{                                                                                         \
		"cgroups", key, false, parse, print, offsetof(struct cgroups_config, field), help \
	}

static const struct setting settings[] = {
	ROW("watch", value_parse_switch, value_print_switch, watch,
	    "count what each cgroup does while 'sumun run' runs"),
	ROW("flat", value_parse_switch, value_print_switch, flat,
	    "each cgroup by itself instead of a tree"),
	ROW("interval", value_parse_interval, value_print_duration, interval,
	    "time between reports"),
};

static bool cgroups_wanted(const void *config, const struct start_options *options)
{
	return ((const struct cgroups_config *)config)->watch;
}

static int cgroups_start(const struct start_options *start_options, void **ret_instance,
			 struct error *error)
{
	const struct monitor_options options = { .interfaces = true, .hook = HOOKS };
	CLEANUP_FREE struct watcher *watcher = calloc(1, sizeof(*watcher));
	int r;

	if (!watcher)
		return error_set(error, -ENOMEM, "out of memory");
	r = group_watcher_start(&options, watcher, error);
	if (r < 0)
		return r;
	*ret_instance = TAKE_PTR(watcher);
	return 0;
}

static int cgroups_ring(void *instance)
{
	return group_monitor_ring(((struct watcher *)instance)->monitor);
}

static void warn_of_memory(int r)
{
	if (r < 0)
		log_warning("out of memory for the books of cgroups: their numbers are too small");
}

/* None of its events is told: they name cgroups, or say that a table gets full. */
static bool cgroups_describe(void *instance, const struct event_header *event,
			     struct record *ret_record, bool *ret_quiet)
{
	struct watcher *watcher = instance;
	int r = group_monitor_take(event, watcher->books);

	warn_of_memory(r > 0 ? group_watcher_turn(watcher) : r);
	return false;
}

static int cgroups_second(void *instance, struct output *output, struct error *error)
{
	return 0;
}

static void write_record(void *context, const struct record *record)
{
	output_record(context, record, false);
}

static void cgroups_report(void *instance, struct output *output, uint64_t elapsed)
{
	const struct view_options options = { .flat = cgroups_config.flat };
	struct watcher *watcher = instance;
	CLEANUP_VIEW struct view view = VIEW_NONE;
	struct report report;
	int r = group_watcher_report(watcher, &options, &view, &report);

	if (r < 0) {
		warn_of_memory(r);
		return;
	}
	/* As text it is a table; what a log or a program reads are records. */
	group_show_records(&report, write_record, output);
	report.top = TOP;
	if (!output_is_json(output))
		group_show_text(&report, 0, stdout);
	warn_of_memory(group_watcher_next(watcher));
}

static uint64_t cgroups_interval(const void *config)
{
	return ((const struct cgroups_config *)config)->interval;
}

static void *cgroups_stop(void *instance)
{
	if (instance)
		group_watcher_stop(instance);
	free(instance);
	return NULL;
}

static int cgroups_probe(struct error *why)
{
	const struct monitor_options options = { .interfaces = true, .hook = HOOKS };
	int r;
	struct monitor *monitor = group_monitor_new(&options, why, &r);

	group_monitor_free(monitor);
	return monitor ? 0 : r;
}

static const struct command commands[] = {
	{ .name = "cgroups",
	  .arguments = "[CGROUP...]",
	  .summary = "what each service and container does",
	  .run = command_cgroups },
	{ .name = NULL },
};

static const struct need needs[] = {
	{ .commands = "cgroups",
	  .probe = true,
	  .things = 1U << THING_SYSCALL_ENTER | 1U << THING_SWITCH | 1U << THING_FAULT |
		    1U << THING_CONNECTION | 1U << THING_CGROUP_EGRESS |
		    1U << THING_CGROUP_INGRESS },
	{ .commands = NULL },
};

const struct module cgroups_module = {
	.name = "cgroups",
	.events = EVENT_CGROUPS,
	.settings = settings,
	.setting_count = ARRAY_SIZE(settings),
	.config = &cgroups_config,
	.wanted = cgroups_wanted,
	.probe = cgroups_probe,
	.start = cgroups_start,
	.ring = cgroups_ring,
	.describe = cgroups_describe,
	.second = cgroups_second,
	.report = cgroups_report,
	.interval = cgroups_interval,
	.stop = cgroups_stop,
	.selftest = cgroups_selftest,
	.commands = commands,
	.needs = needs,
};
