/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/text.h"
#include "core/setting_value.h"

#define DAY_NS (24 * 3600 * NSEC_PER_SEC)

int value_parse_switch(const char *value, void *field, struct error *error)
{
	static const struct {
		const char *word;
		bool on;
	} words[] = {
		{ "on", true },   { "yes", true }, { "true", true },
		{ "off", false }, { "no", false }, { "false", false },
	};
	char quoted[QUOTE_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(value, words[i].word) == 0) {
			*(bool *)field = words[i].on;
			return 0;
		}
	}
	return error_set(error, -EINVAL, "%s is neither 'on' nor 'off'", text_quote(value, quoted));
}

void value_print_switch(const void *field, FILE *out)
{
	fputs(*(const bool *)field ? "on" : "off", out);
}

int value_parse_text(const char *value, void *field, struct error *error)
{
	char *copy = *value ? strdup(value) : NULL;

	if (*value && !copy)
		return error_set(error, -ENOMEM, "out of memory");
	free(*(char **)field);
	*(char **)field = copy;
	return 0;
}

void value_print_text(const void *field, FILE *out)
{
	const char *const *text = field;

	if (*text)
		fputs(*text, out);
}

int value_parse_time(const char *value, uint64_t least, uint64_t most, const char *rule,
		     void *field, struct error *error)
{
	uint64_t ns;
	int r = duration_parse(value, &ns, error);

	if (r < 0)
		return r;
	if (ns < least || ns > most)
		return error_set(error, -EINVAL, "'%s': %s", value, rule);
	*(uint64_t *)field = ns;
	return 0;
}

int value_parse_interval(const char *value, void *field, struct error *error)
{
	return value_parse_time(value, NSEC_PER_SEC / 10, DAY_NS,
				"reports come every 100ms at most and once a day at least", field,
				error);
}

void value_print_duration(const void *field, FILE *out)
{
	uint64_t ns = *(const uint64_t *)field;
	char buffer[DURATION_TEXT];

	if (ns)
		fputs(duration_format(ns, buffer), out);
}

int value_parse_rows(const char *value, void *field, struct error *error)
{
	const char *cursor = value;
	char quoted[QUOTE_TEXT];
	uint64_t rows;

	if (text_take_number(&cursor, 1000, &rows) < 0 || *cursor || !rows)
		return error_set(error, -EINVAL, "%s: from 1 to 1000 rows",
				 text_quote(value, quoted));
	*(uint64_t *)field = rows;
	return 0;
}

void value_print_rows(const void *field, FILE *out)
{
	fprintf(out, "%llu", (unsigned long long)*(const uint64_t *)field);
}
