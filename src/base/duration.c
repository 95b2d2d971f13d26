// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/duration.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static const struct unit {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "w", 7 * 24 * 3600 * NSEC_PER_SEC },
	{ "d", 24 * 3600 * NSEC_PER_SEC },
	{ "h", 3600 * NSEC_PER_SEC },
	{ "m", 60 * NSEC_PER_SEC },
	{ "s", NSEC_PER_SEC },
	{ "ms", NSEC_PER_MSEC },
};

enum { WEEKS, DAYS, HOURS, MINUTES, SECONDS, MILLISECONDS, UNITS };
_Static_assert(ARRAY_SIZE(units) == UNITS, "a name for each unit");

/* Index of the unit named by the letters at *cursor, which moves behind them; UNITS when unknown.
 */
static size_t take_unit(const char **cursor)
{
	size_t length = strspn(*cursor, "abcdefghijklmnopqrstuvwxyz");

	for (size_t i = 0; i < UNITS; i++) {
		if (length == strlen(units[i].name) &&
		    memcmp(*cursor, units[i].name, length) == 0) {
			*cursor += length;
			return i;
		}
	}
	return UNITS;
}

/* One number with its unit is added to *total; returns what is wrong with it, or NULL. */
static const char *take_term(const char **cursor, size_t *next_unit, uint64_t *total)
{
	static const char too_long[] = "more than 100 years (36525d) is not possible";
	uint64_t count;
	size_t unit;
	int r = text_take_number(cursor, DURATION_MAX, &count);

	if (r == -ERANGE)
		return too_long;
	if (r < 0)
		return "write whole numbers with units, as in 90s or 1h30m";
	if (**cursor == '\0')
		return "say the unit of every number, as in 90s or 10m";
	unit = take_unit(cursor);
	if (unit == UNITS)
		return "the units are ms, s, m, h, d and w, as in 1h30m";
	if (unit < *next_unit)
		return "each unit comes once, the largest first, as in 1h30m";
	if (count > (DURATION_MAX - *total) / units[unit].ns)
		return too_long;
	*total += count * units[unit].ns;
	*next_unit = unit + 1;
	return NULL;
}

int duration_parse(const char *text, uint64_t *ret_ns, struct error *error)
{
	const char *cursor = text, *wrong = NULL;
	size_t next_unit = WEEKS;
	char quote[QUOTE_TEXT];
	uint64_t total = 0;

	if (*text == '\0')
		wrong = "a duration is wanted, as in 90s, 10m, 1h30m or 2d";
	while (!wrong && *cursor)
		wrong = take_term(&cursor, &next_unit, &total);
	if (!wrong && total == 0)
		wrong = "it must be longer than nothing; the shortest is 1ms";
	if (wrong)
		return error_set(error, -EINVAL, "duration %s: %s", text_quote(text, quote), wrong);
	*ret_ns = total;
	return 0;
}

/* Writes `ns` in the units first..last, rounded down to the last; zero as "0s". */
static const char *format_units(uint64_t ns, size_t first, size_t last, char buffer[DURATION_TEXT])
{
	size_t length = 0;

	for (size_t i = first; i <= last; i++) {
		uint64_t count = ns / units[i].ns;

		ns %= units[i].ns;
		if (count > 0)
			length += snprintf(buffer + length, DURATION_TEXT - length, "%llu%s",
					   (unsigned long long)count, units[i].name);
	}
	if (length == 0)
		snprintf(buffer, DURATION_TEXT, "0s");
	return buffer;
}

const char *duration_format(uint64_t ns, char buffer[DURATION_TEXT])
{
	/* 10d stays 10d rather than 1w3d, and 2w stays 2w. */
	size_t first = ns % units[WEEKS].ns ? DAYS : WEEKS;

	return format_units(ns, first, MILLISECONDS, buffer);
}

const char *duration_format_short(uint64_t ns, char buffer[DURATION_TEXT])
{
	size_t first = DAYS;

	while (first < SECONDS && ns < units[first].ns)
		first++;
	if (ns < NSEC_PER_SEC) {
		snprintf(buffer, DURATION_TEXT, "<1s");
		return buffer;
	}
	return format_units(ns, first, first < SECONDS ? first + 1 : SECONDS, buffer);
}

const char *duration_format_fine(uint64_t ns, char buffer[DURATION_TEXT])
{
	static const char *const names[] = { "us", "ms", "s" };
	double value = (double)ns;
	size_t unit = 0;

	if (ns < 1000) {
		snprintf(buffer, DURATION_TEXT, "%d ns", (int)ns);
		return buffer;
	}
	if (ns >= 120 * NSEC_PER_SEC)
		return duration_format_short(ns, buffer);
	/* What would be rounded to 1000 is one of the next unit. */
	for (value /= 1000; value >= 999.5 && unit + 1 < ARRAY_SIZE(names); unit++)
		value /= 1000;
	snprintf(buffer, DURATION_TEXT, "%.*f %s",
		 value < 9.995   ? 2
		 : value < 99.95 ? 1
				 : 0,
		 value, names[unit]);
	return buffer;
}
