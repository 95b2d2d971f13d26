/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/text.h"
#include "modules/filter/settings.h"

struct filter_config filter_config = {
	.mode = MODE_OBSERVE,
	.report_interval = 5 * NSEC_PER_SEC,
};

static const char *const mode_names[] = {
	[MODE_OBSERVE] = "observe",
	[MODE_ENFORCE] = "enforce",
};

const char *filter_mode_name(uint32_t mode)
{
	return mode < ARRAY_SIZE(mode_names) ? mode_names[mode] : "?";
}

/* Calls `add` for every word of a list; stops at the first that it refuses. */
static int parse_words(const char *value, void *field, struct error *error,
		       int (*add)(const char *word, void *field, struct error *error))
{
	CLEANUP_FREE char *copy = strdup(value);
	char *cursor = copy, *word;

	if (!copy)
		return -ENOMEM;
	while ((word = text_next_word(&cursor))) {
		int r = add(word, field, error);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- interfaces --------------------------------------------------------------------- */

static int add_interface(const char *word, void *field, struct error *error)
{
	struct name_list *list = field;
	char **items, quoted[QUOTE_TEXT];

	/* The kernel's rules, and none that would read as a comment where it is printed. */
	if (strlen(word) >= IF_NAMESIZE || strpbrk(word, "/:") || strchr(";#", *word) ||
	    strcmp(word, ".") == 0 || strcmp(word, "..") == 0)
		return error_set(error, -EINVAL, "%s cannot be the name of an interface",
				 text_quote(word, quoted));
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], word) == 0)
			return 0;
	items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->count] = strdup(word);
	if (!items[list->count])
		return -ENOMEM;
	list->count++;
	return 0;
}

static int parse_interfaces(const char *value, void *field, struct error *error)
{
	return parse_words(value, field, error, add_interface);
}

static void print_interfaces(const void *field, FILE *out)
{
	const struct name_list *list = field;

	for (size_t i = 0; i < list->count; i++)
		fprintf(out, "%s%s", i ? ", " : "", list->items[i]);
}

/* ---- mode ----------------------------------------------------------------------------- */

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
	fputs(filter_mode_name(*(const uint32_t *)field), out);
}

/* ---- ports ------------------------------------------------------------------------------ */

static int add_ports(const char *word, void *field, struct error *error)
{
	struct port_range range;
	int r = port_range_parse(word, &range, error);

	if (r == 0)
		port_set_add(field, &range);
	return r;
}

static int parse_ports(const char *value, void *field, struct error *error)
{
	return parse_words(value, field, error, add_ports);
}

static void print_ports(const void *field, FILE *out)
{
	enum port_protocol protocol = 0;
	struct port_range range;
	const char *separator = "";
	uint32_t port = 0;

	while (port_set_next(field, &protocol, &port, &range)) {
		char buffer[PORT_RANGE_TEXT];

		fprintf(out, "%s%s", separator, port_range_format(&range, buffer));
		separator = ", ";
	}
}

/* ---- addresses ---------------------------------------------------------------------------- */

static int add_prefix(const char *word, void *field, struct error *error)
{
	struct prefix_list *list = field;
	struct prefix prefix, *items;
	int r = prefix_parse(word, &prefix, error);

	if (r < 0)
		return r;
	for (size_t i = 0; i < list->count; i++)
		if (prefix_equal(&list->items[i], &prefix))
			return 0;
	items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	items[list->count++] = prefix;
	list->items = items;
	return 0;
}

static int parse_prefixes(const char *value, void *field, struct error *error)
{
	return parse_words(value, field, error, add_prefix);
}

static void print_prefixes(const void *field, FILE *out)
{
	const struct prefix_list *list = field;

	for (size_t i = 0; i < list->count; i++) {
		char buffer[PREFIX_TEXT];

		fprintf(out, "%s%s", i ? ", " : "", prefix_format(&list->items[i], buffer));
	}
}

/* ---- time ------------------------------------------------------------------------------------ */

static int parse_interval(const char *value, void *field, struct error *error)
{
	uint64_t ns;
	int r = duration_parse(value, &ns, error);

	if (r < 0)
		return r;
	if (ns < NSEC_PER_SEC / 10 || ns > 86400 * NSEC_PER_SEC)
		return error_set(error, -EINVAL,
				 "'%s': reports come every 100ms at most and once "
				 "a day at least",
				 value);
	*(uint64_t *)field = ns;
	return 0;
}

static void print_interval(const void *field, FILE *out)
{
	char buffer[DURATION_TEXT];

	fputs(duration_format(*(const uint64_t *)field, buffer), out);
}

#define FIELD(name) offsetof(struct filter_config, name)

const struct setting filter_settings[] = {
	{ "filter", "interfaces", true, parse_interfaces, print_interfaces, FIELD(interfaces),
	  "interfaces to guard; none: the one of the default route" },
	{ "filter", "mode", false, parse_mode, print_mode, FIELD(mode),
	  "observe: count what would be dropped, drop nothing; enforce: drop it" },
	{ "filter", "block-ports", true, parse_ports, print_ports, FIELD(blocked),
	  "destination ports to block: tcp/8080, udp/53, tcp/1025-1099" },
	{ "filter", "allow", true, parse_prefixes, print_prefixes, FIELD(allow),
	  "sources that always pass, whatever else is set" },
	{ "filter", "ban", true, parse_prefixes, print_prefixes, FIELD(ban),
	  "sources that never pass" },
	{ "filter", "report-interval", false, parse_interval, print_interval,
	  FIELD(report_interval), "time between the reports of 'sumun run'" },
};
const size_t filter_setting_count = ARRAY_SIZE(filter_settings);
