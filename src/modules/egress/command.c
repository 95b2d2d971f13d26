/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "core/arguments.h"
#include "modules/egress/describe.h"
#include "modules/egress/fences.h"
#include "modules/egress/module.h"

struct showing {
	bool json;
	size_t count;
	struct cgroups *cgroups;
};

static const struct record_type policy_record = { .name = "egress_policy" };

/* ---- text --------------------------------------------------------------------------------- */

static void print_rules(const struct egress_rules *rules, bool deny, FILE *out)
{
	const char *separator = deny ? "  deny-out   " : "  allow-out  ";
	bool any = false;

	for (uint32_t i = 0; i < rules->count && i < EGRESS_RULES; i++) {
		char text[DESTINATION_TEXT];
		struct destination destination;

		if (rules->rules[i].deny != deny ||
		    !destination_of_rule(&rules->rules[i], &destination))
			continue;
		fprintf(out, "%s%s", separator, destination_format(&destination, text));
		separator = ", ";
		any = true;
	}
	if (any)
		fputc('\n', out);
}

static void print_counts(const struct egress_state *state, bool observe)
{
	char allowed[NUMBER_TEXT], denied[NUMBER_TEXT], untold[NUMBER_TEXT];

	for (size_t i = 0; i < EGRESS_HOOKS; i++) {
		printf("  %-10s ", egress_hook_names[i]);
		if (i != EGRESS_PACKET)
			printf("%s allowed, ", number_format(state->allowed[i], allowed));
		printf("%s %s\n", number_format(state->denied[i], denied),
		       observe ? "would be denied" : "denied");
	}
	if (state->untold)
		printf("  %s of these were not told of: there were too many\n",
		       number_format(state->untold, untold));
}

static void print_policy(const char *name, const char *path, const struct egress_rules *rules,
			 const struct egress_state *state)
{
	char since[TIMESTAMP_TEXT], escaped[QUOTE_TEXT];

	printf("%s: %s, cgroup %s, since %s\n", name,
	       egress_mode_name(rules->observe ? EGRESS_OBSERVE : EGRESS_ENFORCE),
	       text_quote(path, escaped), timestamp_local(state->since, since));
	print_rules(rules, true, stdout);
	print_rules(rules, false, stdout);
	print_counts(state, rules->observe);
}

/* ---- records ------------------------------------------------------------------------------ */

static char *rules_text(const struct egress_rules *rules, bool deny)
{
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		return NULL;
	for (uint32_t i = 0; i < rules->count && i < EGRESS_RULES; i++) {
		char word[DESTINATION_TEXT];
		struct destination destination;

		if (rules->rules[i].deny == deny &&
		    destination_of_rule(&rules->rules[i], &destination))
			fprintf(memory, "%s%s", ftell(memory) ? ", " : "",
				destination_format(&destination, word));
	}
	fclose(memory);
	return text;
}

static void write_policy(const char *name, const char *path, const struct egress_rules *rules,
			 const struct egress_state *state)
{
	CLEANUP_FREE char *allow = rules_text(rules, false), *deny = rules_text(rules, true);
	struct named_count allowed[EGRESS_HOOKS] = { 0 }, denied[EGRESS_HOOKS] = { 0 };
	struct record record;

	for (size_t i = 0; i < EGRESS_HOOKS; i++) {
		snprintf(allowed[i].name, COUNT_NAME, "%s", egress_hook_names[i]);
		snprintf(denied[i].name, COUNT_NAME, "%s", egress_hook_names[i]);
		allowed[i].value = state->allowed[i];
		denied[i].value = state->denied[i];
	}
	record_begin(&record, &policy_record);
	record_text(&record, "policy", name);
	record_label(&record, "mode",
		     egress_mode_name(rules->observe ? EGRESS_OBSERVE : EGRESS_ENFORCE));
	record_time(&record, "since", state->since);
	record_text_kept(&record, "cgroup_path", path);
	record_gauge(&record, "cgroup_id", UNIT_NONE, state->cgroup);
	record_text_kept(&record, "deny_out", deny ? deny : "");
	record_text_kept(&record, "allow_out", allow ? allow : "");
	record_counts(&record, "allowed", allowed, EGRESS_PACKET);
	record_counts(&record, "denied", denied, EGRESS_HOOKS);
	record_counter(&record, "untold", UNIT_NONE, state->untold);
	record_write_json(&record, stdout);
}

static int show(void *context, const char *name, struct fence *fence)
{
	struct showing *showing = context;
	CLEANUP_FREE struct egress_rules *rules = malloc(sizeof(*rules));
	char path[CGROUP_PATH];
	int r = rules ? fence_rules(fence, rules) : -ENOMEM;

	if (r < 0)
		return r;
	cgroups_path(showing->cgroups, fence->state->cgroup, path);
	(showing->json ? write_policy : print_policy)(name, path, rules, fence->state);
	showing->count++;
	return 0;
}

int command_egress(int argc, char **argv)
{
	CLEANUP_CGROUPS struct cgroups *cgroups = cgroups_new();
	struct showing showing = { .cgroups = cgroups };
	struct error error = { "" };
	char directory[PINS_PATH];
	struct arguments arguments;
	int r;

	arguments_read(argc, argv, ACCEPT_JSON, "", 0, 0,
		       "Show the policies that say where cgroups may send, as 'sumun up -c FILE' "
		       "put them in force, and what they allowed and denied.",
		       &arguments);
	showing.json = arguments.json;
	r = cgroups ? fences_directory(directory, &error) : -ENOMEM;
	if (r == 0)
		r = fences_each(directory, false, show, &showing);
	if (r == -ENOENT || (r == 0 && !showing.count)) {
		if (!arguments.json)
			printf("no cgroup has a policy; [cgroup NAME] in a configuration and "
			       "'sumun "
			       "up -c FILE' give it one\n");
		return STATUS_OK;
	}
	if (r < 0)
		log_error("%s", *error.text ? error.text : strerror(-r));
	return status_of(r);
}
