/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stddef.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "core/setting_value.h"
#include "modules/syscalls/settings.h"
#include "observe/owners.h"
#include "observe/selection.h"

enum { TOP = 10 };

struct syscalls_config syscalls_config = {
	.by = BY_PROCESS | BY_CALL,
	.top = TOP,
	.interval = 5 * NSEC_PER_SEC,
};

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

static int parse_calls(const char *value, void *field, struct error *error)
{
	struct monitor_options options = { .select_calls = false };
	int r = *value ? monitor_select_calls(&options, value, error) : 0;

	return r < 0 ? -EINVAL : value_parse_text(value, field, error);
}

static int parse_commands(const char *value, void *field, struct error *error)
{
	const struct arguments arguments = { .commands = *value ? value : NULL };
	struct selection selection;
	int r = selection_read(&arguments, &selection, error);

	return r < 0 ? -EINVAL : value_parse_text(value, field, error);
}

int syscalls_config_options(const struct syscalls_config *config,
			    struct monitor_options *ret_options, struct error *error)
{
	const struct arguments arguments = { .users = config->users,
					     .commands = config->commands,
					     .cgroups = config->cgroups };
	struct monitor_options options = { .errors = config->errors,
					   .failed = config->failed,
					   .latency = config->latency };
	int r = 0;

	if (config->failed && config->latency)
		r = error_set(error, -EINVAL,
			      "failed counts calls when they fail, latency measures all: turn one "
			      "of them off");
	if (r == 0)
		r = selection_read(&arguments, &options.selection, error);
	if (r == 0 && config->calls)
		r = monitor_select_calls(&options, config->calls, error);
	if (r == 0)
		*ret_options = options;
	return r;
}

void syscalls_config_check(const void *config)
{
	struct monitor_options options;
	struct error error = { "" };

	if (syscalls_config_options(config, &options, &error) < 0)
		log_warning("[syscalls] %s", error.text);
}

#define ROW(key, parse, print, field, help)                                                    \
	{                                                                                      \
		"syscalls", key, false, parse, print, offsetof(struct syscalls_config, field), \
			help                                                                   \
	}

const struct setting syscalls_settings[] = {
	ROW("watch", value_parse_switch, value_print_switch, watch,
	    "count system calls while 'sumun run' runs"),
	ROW("errors", value_parse_switch, value_print_switch, errors, "count their errors too"),
	ROW("failed", value_parse_switch, value_print_switch, failed,
	    "count only calls that end with an error"),
	ROW("latency", value_parse_switch, value_print_switch, latency,
	    "measure how long they take"),
	ROW("by", parse_by, print_by, by, "what a row is of: process, command, call, cgroup, user"),
	ROW("syscalls", parse_calls, value_print_text, calls, "only these system calls"),
	ROW("users", value_parse_text, value_print_text, users, "only processes of these users"),
	ROW("commands", parse_commands, value_print_text, commands,
	    "only processes of these names"),
	ROW("cgroups", value_parse_text, value_print_text, cgroups,
	    "only what is in these cgroups, or below"),
	ROW("top", value_parse_rows, value_print_rows, top, "rows in a report"),
	ROW("interval", value_parse_interval, value_print_duration, interval,
	    "time between reports"),
};
_Static_assert(ARRAY_SIZE(syscalls_settings) == SYSCALLS_SETTINGS, "as many as settings.h says");
