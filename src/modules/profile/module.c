/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The profiler as a command alone: it looks at processes with rights that `sumun run` gives up. */
#include <stdlib.h>

#include "core/ladder.h"
#include "modules/profile/module.h"
#include "modules/profile/sampler.h"

static bool profile_wanted(const void *config, const struct start_options *options)
{
	return false;
}

static void learn_nothing(void *context, const struct stack *stack)
{
}

static int profile_probe(struct error *why)
{
	const struct sampler_options options = { .hz = SAMPLER_HZ };
	struct sampler *sampler = sampler_new(&options, learn_nothing, NULL, why);

	if (!sampler)
		return -EOPNOTSUPP;
	sampler_free(sampler);
	return 0;
}

static const struct command commands[] = {
	{ .name = "profile",
	  .arguments = "[SECONDS]",
	  .summary = "where CPU time goes, and where processes wait",
	  .run = command_profile },
	{ .name = NULL },
};

static const struct need needs[] = {
	{ .commands = "profile", .probe = true },
	{ .commands = NULL },
};

const struct module profile_module = {
	.name = "profile",
	.events = EVENT_PROFILE,
	.wanted = profile_wanted,
	.probe = profile_probe,
	.commands = commands,
	.needs = needs,
};
