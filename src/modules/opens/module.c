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
#include "modules/opens/teller.h"
#include "observe/selection.h"

struct opens {
	struct opens_reader *reader;
	struct teller *teller;
	uint64_t lost;         /* that were told of */
	uint64_t untold;       /* too many different ones, before the first second had passed */
	struct output *output; /* where what was folded goes, while it is unfolded */
	struct record *record; /* where an open goes that is described; NULL: to `output` */
	bool described;
};

static bool opens_wanted(const void *config, const struct start_options *options)
{
	return ((const struct opens_config *)config)->watch;
}

static uint64_t opens_interval(const void *config)
{
	return ((const struct opens_config *)config)->interval;
}

static void show(void *context, const struct open_view *view, const struct open_names *names)
{
	struct opens *opens = context;
	struct record *record = opens->record;
	struct record folded;

	if (!record)
		record = &folded;
	open_describe(view, names, record);
	record->type = &open_log_type;
	opens->described = true;
	if (opens->record)
		return;
	if (opens->output)
		output_record(opens->output, record, false);
	else
		opens->untold += view->count;
}

static void *opens_stop(void *instance)
{
	struct opens *opens = instance;

	if (!opens)
		return NULL;
	if (opens->output) {
		teller_settle(opens->teller);
		teller_unfold(opens->teller);
	}
	if (opens->reader && opens->teller) {
		struct open_counters kernel = opens_reader_counters(opens->reader);
		char seen[NUMBER_TEXT], lost[NUMBER_TEXT];

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
	r = selection_read(&arguments, &options.selection, error);
	if (r == 0) {
		opens->teller = teller_new(opens_config.path, opens_config.fold,
					   opens_config.failed, show, opens);
		if (!opens->teller)
			r = error_set(error, -ENOMEM, "out of memory");
	}
	if (r == 0)
		opens->reader = opens_reader_new(&options, &r, error);
	if (r < 0) {
		opens_stop(opens);
		return r;
	}
	*ret_instance = opens;
	return 0;
}

static int opens_ring(void *instance)
{
	return opens_reader_ring(((struct opens *)instance)->reader);
}

/*
 * What is folded is told by opens_report(), but where there is no more room for it: that is shown
 * at once, by itself.
 */
static bool opens_describe(void *instance, const struct event_header *event,
			   struct record *ret_record, bool *ret_quiet)
{
	struct opens *opens = instance;

	opens->described = false;
	opens->record = opens_config.fold ? NULL : ret_record;
	teller_tell(opens->teller, event);
	opens->record = NULL;
	return opens->described && !opens_config.fold;
}

static int opens_second(void *instance, struct output *output, struct error *error)
{
	struct opens *opens = instance;
	uint64_t lost = opens_reader_counters(opens->reader).lost + opens->untold;
	char number[NUMBER_TEXT];

	opens->output = output;
	teller_expire(opens->teller);
	if (lost != opens->lost)
		log_warning("%s opens are missing: they came faster than they were read",
			    number_format(lost - opens->lost, number));
	opens->lost = lost;
	return 0;
}

static void opens_report(void *instance, struct output *output, uint64_t elapsed)
{
	struct opens *opens = instance;

	opens->output = output;
	teller_unfold(opens->teller);
}

static int opens_probe(struct error *why)
{
	const struct opens_options options = { .self = true };
	int r;

	opens_reader_free(opens_reader_new(&options, &r, why));
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
