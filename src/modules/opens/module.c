/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monitor of opened files as a part of `sumun run`. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "core/ladder.h"
#include "modules/opens/describe.h"
#include "modules/opens/module.h"
#include "modules/opens/reader.h"
#include "modules/opens/selftest.h"
#include "modules/opens/settings.h"
#include "modules/opens/show.h"
#include "modules/opens/teller.h"
#include "observe/selection.h"

struct opens {
	struct opens_reader *reader;
	struct teller *teller;
	struct output *output;
	struct open_show show;
	uint64_t lost; /* that were told of */
};

static bool opens_wanted(const void *config, const struct start_options *options)
{
	return ((const struct opens_config *)config)->watch;
}

static uint64_t opens_interval(const void *config)
{
	return ((const struct opens_config *)config)->interval;
}

/* As text it is a line, or none; what a log or a program reads are records. */
static bool show(void *context, const struct open_view *view, const struct open_names *names)
{
	struct opens *opens = context;
	struct record record;

	open_describe(view, names, &record);
	output_record(opens->output, &record, false);
	return output_is_json(opens->output) || open_show_line(&opens->show, view, names);
}

static void show_page(void *context, size_t rows, uint64_t count, uint64_t elapsed)
{
	struct opens *opens = context;

	if (output_is_json(opens->output))
		return;
	open_show_measure(&opens->show);
	open_show_page(&opens->show, rows, count, elapsed);
}

static void *opens_stop(void *instance)
{
	struct opens *opens = instance;

	if (!opens)
		return NULL;
	if (opens->reader) {
		struct open_counters kernel = opens_reader_counters(opens->reader);
		char seen[NUMBER_TEXT], lost[NUMBER_TEXT];

		teller_settle(opens->teller);
		teller_unfold(opens->teller);
		log_info("%s opens seen, %s lost", number_format(kernel.seen, seen),
			 number_format(kernel.lost, lost));
	}
	opens_reader_free(opens->reader);
	teller_free(opens->teller);
	free(opens);
	return NULL;
}

static int opens_start(const struct start_options *start_options, void **ret_instance,
		       struct error *error)
{
	const struct arguments arguments = { .users = opens_config.users,
					     .commands = opens_config.commands };
	struct opens_options options = { .pattern = opens_config.path,
					 .failed = opens_config.failed,
					 .writes = opens_config.write,
					 .wakes = true };
	struct opens *opens = calloc(1, sizeof(*opens));
	int r;

	if (!opens)
		return error_set(error, -ENOMEM, "out of memory");
	opens->output = start_options->output;
	opens->show = (struct open_show){ .out = stdout,
					  .folded = opens_config.fold,
					  .top = opens_config.top };
	r = selection_read(&arguments, &options.selection, error);
	if (r == 0) {
		opens->teller = teller_new(opens_config.path, opens_config.fold,
					   opens_config.failed, show, show_page, opens);
		if (!opens->teller)
			r = error_set(error, -ENOMEM, "out of memory");
	}
	if (r == 0)
		opens->reader = opens_reader_new(&options, &r, error);
	if (r < 0) {
		opens_stop(opens);
		return r;
	}
	open_show_measure(&opens->show);
	if (!opens_config.fold && !output_is_json(opens->output))
		open_show_head(&opens->show);
	*ret_instance = opens;
	return 0;
}

static int opens_ring(void *instance)
{
	return opens_reader_ring(((struct opens *)instance)->reader);
}

/* Told of here, or, what is folded, by opens_report(). */
static bool opens_describe(void *instance, const struct event_header *event,
			   struct record *ret_record, bool *ret_quiet)
{
	teller_tell(((struct opens *)instance)->teller, event);
	return false;
}

static int opens_second(void *instance, struct output *output, struct error *error)
{
	struct opens *opens = instance;
	uint64_t lost = opens_reader_counters(opens->reader).lost;
	char number[NUMBER_TEXT];

	open_show_measure(&opens->show);
	teller_expire(opens->teller);
	if (lost != opens->lost)
		log_warning("%s opens are missing: they came faster than they were read",
			    number_format(lost - opens->lost, number));
	opens->lost = lost;
	return 0;
}

static void opens_report(void *instance, struct output *output, uint64_t elapsed)
{
	teller_unfold(((struct opens *)instance)->teller);
}

static int opens_probe(struct error *why)
{
	const struct opens_options options = { .self = true };
	int r = 0;
	struct opens_reader *reader = opens_reader_new(&options, &r, why);

	if (reader)
		error_set(why, 0, "%s",
			  opens_reader_sees_rings(reader) ? "sees io_uring"
							  : "not io_uring: no tracepoints here");
	opens_reader_free(reader);
	return r;
}

static const struct command commands[] = {
	{ .name = "opens",
	  .arguments = "[-- COMMAND...]",
	  .summary = "which process opens which file, and what it gets",
	  .run = command_opens },
	{ .name = NULL },
};

/* Hooked where functions end it is cheaper, and no worse where that cannot be. */
static const struct need needs[] = {
	{ .commands = "opens", .probe = true, .things = 1U << THING_SYSCALL_EXIT },
	{ .commands = NULL },
};

const struct module opens_module = {
	.name = "opens",
	.events = EVENT_OPENS,
	.settings = opens_settings,
	.setting_count = OPENS_SETTINGS,
	.config = &opens_config,
	.check = opens_config_check,
	.wanted = opens_wanted,
	.probe = opens_probe,
	.start = opens_start,
	.ring = opens_ring,
	.describe = opens_describe,
	.second = opens_second,
	.report = opens_report,
	.interval = opens_interval,
	.stop = opens_stop,
	.selftest = opens_selftest,
	.commands = commands,
	.needs = needs,
};
