/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/text.h"
#include "modules/filter/settings.h"
#include "modules/filter/settings_value.h"

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

/* ---- names ---------------------------------------------------------------------------- */

/* Once, however often it is given. */
static int add_name(const char *word, struct name_list *list)
{
	char **items;

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

static int add_interface(const char *word, void *field, struct error *error)
{
	char quoted[QUOTE_TEXT];

	/* The kernel's rules, and none that would read as a comment where it is printed. */
	if (strlen(word) >= IF_NAMESIZE || strpbrk(word, "/:") || strchr(";#", *word) ||
	    strcmp(word, ".") == 0 || strcmp(word, "..") == 0)
		return error_set(error, -EINVAL, "%s cannot be the name of an interface",
				 text_quote(word, quoted));
	return add_name(word, field);
}

int value_parse_interfaces(const char *value, void *field, struct error *error)
{
	return parse_words(value, field, error, add_interface);
}

void value_print_names(const void *field, FILE *out)
{
	const struct name_list *list = field;

	for (size_t i = 0; i < list->count; i++)
		fprintf(out, "%s%s", i ? ", " : "", list->items[i]);
}

/* ---- paths ---------------------------------------------------------------------------- */

/* A command is run anywhere, so a path that begins there would be another each time. */
static int check_path(const char *path, struct error *error)
{
	char quoted[QUOTE_TEXT];

	if (*path != '/')
		return error_set(error, -EINVAL,
				 "%s is not an absolute path: begin it with '/', because commands "
				 "are run in any directory",
				 text_quote(path, quoted));
	for (const char *at = path; *at; at++)
		if (iscntrl((unsigned char)*at))
			return error_set(error, -EINVAL, "the path %s has control characters",
					 text_quote(path, quoted));
	return 0;
}

static bool can_be_shown(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isgraph((unsigned char)text[i]))
			return false;
	return true;
}

int filter_list_name(const char *path, char name[LIST_NAME_SIZE], struct error *error)
{
	const char *base = strrchr(path, '/'), *dot;
	char quoted[QUOTE_TEXT];
	size_t length;
	int r = check_path(path, error);

	if (r < 0)
		return r;
	base++;
	if (!*base || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
		return error_set(error, -EINVAL, "%s is the path of a directory; a file is wanted",
				 text_quote(path, quoted));
	dot = strrchr(base, '.');
	length = dot && dot > base ? (size_t)(dot - base) : strlen(base);
	if (length >= LIST_NAME_SIZE || !can_be_shown(base, length))
		return error_set(error, -EINVAL,
				 "the list in %s is named like its file without the ending: at "
				 "most %d letters, digits and signs of ASCII",
				 text_quote(path, quoted), LIST_NAME_SIZE - 1);
	snprintf(name, LIST_NAME_SIZE, "%.*s", (int)length, base);
	return 0;
}

static int add_list(const char *word, void *field, struct error *error)
{
	char name[LIST_NAME_SIZE];
	int r = filter_list_name(word, name, error);

	return r < 0 ? r : add_name(word, field);
}

int value_parse_lists(const char *value, void *field, struct error *error)
{
	return parse_words(value, field, error, add_list);
}

int value_parse_bans_file(const char *value, void *field, struct error *error)
{
	bool none = strcmp(value, "none") == 0;
	char **path = field, *copy;
	int r = none ? 0 : check_path(value, error);

	if (r < 0)
		return r;
	if (strlen(value) >= BANS_PATH_SIZE || value[strlen(value) - 1] == '/')
		return error_set(error, -EINVAL,
				 "the path of a file is wanted, of at most %d bytes, or 'none'",
				 BANS_PATH_SIZE - 1);
	copy = strdup(none ? "" : value);
	if (!copy)
		return -ENOMEM;
	free(*path);
	*path = copy;
	return 0;
}

void value_print_bans_file(const void *field, FILE *out)
{
	const char *path = *(char *const *)field;

	if (path)
		fputs(*path ? path : "none", out);
}

/* ---- words ---------------------------------------------------------------------------- */

static const char *const mode_names[] = {
	[MODE_OBSERVE] = "observe",
	[MODE_ENFORCE] = "enforce",
};

const char *filter_mode_name(uint32_t mode)
{
	return mode < ARRAY_SIZE(mode_names) ? mode_names[mode] : "?";
}

int value_parse_mode(const char *value, void *field, struct error *error)
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

void value_print_mode(const void *field, FILE *out)
{
	fputs(filter_mode_name(*(const uint32_t *)field), out);
}

/* ---- ports and addresses -------------------------------------------------------------- */

static int add_ports(const char *word, void *field, struct error *error)
{
	struct port_range range;
	int r = port_range_parse(word, &range, error);

	if (r == 0)
		port_set_add(field, &range);
	return r;
}

int value_parse_ports(const char *value, void *field, struct error *error)
{
	return parse_words(value, field, error, add_ports);
}

void value_print_ports(const void *field, FILE *out)
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

int value_parse_prefixes(const char *value, void *field, struct error *error)
{
	return parse_words(value, field, error, add_prefix);
}

void value_print_prefixes(const void *field, FILE *out)
{
	const struct prefix_list *list = field;

	for (size_t i = 0; i < list->count; i++) {
		char buffer[PREFIX_TEXT];

		fprintf(out, "%s%s", i ? ", " : "", prefix_format(&list->items[i], buffer));
	}
}

/* ---- time ----------------------------------------------------------------------------- */

int value_parse_window(const char *value, void *field, struct error *error)
{
	return value_parse_time(value, 60 * NSEC_PER_SEC, DAY_NS, "the window is from 1m to 1d",
				field, error);
}

/* The kernel counts bans in ticks of a tenth of a second, in 31 bits. */
int value_parse_ban_max(const char *value, void *field, struct error *error)
{
	return value_parse_time(value, NSEC_PER_SEC, 365 * DAY_NS,
				"such a ban lasts from 1s to 365d", field, error);
}

int value_parse_ban(const char *value, void *field, struct error *error)
{
	if (strcmp(value, "off") != 0)
		return value_parse_ban_max(value, field, error);
	*(uint64_t *)field = 0;
	return 0;
}

void value_print_ban(const void *field, FILE *out)
{
	if (*(const uint64_t *)field)
		value_print_duration(field, out);
	else
		fputs("off", out);
}

/* ---- numbers -------------------------------------------------------------------------- */

int value_parse_rate(const char *value, void *field, struct error *error)
{
	return rate_parse(value, field, error);
}

void value_print_rate(const void *field, FILE *out)
{
	char buffer[RATE_TEXT];

	fputs(rate_text(field, buffer), out);
}

int value_parse_burst(const char *value, void *field, struct error *error)
{
	return count_parse(value, field, error);
}

void value_print_burst(const void *field, FILE *out)
{
	uint64_t count = *(const uint64_t *)field;
	char buffer[RATE_TEXT];

	if (count)
		fputs(count_text(count, buffer), out);
}

static bool parse_between(const char *value, uint64_t least, uint64_t most, uint64_t *field)
{
	const char *cursor = value;
	uint64_t number;

	if (text_take_number(&cursor, most, &number) < 0 || *cursor || number < least)
		return false;
	*field = number;
	return true;
}

int value_parse_neighbours(const char *value, void *field, struct error *error)
{
	char quoted[QUOTE_TEXT];

	if (parse_between(value, 2, 64, field))
		return 0;
	if (strcmp(value, "off") != 0 && strcmp(value, "0") != 0)
		return error_set(error, -EINVAL,
				 "%s: give the number of banned neighbours that bans their "
				 "network, from 2 to 64, or 'off'",
				 text_quote(value, quoted));
	*(uint64_t *)field = 0;
	return 0;
}

void value_print_neighbours(const void *field, FILE *out)
{
	uint64_t count = *(const uint64_t *)field;

	if (count)
		fprintf(out, "%llu", (unsigned long long)count);
	else
		fputs("off", out);
}

int value_parse_scan_ports(const char *value, void *field, struct error *error)
{
	char quoted[QUOTE_TEXT];

	if (parse_between(value, 3, 64, field))
		return 0;
	return error_set(error, -EINVAL,
			 "%s: give the number of different closed ports that make a scan, from 3 "
			 "to 64",
			 text_quote(value, quoted));
}

void value_print_scan_ports(const void *field, FILE *out)
{
	fprintf(out, "%llu", (unsigned long long)*(const uint64_t *)field);
}
