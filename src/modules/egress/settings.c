/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "modules/egress/settings.h"

struct egress_config egress_config;

/* ---- values ------------------------------------------------------------------------------- */

static const char *const mode_names[] = {
	[EGRESS_OBSERVE] = "observe",
	[EGRESS_ENFORCE] = "enforce",
};

const char *egress_mode_name(uint32_t mode)
{
	return mode < ARRAY_SIZE(mode_names) ? mode_names[mode] : "?";
}

static int parse_mode(const char *value, void *field, struct error *error)
{
	char quoted[QUOTE_TEXT];

	for (uint32_t mode = 0; mode < ARRAY_SIZE(mode_names); mode++) {
		if (strcmp(value, mode_names[mode]) == 0) {
			*(uint32_t *)field = mode;
			return 0;
		}
	}
	return error_set(error, -EINVAL, "%s is neither 'observe' nor 'enforce'",
			 text_quote(value, quoted));
}

static void print_mode(const void *field, FILE *out)
{
	fputs(egress_mode_name(*(const uint32_t *)field), out);
}

static int parse_path(const char *value, void *field, struct error *error)
{
	char *copy = strdup(value), **path = field;

	if (!copy)
		return -ENOMEM;
	free(*path);
	*path = copy;
	return 0;
}

static void print_path(const void *field, FILE *out)
{
	const char *path = *(char *const *)field;

	fputs(path ? path : "", out);
}

static int add_destination(const char *word, struct destination_list *list, struct error *error)
{
	struct destination destination, *items;
	int r = destination_parse(word, &destination, error);

	if (r < 0)
		return r;
	items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->count++] = destination;
	return 0;
}

static int parse_destinations(const char *value, void *field, struct error *error)
{
	CLEANUP_FREE char *copy = strdup(value);
	char *cursor = copy, *word;
	int r = copy ? 0 : -ENOMEM;

	while (r == 0 && (word = text_next_word(&cursor)))
		r = add_destination(word, field, error);
	return r;
}

static void print_destinations(const void *field, FILE *out)
{
	const struct destination_list *list = field;
	char text[DESTINATION_TEXT];

	for (size_t i = 0; i < list->count; i++)
		fprintf(out, "%s%s", i ? ", " : "", destination_format(&list->items[i], text));
}

const struct setting egress_settings[] = {
	{ "cgroup", "path", false, parse_path, print_path, offsetof(struct egress_policy, path),
	  "whose processes: a path of cgroup2, a systemd unit, a container" },
	{ "cgroup", "allow-out", true, parse_destinations, print_destinations,
	  offsetof(struct egress_policy, allow),
	  "where they may send, and nowhere else: 10.0.0.0/8, 10.1.2.3:443, [::/0]:53, tcp/25" },
	{ "cgroup", "deny-out", true, parse_destinations, print_destinations,
	  offsetof(struct egress_policy, deny), "where they may not, whatever else is allowed" },
	{ "cgroup", "mode", false, parse_mode, print_mode, offsetof(struct egress_policy, mode),
	  "observe: count and tell what would be denied, deny nothing; enforce: deny it" },
};
_Static_assert(ARRAY_SIZE(egress_settings) == EGRESS_SETTINGS, "as many as settings.h says");

/* ---- [cgroup NAME] ------------------------------------------------------------------------ */

_Static_assert((int)EGRESS_NAME == (int)SECTION_NAME_SIZE, "a policy is named by its section");

/* Each by itself, so that it stays where it is while others are made. */
static int make_policy(void *target, const char *name, void **ret_item, struct error *error)
{
	struct egress_config *config = target;
	struct egress_policy *policy;

	if (config->count == EGRESS_POLICIES)
		return error_set(error, -EINVAL, "more than %d cgroups", EGRESS_POLICIES);
	policy = calloc(1, sizeof(*policy));
	if (!policy)
		return -ENOMEM;
	snprintf(policy->name, sizeof(policy->name), "%s", name);
	policy->mode = EGRESS_ENFORCE;
	config->policies[config->count++] = policy;
	*ret_item = policy;
	return 0;
}

static const void *policy_at(const void *target, size_t index, const char **ret_name)
{
	const struct egress_config *config = target;

	if (index >= config->count)
		return NULL;
	*ret_name = config->policies[index]->name;
	return config->policies[index];
}

static int check_policy(const void *target, const void *item, struct error *error)
{
	const struct egress_policy *policy = item;
	struct egress_rules *rules;
	int r;

	if (!policy->path || !*policy->path)
		return error_set(
			error, -EINVAL,
			"'path' is missing: a path of cgroup2 as system.slice/ssh.service, "
			"a systemd unit, or a container");
	if (!policy->allow.count && !policy->deny.count)
		return error_set(error, -EINVAL,
				 "it denies nothing: give 'allow-out' or 'deny-out'");
	rules = malloc(sizeof(*rules));
	r = rules ? egress_compile(policy, rules, error) : -ENOMEM;
	free(rules);
	return r;
}

const struct section egress_sections[] = {
	{ .name = "cgroup", .make = make_policy, .item = policy_at, .check = check_policy },
	{ .name = NULL },
};

/* ---- rules -------------------------------------------------------------------------------- */

static int add_rules(const struct destination_list *list, bool deny, struct egress_rules *rules,
		     struct error *error)
{
	for (size_t i = 0; i < list->count; i++) {
		struct egress_rule made[2];
		size_t count = destination_rules(&list->items[i], deny, made);

		if (rules->count + count > EGRESS_RULES)
			return error_set(error, -ENOSPC,
					 "more than %d rules: a destination is one, ports of all "
					 "addresses are two",
					 EGRESS_RULES);
		memcpy(&rules->rules[rules->count], made, count * sizeof(*made));
		rules->count += (uint32_t)count;
	}
	return 0;
}

int egress_compile(const struct egress_policy *policy, struct egress_rules *ret_rules,
		   struct error *error)
{
	int r;

	memset(ret_rules, 0, sizeof(*ret_rules));
	ret_rules->allows = policy->allow.count > 0;
	ret_rules->observe = policy->mode == EGRESS_OBSERVE;
	r = add_rules(&policy->deny, true, ret_rules, error);
	return r < 0 ? r : add_rules(&policy->allow, false, ret_rules, error);
}
