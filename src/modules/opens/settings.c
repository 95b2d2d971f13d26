/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "core/setting_value.h"
#include "modules/opens/path.h"
#include "modules/opens/settings.h"
#include "modules/opens/show.h"
#include "observe/selection.h"

struct opens_config opens_config = { .fold = true, .interval = 5 * NSEC_PER_SEC, .top = OPENS_TOP };

static int set_text(const char *value, void *field, struct error *error)
{
	char *copy = *value ? strdup(value) : NULL;

	if (*value && !copy)
		return error_set(error, -ENOMEM, "out of memory");
	free(*(char **)field);
	*(char **)field = copy;
	return 0;
}

static void print_text(const void *field, FILE *out)
{
	const char *const *text = field;

	if (*text)
		fputs(*text, out);
}

static int parse_path(const char *value, void *field, struct error *error)
{
	int r = *value ? path_check_pattern(value, error) : 0;

	return r < 0 ? r : set_text(value, field, error);
}

static int parse_commands(const char *value, void *field, struct error *error)
{
	const struct arguments arguments = { .commands = *value ? value : NULL };
	struct selection selection;
	int r = selection_read(&arguments, &selection, error);

	return r < 0 ? -EINVAL : set_text(value, field, error);
}

void opens_config_check(const void *config)
{
	const struct arguments arguments = { .users =
						     ((const struct opens_config *)config)->users };
	struct selection selection;
	struct error error = { "" };

	if (selection_read(&arguments, &selection, &error) < 0)
		log_warning("[opens] users: %s", error.text);
}

#define ROW(key, parse, print, field, help)                                                   \
	{                                                                                     \
		"opens", key, false, parse, print, offsetof(struct opens_config, field), help \
	}

const struct setting opens_settings[] = {
	ROW("watch", value_parse_switch, value_print_switch, watch,
	    "tell which process opens which file while 'sumun run' runs"),
	ROW("path", parse_path, print_text, path, "only paths that match, as in /etc/*"),
	ROW("write", value_parse_switch, value_print_switch, write,
	    "only what opens to write, creates or truncates"),
	ROW("failed", value_parse_switch, value_print_switch, failed,
	    "only what ended with an error"),
	ROW("users", set_text, print_text, users, "only processes of these users"),
	ROW("commands", parse_commands, print_text, commands, "only processes of these names"),
	ROW("fold", value_parse_switch, value_print_switch, fold,
	    "one record for all that are the same, at every interval"),
	ROW("interval", value_parse_interval, value_print_duration, interval,
	    "how long opens are folded"),
	ROW("top", value_parse_rows, value_print_rows, top,
	    "rows of an interval, of those that are folded, in text"),
};
_Static_assert(ARRAY_SIZE(opens_settings) == OPENS_SETTINGS, "as many as settings.h says");
