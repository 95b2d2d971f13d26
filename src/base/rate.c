// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/rate.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/text.h"

static const struct scale {
	char letter;
	uint64_t factor;
} scales[] = {
	{ 'G', 1000000000 },
	{ 'M', 1000000 },
	{ 'k', 1000 },
};

static const struct period {
	const char *name;
	uint64_t ns;
} periods[] = {
	{ "s", NSEC_PER_SEC },
	{ "min", 60 * NSEC_PER_SEC },
	{ "h", 3600 * NSEC_PER_SEC },
	{ "d", 24 * 3600 * NSEC_PER_SEC },
};

/* What is wrong with the count at *cursor, which moves behind it; NULL when nothing is. */
static const char *take_count(const char **cursor, uint64_t *ret_count)
{
	static const char too_large[] = "more than 1000000G is not possible";
	uint64_t count, factor = 1;
	int r = text_take_number(cursor, COUNT_MAX, &count);

	if (r == -ERANGE)
		return too_large;
	if (r < 0)
		return "write a whole number, as in 1500 or 20k";
	for (size_t i = 0; i < ARRAY_SIZE(scales); i++)
		if (**cursor == scales[i].letter)
			factor = scales[i].factor;
	if (factor > 1)
		++*cursor;
	if (count > COUNT_MAX / factor)
		return too_large;
	*ret_count = count * factor;
	return NULL;
}

int count_parse(const char *text, uint64_t *ret_count, struct error *error)
{
	const char *cursor = text, *wrong;
	char quote[QUOTE_TEXT];
	uint64_t count = 0;

	wrong = take_count(&cursor, &count);
	if (!wrong && *cursor)
		wrong = "behind the number may stand k, M or G, as in 1500 or 20k";
	if (!wrong && count == 0)
		wrong = "it must be at least 1";
	if (wrong)
		return error_set(error, -EINVAL, "number %s: %s", text_quote(text, quote), wrong);
	*ret_count = count;
	return 0;
}

const char *count_text(uint64_t count, char buffer[RATE_TEXT])
{
	char letter[2] = "";

	for (size_t i = 0; i < ARRAY_SIZE(scales) && count > 0; i++) {
		if (count % scales[i].factor == 0) {
			count /= scales[i].factor;
			letter[0] = scales[i].letter;
			break;
		}
	}
	snprintf(buffer, RATE_TEXT, "%llu%s", (unsigned long long)count, letter);
	return buffer;
}

/* Zero when there is no such period. */
static uint64_t period_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(periods); i++)
		if (strcmp(name, periods[i].name) == 0)
			return periods[i].ns;
	return 0;
}

int rate_parse(const char *text, struct rate *ret_rate, struct error *error)
{
	const char *cursor = text, *wrong = NULL;
	struct rate rate = { 0, 0 };
	char quote[QUOTE_TEXT];

	if (*text == '\0')
		wrong = "a rate is wanted, as in 20/min or 50k/s";
	else
		wrong = take_count(&cursor, &rate.count);
	if (!wrong && *cursor == '\0')
		wrong = "say in what time, as in 20/min or 50k/s";
	else if (!wrong && *cursor != '/')
		wrong = "behind the number may stand k, M or G, then the time, as in 50k/s";
	if (!wrong)
		rate.period = period_of(cursor + 1);
	if (!wrong && !rate.period)
		wrong = "the times are /s, /min, /h and /d, as in 20/min";
	if (!wrong && rate.count == 0)
		wrong = "it must be more than nothing; the lowest is 1/d";
	if (wrong)
		return error_set(error, -EINVAL, "rate %s: %s", text_quote(text, quote), wrong);
	*ret_rate = rate;
	return 0;
}

const char *rate_text(const struct rate *rate, char buffer[RATE_TEXT])
{
	size_t length;

	buffer[0] = '\0';
	if (rate->count == 0)
		return buffer;
	length = strlen(count_text(rate->count, buffer));
	for (size_t i = 0; i < ARRAY_SIZE(periods); i++)
		if (rate->period == periods[i].ns)
			snprintf(buffer + length, RATE_TEXT - length, "/%s", periods[i].name);
	return buffer;
}
