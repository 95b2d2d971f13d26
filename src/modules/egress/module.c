/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policies of cgroups as a part of `sumun up` and of `sumun run`, which adopts what `up` left; what
 * it raised itself ends with it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "core/ladder.h"
#include "modules/egress/describe.h"
#include "modules/egress/fences.h"
#include "modules/egress/module.h"
#include "modules/egress/selftest.h"

struct instance {
	int ring, lock; /* the lock: of the ring of what is pinned */
	struct fence fences[EGRESS_POLICIES];
	size_t count;
	struct cgroups *cgroups;
	struct users *users;
};

static bool is_pinned(void)
{
	char directory[PINS_PATH];

	return fences_directory(directory, NULL) == 0;
}

static bool egress_wanted(const void *config, const struct start_options *options)
{
	return ((const struct egress_config *)config)->count || is_pinned();
}

/* ---- run ---------------------------------------------------------------------------------- */

static void *egress_stop(void *argument)
{
	struct instance *instance = argument;

	if (!instance)
		return NULL;
	if (instance->count)
		log_info("%zu policies of cgroups ended with this command", instance->count);
	while (instance->count)
		fence_release(&instance->fences[--instance->count]);
	cleanup_close(&instance->ring);
	cleanup_close(&instance->lock);
	cgroups_free(instance->cgroups);
	users_free(instance->users);
	free(instance);
	return NULL;
}

static int raise_one(struct instance *instance, const struct egress_policy *policy,
		     struct egress_rules *rules, struct error *error)
{
	CLEANUP_CLOSE int cgroup = -1;
	uint64_t id;
	int r = fence_find_cgroup(policy, &cgroup, &id, error);

	if (r < 0) {
		log_warning("[cgroup %s] holds for nobody, ignoring: %s", policy->name,
			    error->text);
		return 0;
	}
	r = egress_compile(policy, rules, error);
	if (r == 0)
		r = fence_raise(policy->name, cgroup, id, instance->ring, rules,
				&instance->fences[instance->count], error);
	if (r < 0)
		return error_prefix(error, r, "[cgroup %s]", policy->name);
	instance->count++;
	return 0;
}

static int raise_all(struct instance *instance, struct error *error)
{
	CLEANUP_FREE struct egress_rules *rules = malloc(sizeof(*rules));
	int r = rules ? fences_make_ring(&instance->ring, error) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < egress_config.count; i++)
		r = raise_one(instance, egress_config.policies[i], rules, error);
	if (r == 0)
		log_info("%zu policies of cgroups hold while this command runs", instance->count);
	return r;
}

/* They stay as they are; another that reads their events already does it for us. */
static int adopt(struct instance *instance, const char *directory)
{
	struct error error = { "" };

	if (fences_take_ring(directory, &instance->ring, &instance->lock, &error) < 0)
		log_warning("%s, ignoring", error.text);
	if (egress_config.count)
		log_info("policies of cgroups are as 'sumun up' left them");
	return 0;
}

static int egress_start(const struct start_options *options, void **ret_instance,
			struct error *error)
{
	struct instance *instance = calloc(1, sizeof(*instance));
	char directory[PINS_PATH];
	int r;

	if (!instance)
		return error_set(error, -ENOMEM, "out of memory");
	instance->ring = instance->lock = -1;
	instance->cgroups = cgroups_new();
	instance->users = users_new();
	if (!instance->cgroups || !instance->users)
		r = error_set(error, -ENOMEM, "out of memory");
	else if (fences_directory(directory, NULL) == 0)
		r = adopt(instance, directory);
	else
		r = raise_all(instance, error);
	if (r < 0) {
		egress_stop(instance);
		return r;
	}
	*ret_instance = instance;
	return 0;
}

static int egress_ring(void *instance)
{
	return ((struct instance *)instance)->ring;
}

static bool egress_describe_event(void *argument, const struct event_header *event,
				  struct record *ret_record, bool *ret_quiet)
{
	struct instance *instance = argument;
	uint64_t ago = timestamp_boottime() - event->time;

	egress_describe((const struct egress_event *)event, timestamp_now() - ago,
			instance->cgroups, instance->users, ret_record);
	return true;
}

static int egress_second(void *instance, struct output *output, struct error *error)
{
	return 0;
}

/* 'sumun egress' has the numbers. */
static void egress_report(void *instance, struct output *output, uint64_t elapsed)
{
}

static uint64_t egress_interval(const void *config)
{
	return 5 * NSEC_PER_SEC;
}

/* ---- up, down, probe ---------------------------------------------------------------------- */

static void add_part(size_t count, const char *what, char *text, size_t size)
{
	size_t used = strlen(text);

	if (count)
		snprintf(text + used, size - used, "%s%zu %s", used ? ", " : "", count, what);
}

static int egress_up(bool confirm, struct error *error)
{
	struct fences_report report;
	char text[256] = "";
	int r;

	if (confirm) {
		if (egress_config.count || is_pinned())
			log_info("--confirm is for the filter: policies of cgroups stay as they "
				 "are");
		return 0;
	}
	r = fences_up(&egress_config, &report, error);
	add_part(report.raised, "raised", text, sizeof(text));
	add_part(report.changed, "changed", text, sizeof(text));
	add_part(report.unchanged, "unchanged", text, sizeof(text));
	add_part(report.removed, "removed", text, sizeof(text));
	add_part(report.missing, "without a cgroup", text, sizeof(text));
	if (*text)
		printf("policies of cgroups: %s\n", text);
	return r;
}

static int egress_down(struct error *error)
{
	size_t count;
	int r = fences_down(&count, error);

	if (count)
		printf("%zu policies of cgroups removed\n", count);
	return r < 0 ? r : count > 0;
}

static int egress_probe(struct error *why)
{
	CLEANUP_FENCE struct fence fence = FENCE_NONE;
	CLEANUP_CLOSE int ring = -1, cgroup = -1;
	CLEANUP_FREE struct egress_rules *rules = calloc(1, sizeof(*rules));
	struct egress_policy root = { .name = "probe", .path = "/" };
	uint64_t id;
	int r = rules ? fence_find_cgroup(&root, &cgroup, &id, why) : -ENOMEM;

	if (r == 0)
		r = fences_make_ring(&ring, why);
	/* Without a rule: all is allowed. */
	return r < 0 ? r : fence_raise(root.name, cgroup, id, ring, rules, &fence, why);
}

static const struct command commands[] = {
	{ .name = "egress",
	  .arguments = "",
	  .summary = "where cgroups may send, and what was denied",
	  .run = command_egress },
	{ .name = NULL },
};

static const struct need needs[] = {
	{ .commands = "up and run with [cgroup NAME]",
	  .probe = true,
	  .things = 1U << THING_CONNECT4 | 1U << THING_CONNECT6 | 1U << THING_CGROUP_EGRESS },
	{ .commands = NULL },
};

const struct module egress_module = {
	.name = "egress",
	.events = EVENT_EGRESS,
	.settings = egress_settings,
	.setting_count = EGRESS_SETTINGS,
	.sections = egress_sections,
	.config = &egress_config,
	.wanted = egress_wanted,
	.probe = egress_probe,
	.start = egress_start,
	.ring = egress_ring,
	.describe = egress_describe_event,
	.second = egress_second,
	.report = egress_report,
	.interval = egress_interval,
	.stop = egress_stop,
	.up = egress_up,
	.down = egress_down,
	.selftest = egress_selftest,
	.commands = commands,
	.needs = needs,
};
