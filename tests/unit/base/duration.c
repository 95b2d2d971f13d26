// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include "base/duration.h"

#define MINUTE (60 * NSEC_PER_SEC)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static void good_durations(void **state)
{
	static const struct {
		const char *typed;
		uint64_t ns;
		const char *shown;
	} rows[] = {
		{ "1ms", NSEC_PER_MSEC, "1ms" },
		{ "999ms", 999 * NSEC_PER_MSEC, "999ms" },
		{ "1000ms", NSEC_PER_SEC, "1s" },
		{ "1500ms", 1500 * NSEC_PER_MSEC, "1s500ms" },
		{ "1s", NSEC_PER_SEC, "1s" },
		{ "90s", 90 * NSEC_PER_SEC, "1m30s" },
		{ "10m", 10 * MINUTE, "10m" },
		{ "1h30m", 90 * MINUTE, "1h30m" },
		{ "1h0m", HOUR, "1h" },
		{ "0h1m", MINUTE, "1m" },
		{ "1m1ms", MINUTE + NSEC_PER_MSEC, "1m1ms" },
		{ "24h", DAY, "1d" },
		{ "2d", 2 * DAY, "2d" },
		{ "10d", 10 * DAY, "10d" },
		{ "7d", 7 * DAY, "1w" },
		{ "2w", 14 * DAY, "2w" },
		{ "1w1d1h1m1s1ms", 8 * DAY + HOUR + MINUTE + NSEC_PER_SEC + NSEC_PER_MSEC,
		  "8d1h1m1s1ms" },
		{ "36525d", DURATION_MAX, "36525d" },
		{ "3155760000000ms", DURATION_MAX, "36525d" },
		{ "36524d23h59m59s1000ms", DURATION_MAX, "36525d" },
		{ "5217w6d", DURATION_MAX, "36525d" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char buffer[DURATION_TEXT];
		uint64_t ns = 0;

		assert_row(duration_parse(rows[i].typed, &ns, NULL) == 0, rows[i].typed);
		assert_row(ns == rows[i].ns, rows[i].typed);
		assert_ptr_equal(duration_format(ns, buffer), buffer);
		assert_string_equal(buffer, rows[i].shown);
	}
}

static void bad_durations_say_what_to_do(void **state)
{
	static const struct {
		const char *typed, *advice;
	} rows[] = {
		{ "", "a duration is wanted, as in 90s" },
		{ "10", "duration '10': say the unit" },
		{ "1h30", "say the unit" },
		{ "s", "whole numbers with units" },
		{ "ms", "whole numbers with units" },
		{ "-1s", "whole numbers with units" },
		{ "+1s", "whole numbers with units" },
		{ " 1s", "whole numbers with units" },
		{ "1s ", "whole numbers with units" },
		{ "1h 30m", "whole numbers with units" },
		{ "01s", "whole numbers with units" },
		{ "1h05m", "whole numbers with units" },
		{ "forever", "whole numbers with units" },
		{ "1.5h", "the units are ms, s, m, h, d and w" },
		{ "1 s", "the units are" },
		{ "1y", "the units are" },
		{ "1M", "the units are" },
		{ "1min", "the units are" },
		{ "1us", "the units are" },
		{ "1mss", "the units are" },
		{ "0x10s", "the units are" },
		{ "1e3s", "the units are" },
		{ "30m1h", "the largest first" },
		{ "1s1s", "each unit comes once" },
		{ "1ms1s", "the largest first" },
		{ "1w1d1w", "the largest first" },
		{ "0s", "longer than nothing" },
		{ "0w0d0h0m0s0ms", "longer than nothing" },
		{ "36526d", "more than 100 years" },
		{ "36525d1ms", "more than 100 years" },
		{ "3155760000001ms", "more than 100 years" },
		{ "5217w6d1ms", "more than 100 years" },
		{ "213504d", "more than 100 years" },
		{ "18446744073709551615ms", "more than 100 years" },
		{ "18446744073709551616s", "more than 100 years" },
		{ "99999999999999999999999w", "more than 100 years" },
		{ "30500569w", "more than 100 years" }, /* wraps to 73 h in 64 bits */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error error = {};
		uint64_t ns = 42;

		assert_row(duration_parse(rows[i].typed, &ns, &error) == -EINVAL, rows[i].typed);
		assert_error_contains(&error, rows[i].advice);
		assert_error_contains(&error, "duration '");
		assert_int_equal(ns, 42);
	}
}

static void what_is_shown_reads_back(void **state)
{
	uint64_t seed = 3;

	for (int i = 0; i < 20000; i++) {
		uint64_t limit = DURATION_MAX >> random_next(&seed) % 41, again = 0;
		uint64_t ns = random_next(&seed) % limit / NSEC_PER_MSEC * NSEC_PER_MSEC;
		char buffer[DURATION_TEXT];

		ns += NSEC_PER_MSEC;
		assert_row(duration_parse(duration_format(ns, buffer), &again, NULL) == 0, buffer);
		assert_row(again == ns, buffer);
	}
}

static void odd_values_are_rounded_down(void **state)
{
	char buffer[DURATION_TEXT];

	assert_string_equal(duration_format(0, buffer), "0s");
	assert_string_equal(duration_format(NSEC_PER_MSEC - 1, buffer), "0s");
	assert_string_equal(duration_format(2 * NSEC_PER_SEC - 1, buffer), "1s999ms");
	assert_string_equal(duration_format(UINT64_MAX, buffer), "213503d23h34m33s709ms");
}

static void short_form_has_two_units(void **state)
{
	static const struct {
		uint64_t ns;
		const char *shown;
	} rows[] = {
		{ 0, "<1s" },
		{ NSEC_PER_SEC - 1, "<1s" },
		{ NSEC_PER_SEC, "1s" },
		{ 12 * NSEC_PER_SEC + 999 * NSEC_PER_MSEC, "12s" },
		{ MINUTE - 1, "59s" },
		{ MINUTE, "1m" },
		{ 5 * MINUTE - 1, "4m59s" },
		{ HOUR - 1, "59m59s" },
		{ HOUR, "1h" },
		{ HOUR + MINUTE - 1, "1h" },
		{ 90 * MINUTE + 59 * NSEC_PER_SEC, "1h30m" },
		{ DAY - 1, "23h59m" },
		{ DAY, "1d" },
		{ 2 * DAY + 3 * HOUR + 59 * MINUTE, "2d3h" },
		{ 213 * DAY + 4 * HOUR, "213d4h" },
		{ UINT64_MAX, "213503d23h" },
	};
	char buffer[DURATION_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_ptr_equal(duration_format_short(rows[i].ns, buffer), buffer);
		assert_string_equal(buffer, rows[i].shown);
	}
}

static void fine_lengths_have_three_digits(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "0 ns" },
		{ 999, "999 ns" },
		{ 1000, "1.00 us" },
		{ 9994, "9.99 us" },
		{ 9996, "10.0 us" },
		{ 99940, "99.9 us" },
		{ 99960, "100 us" },
		{ 999400, "999 us" },
		{ 999500, "1.00 ms" },
		{ NSEC_PER_SEC - 1, "1.00 s" },
		{ 62 * NSEC_PER_SEC, "62.0 s" },
		{ 119999999999, "120 s" },
		{ 120 * NSEC_PER_SEC, "2m" },
		{ 3661 * NSEC_PER_SEC, "1h1m" },
	};
	char buffer[DURATION_TEXT];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(duration_format_fine(rows[i].ns, buffer), rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_durations),
		cmocka_unit_test(bad_durations_say_what_to_do),
		cmocka_unit_test(what_is_shown_reads_back),
		cmocka_unit_test(odd_values_are_rounded_down),
		cmocka_unit_test(short_form_has_two_units),
		cmocka_unit_test(fine_lengths_have_three_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
