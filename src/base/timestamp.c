// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/timestamp.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/duration.h"
#include "base/text.h"

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

uint64_t timestamp_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t timestamp_boottime(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

const char *timestamp_rfc3339(uint64_t ns, char buffer[TIMESTAMP_TEXT])
{
	time_t seconds = ns / NSEC_PER_SEC;
	struct tm utc;
	size_t length;

	gmtime_r(&seconds, &utc);
	length = strftime(buffer, TIMESTAMP_TEXT, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(buffer + length, TIMESTAMP_TEXT - length, ".%03uZ",
		 (unsigned int)(ns % NSEC_PER_SEC / NSEC_PER_MSEC));
	return buffer;
}

const char *timestamp_local(uint64_t ns, char buffer[TIMESTAMP_TEXT])
{
	time_t seconds = ns / NSEC_PER_SEC;
	struct tm local;

	localtime_r(&seconds, &local);
	strftime(buffer, TIMESTAMP_TEXT, "%Y-%m-%d %H:%M:%S", &local);
	return buffer;
}

/* Exactly `count` digits, and what must follow them: one of `ends`, which is passed over. */
static bool take_field(const char **cursor, int count, const char *ends, int *ret_value)
{
	int value = 0;

	for (int i = 0; i < count; i++) {
		if (!isdigit((unsigned char)(*cursor)[i]))
			return false;
		value = 10 * value + (*cursor)[i] - '0';
	}
	*cursor += count;
	if (*ends) {
		if (**cursor == '\0' || !strchr(ends, **cursor))
			return false;
		++*cursor;
	}
	*ret_value = value;
	return true;
}

static bool take_date_and_time(const char **cursor, struct tm *tm)
{
	return take_field(cursor, 4, "-", &tm->tm_year) &&
	       take_field(cursor, 2, "-", &tm->tm_mon) &&
	       take_field(cursor, 2, "Tt ", &tm->tm_mday) &&
	       take_field(cursor, 2, ":", &tm->tm_hour) &&
	       take_field(cursor, 2, ":", &tm->tm_min) && take_field(cursor, 2, "", &tm->tm_sec);
}

static bool take_decimals(const char **cursor, uint32_t *ret_ns)
{
	uint32_t ns = 0, weight = NSEC_PER_SEC / 10;

	*ret_ns = 0;
	if (**cursor != '.')
		return true;
	++*cursor;
	if (!isdigit((unsigned char)**cursor))
		return false;
	for (; isdigit((unsigned char)**cursor); ++*cursor, weight /= 10) {
		if (weight == 0)
			return false;
		ns += weight * (**cursor - '0');
	}
	*ret_ns = ns;
	return true;
}

/* "Z" or "+09:00", and nothing behind it. */
static bool take_offset(const char *cursor, int *ret_seconds)
{
	int sign = *cursor == '-' ? -1 : 1, hours, minutes;

	*ret_seconds = 0;
	if (*cursor == 'Z' || *cursor == 'z')
		return cursor[1] == '\0';
	if (*cursor != '+' && *cursor != '-')
		return false;
	cursor++;
	if (!take_field(&cursor, 2, ":", &hours) || !take_field(&cursor, 2, "", &minutes) ||
	    *cursor != '\0' || hours > 23 || minutes > 59)
		return false;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

/* Seconds since 1970 of a broken-down time as people count it (month 1..12); false when there is no
 * such time. */
static bool seconds_of(const struct tm *typed, int64_t *ret_seconds)
{
	struct tm tm = *typed, normal;

	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	normal = tm;
	*ret_seconds = timegm(&normal);
	/* timegm() turns February 30 into March 2: a month that changed had no such day. */
	return normal.tm_mon == tm.tm_mon && tm.tm_hour <= 23 && tm.tm_min <= 59 && tm.tm_sec <= 59;
}

static int refuse(const char *text, const char *advice, struct error *error)
{
	char quote[QUOTE_TEXT];

	return error_set(error, -EINVAL, "time %s: %s", text_quote(text, quote), advice);
}

int timestamp_parse(const char *text, uint64_t *ret_ns, struct error *error)
{
	const char *cursor = text;
	struct tm tm = {};
	int64_t seconds;
	uint64_t total;
	uint32_t ns;
	int offset;

	if (!take_date_and_time(&cursor, &tm) || !take_decimals(&cursor, &ns) ||
	    !take_offset(cursor, &offset))
		return refuse(text,
			      "write it as in 2026-11-22T23:02:27Z or 2026-11-22T23:02:27+09:00",
			      error);
	if (!seconds_of(&tm, &seconds))
		return refuse(text, "there is no such date or time of day", error);
	seconds -= offset;
	if (seconds < 0)
		return refuse(text, "it must not be before 1970", error);
	if (__builtin_mul_overflow((uint64_t)seconds, NSEC_PER_SEC, &total) ||
	    __builtin_add_overflow(total, ns, &total))
		return refuse(text, "it must be before the year 2554", error);
	*ret_ns = total;
	return 0;
}
