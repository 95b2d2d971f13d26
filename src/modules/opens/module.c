/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/ladder.h"
#include "modules/opens/module.h"
#include "modules/opens/reader.h"

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
	  .summary = "show which process opens which file, and what it gets",
	  .run = command_opens },
	{ .name = NULL },
};

static const struct need needs[] = {
	{ .commands = "opens", .probe = true, .things = 1U << THING_SYSCALL_EXIT },
	{ .commands = NULL },
};

const struct module opens_module = {
	.name = "opens",
	.events = EVENT_OPENS,
	.probe = opens_probe,
	.commands = commands,
	.needs = needs,
};
