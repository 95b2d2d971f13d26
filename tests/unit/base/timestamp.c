// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include <time.h>

#include "base/duration.h"
#include "base/timestamp.h"

#define LAST_SECOND 18446744073ULL /* 2554-07-21T23:34:33Z, the last whole one of 64 bits */

static void good_times(void **state)
{
	static const struct {
		const char *typed;
		uint64_t seconds, ns;
		const char *shown;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00.000Z" },
		{ "1970-01-01t00:00:01z", 1, 0, "1970-01-01T00:00:01.000Z" },
		{ "1970-01-01 00:00:59Z", 59, 0, "1970-01-01T00:00:59.000Z" },
		{ "1970-01-01T00:00:00-00:00", 0, 0, "1970-01-01T00:00:00.000Z" },
		{ "1969-12-31T23:59:00-00:01", 0, 0, "1970-01-01T00:00:00.000Z" },
		{ "1970-01-01T23:59:00+23:59", 0, 0, "1970-01-01T00:00:00.000Z" },
		{ "2026-11-22T23:02:27.123Z", 1795388547, 123000000, "2026-11-22T23:02:27.123Z" },
		{ "2026-11-23T08:02:27.1+09:00", 1795388547, 100000000,
		  "2026-11-22T23:02:27.100Z" },
		{ "2026-11-22T17:32:27-05:30", 1795388547, 0, "2026-11-22T23:02:27.000Z" },
		{ "2026-11-22T23:02:27.0Z", 1795388547, 0, "2026-11-22T23:02:27.000Z" },
		{ "2026-11-22T23:02:27.000000001Z", 1795388547, 1, "2026-11-22T23:02:27.000Z" },
		{ "2026-11-22T23:02:27.999999999Z", 1795388547, 999999999,
		  "2026-11-22T23:02:27.999Z" },
		{ "2026-11-22T23:02:27.012345678Z", 1795388547, 12345678,
		  "2026-11-22T23:02:27.012Z" },
		{ "2000-02-29T12:00:00Z", 951825600, 0, "2000-02-29T12:00:00.000Z" },
		{ "2024-02-29T00:00:00Z", 1709164800, 0, "2024-02-29T00:00:00.000Z" },
		{ "2038-01-19T03:14:08Z", 2147483648, 0, "2038-01-19T03:14:08.000Z" },
		{ "2106-02-07T06:28:16Z", 4294967296, 0, "2106-02-07T06:28:16.000Z" },
		{ "2554-07-21T23:34:33.709551615Z", LAST_SECOND, 709551615,
		  "2554-07-21T23:34:33.709Z" },
		{ "2554-07-22T08:34:33.709551615+09:00", LAST_SECOND, 709551615,
		  "2554-07-21T23:34:33.709Z" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char buffer[TIMESTAMP_TEXT];
		uint64_t ns = 42;

		assert_row(timestamp_parse(rows[i].typed, &ns, NULL) == 0, rows[i].typed);
		assert_row(ns == rows[i].seconds * NSEC_PER_SEC + rows[i].ns, rows[i].typed);
		assert_ptr_equal(timestamp_rfc3339(ns, buffer), buffer);
		assert_string_equal(buffer, rows[i].shown);
	}
}

static void bad_times_say_what_to_do(void **state)
{
	static const struct {
		const char *typed, *advice;
	} rows[] = {
		{ "", "time '': write it as in 2026-11-22T23:02:27Z" },
		{ "now", "write it as in" },
		{ "1795388547", "write it as in" },
		{ "2026-11-22", "write it as in" },
		{ "2026-11-22T23:02", "write it as in" },
		{ "2026-11-22T23:02Z", "write it as in" },
		{ "2026-11-22T23:02:27", "2026-11-22T23:02:27+09:00" },
		{ " 2026-11-22T23:02:27Z", "write it as in" },
		{ "2026-11-22T23:02:27Z ", "write it as in" },
		{ "2026-11-22T23:02:27 Z", "write it as in" },
		{ "2026-11-22T23:02:27Z+09:00", "write it as in" },
		{ "2026-11-22T23:02:27UTC", "write it as in" },
		{ "2026-11-22X23:02:27Z", "write it as in" },
		{ "2026-11-22  23:02:27Z", "write it as in" },
		{ "2026/11/22T23:02:27Z", "write it as in" },
		{ "26-11-22T23:02:27Z", "write it as in" },
		{ "12026-11-22T23:02:27Z", "write it as in" },
		{ "-026-11-22T23:02:27Z", "write it as in" },
		{ "2026-1-22T23:02:27Z", "write it as in" },
		{ "2026-11-2T23:02:27Z", "write it as in" },
		{ "2026-11-22T3:02:27Z", "write it as in" },
		{ "2026-11-22T+3:02:27Z", "write it as in" },
		{ "2026-11-22T23:02:27.Z", "write it as in" },
		{ "2026-11-22T23:02:27,5Z", "write it as in" },
		{ "2026-11-22T23:02:27.1234567890Z", "write it as in" },
		{ "2026-11-22T23:02:27+9:00", "write it as in" },
		{ "2026-11-22T23:02:27+0900", "write it as in" },
		{ "2026-11-22T23:02:27+09", "write it as in" },
		{ "2026-11-22T23:02:27+09:0", "write it as in" },
		{ "2026-11-22T23:02:27+09:00x", "write it as in" },
		{ "2026-11-22T23:02:27+24:00", "write it as in" },
		{ "2026-11-22T23:02:27+23:60", "write it as in" },
		{ "2026-13-22T23:02:27Z", "no such date or time" },
		{ "2026-00-22T23:02:27Z", "no such date or time" },
		{ "2026-11-00T23:02:27Z", "no such date or time" },
		{ "2026-11-31T23:02:27Z", "no such date or time" },
		{ "2026-02-29T23:02:27Z", "no such date or time" },
		{ "2100-02-29T00:00:00Z", "no such date or time" },
		{ "2026-11-22T24:00:00Z", "no such date or time" },
		{ "2026-11-22T23:60:27Z", "no such date or time" },
		{ "2026-11-22T23:02:60Z", "no such date or time" },
		{ "2016-12-31T23:59:60Z", "no such date or time" },
		{ "1969-12-31T23:59:59.999Z", "before 1970" },
		{ "0000-01-01T00:00:00Z", "before 1970" },
		{ "1970-01-01T00:00:00+00:01", "before 1970" },
		{ "2554-07-21T23:34:33.709551616Z", "before the year 2554" },
		{ "2554-07-21T23:34:34Z", "before the year 2554" },
		{ "2554-07-21T23:34:33-00:01", "before the year 2554" },
		{ "9999-12-31T23:59:59Z", "before the year 2554" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error error = {};
		uint64_t ns = 42;

		assert_row(timestamp_parse(rows[i].typed, &ns, &error) == -EINVAL, rows[i].typed);
		assert_error_contains(&error, rows[i].advice);
		assert_error_contains(&error, "time '");
		assert_int_equal(ns, 42);
	}
}

static void what_is_shown_reads_back(void **state)
{
	uint64_t seed = 4;

	for (int i = 0; i < 20000; i++) {
		uint64_t ns = random_next(&seed) >> random_next(&seed) % 64, again;
		char buffer[TIMESTAMP_TEXT];

		assert_row(timestamp_parse(timestamp_rfc3339(ns, buffer), &again, NULL) == 0,
			   buffer);
		assert_row(again == ns / NSEC_PER_MSEC * NSEC_PER_MSEC, buffer);
	}
}

/* Against the C library, which counts days another way round. */
static void every_day_is_the_calendar_s(void **state)
{
	for (uint64_t day = 0; day < 213503; day++) {
		time_t seconds = day * 86400 + 86399;
		struct tm utc;
		char text[TIMESTAMP_TEXT];
		uint64_t ns;

		gmtime_r(&seconds, &utc);
		strftime(text, sizeof(text), "%FT%TZ", &utc);
		assert_row(timestamp_parse(text, &ns, NULL) == 0, text);
		assert_row(ns == seconds * NSEC_PER_SEC, text);
	}
}

static void local_time_follows_the_zone(void **state)
{
	const uint64_t ns = 1795388547 * NSEC_PER_SEC + 999 * NSEC_PER_MSEC;
	char buffer[TIMESTAMP_TEXT];

	setenv("TZ", "UTC0", 1);
	tzset();
	assert_ptr_equal(timestamp_local(ns, buffer), buffer);
	assert_string_equal(buffer, "2026-11-22 23:02:27");
	setenv("TZ", "KST-9", 1);
	tzset();
	assert_string_equal(timestamp_local(ns, buffer), "2026-11-23 08:02:27");
	assert_string_equal(timestamp_rfc3339(ns, buffer), "2026-11-22T23:02:27.999Z");
	assert_string_equal(timestamp_local(UINT64_MAX, buffer), "2554-07-22 08:34:33");
	setenv("TZ", "UTC0", 1);
	tzset();
}

static void clocks_are_the_right_ones(void **state)
{
	struct timespec real, boot;
	uint64_t now = timestamp_now(), up = timestamp_boottime();

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	assert_in_range(real.tv_sec * NSEC_PER_SEC + real.tv_nsec - now, 0, 10 * NSEC_PER_SEC);
	assert_in_range(boot.tv_sec * NSEC_PER_SEC + boot.tv_nsec - up, 0, 10 * NSEC_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_times),
		cmocka_unit_test(bad_times_say_what_to_do),
		cmocka_unit_test(what_is_shown_reads_back),
		cmocka_unit_test(every_day_is_the_calendar_s),
		cmocka_unit_test(local_time_follows_the_zone),
		cmocka_unit_test(clocks_are_the_right_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
