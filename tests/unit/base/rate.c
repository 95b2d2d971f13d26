// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include "base/duration.h"
#include "base/rate.h"

#define MINUTE (60 * NSEC_PER_SEC)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static void good_rates(void **state)
{
	static const struct {
		const char *typed;
		uint64_t count, period;
		const char *shown;
	} rows[] = {
		{ "1/s", 1, NSEC_PER_SEC, "1/s" },
		{ "20/min", 20, MINUTE, "20/min" },
		{ "1000/h", 1000, HOUR, "1k/h" },
		{ "10/d", 10, DAY, "10/d" },
		{ "1500/s", 1500, NSEC_PER_SEC, "1500/s" },
		{ "50k/s", 50000, NSEC_PER_SEC, "50k/s" },
		{ "50000/s", 50000, NSEC_PER_SEC, "50k/s" },
		{ "2M/s", 2000000, NSEC_PER_SEC, "2M/s" },
		{ "2500k/min", 2500000, MINUTE, "2500k/min" },
		{ "1G/s", 1000000000, NSEC_PER_SEC, "1G/s" },
		{ "1000M/s", 1000000000, NSEC_PER_SEC, "1G/s" },
		{ "60/s", 60, NSEC_PER_SEC, "60/s" },
		{ "1000000000000000/s", COUNT_MAX, NSEC_PER_SEC, "1000000G/s" },
		{ "1000000G/d", COUNT_MAX, DAY, "1000000G/d" },
		{ "999999999999999/s", COUNT_MAX - 1, NSEC_PER_SEC, "999999999999999/s" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char buffer[RATE_TEXT];
		struct rate rate = { 0, 0 };

		assert_row(rate_parse(rows[i].typed, &rate, NULL) == 0, rows[i].typed);
		assert_row(rate.count == rows[i].count, rows[i].typed);
		assert_row(rate.period == rows[i].period, rows[i].typed);
		assert_ptr_equal(rate_text(&rate, buffer), buffer);
		assert_string_equal(buffer, rows[i].shown);
	}
}

static void bad_rates_say_what_to_do(void **state)
{
	static const struct {
		const char *typed, *advice;
	} rows[] = {
		{ "", "a rate is wanted, as in 20/min" },
		{ "20", "rate '20': say in what time" },
		{ "20k", "say in what time" },
		{ "20/", "the times are /s, /min, /h and /d" },
		{ "20/m", "the times are" },
		{ "20/M", "the times are" },
		{ "20/sec", "the times are" },
		{ "20/s ", "the times are" },
		{ "20/ s", "the times are" },
		{ "20/min/s", "the times are" },
		{ "20/w", "the times are" },
		{ "20 /s", "k, M or G, then the time" },
		{ "20K/s", "k, M or G, then the time" },
		{ "20kk/s", "k, M or G, then the time" },
		{ "1.5k/s", "k, M or G, then the time" },
		{ "20T/s", "k, M or G, then the time" },
		{ "/s", "whole number" },
		{ "k/s", "whole number" },
		{ "-1/s", "whole number" },
		{ "+1/s", "whole number" },
		{ " 1/s", "whole number" },
		{ "01/s", "whole number" },
		{ "off", "whole number" },
		{ "0/s", "more than nothing" },
		{ "0k/d", "more than nothing" },
		{ "1000000000000001/s", "more than 1000000G" },
		{ "1000001G/s", "more than 1000000G" },
		{ "18446744073709551616/s", "more than 1000000G" },
		{ "18446744073709552k/s", "more than 1000000G" }, /* wraps to 384 in 64 bits */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rate rate = { 42, 43 };
		struct error error = {};

		assert_row(rate_parse(rows[i].typed, &rate, &error) == -EINVAL, rows[i].typed);
		assert_error_contains(&error, rows[i].advice);
		assert_error_contains(&error, "rate '");
		assert_int_equal(rate.count, 42);
		assert_int_equal(rate.period, 43);
	}
}

static void good_counts(void **state)
{
	static const struct {
		const char *typed;
		uint64_t count;
		const char *shown;
	} rows[] = {
		{ "1", 1, "1" },
		{ "10", 10, "10" },
		{ "1500", 1500, "1500" },
		{ "20k", 20000, "20k" },
		{ "20000", 20000, "20k" },
		{ "3M", 3000000, "3M" },
		{ "1000000G", COUNT_MAX, "1000000G" },
	};
	char buffer[RATE_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t count = 0;

		assert_row(count_parse(rows[i].typed, &count, NULL) == 0, rows[i].typed);
		assert_row(count == rows[i].count, rows[i].typed);
		assert_ptr_equal(count_text(count, buffer), buffer);
		assert_string_equal(buffer, rows[i].shown);
	}
	assert_string_equal(count_text(0, buffer), "0");
}

static void bad_counts_say_what_to_do(void **state)
{
	static const struct {
		const char *typed, *advice;
	} rows[] = {
		{ "", "whole number" },
		{ "-1", "whole number" },
		{ "many", "whole number" },
		{ "10/s", "k, M or G" },
		{ "10 ", "k, M or G" },
		{ "10m", "k, M or G" },
		{ "0", "at least 1" },
		{ "0k", "at least 1" },
		{ "1000001G", "more than 1000000G" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error error = {};
		uint64_t count = 42;

		assert_row(count_parse(rows[i].typed, &count, &error) == -EINVAL, rows[i].typed);
		assert_error_contains(&error, rows[i].advice);
		assert_error_contains(&error, "number '");
		assert_int_equal(count, 42);
	}
}

static void what_is_shown_reads_back(void **state)
{
	static const uint64_t periods[] = { NSEC_PER_SEC, MINUTE, HOUR, DAY };
	static const uint64_t factors[] = { 1, 1000, 1000000, 1000000000 };
	uint64_t seed = 5;

	for (int i = 0; i < 20000; i++) {
		uint64_t factor = factors[random_next(&seed) % ARRAY_SIZE(factors)];
		uint64_t most = COUNT_MAX / factor >> random_next(&seed) % 20;
		struct rate rate = { (1 + random_next(&seed) % most) * factor,
				     periods[random_next(&seed) % ARRAY_SIZE(periods)] };
		struct rate again = { 0, 0 };
		char buffer[RATE_TEXT];

		assert_row(rate_parse(rate_text(&rate, buffer), &again, NULL) == 0, buffer);
		assert_row(again.count == rate.count && again.period == rate.period, buffer);
	}
}

static void no_rate_is_no_text(void **state)
{
	char buffer[RATE_TEXT] = "x";

	assert_string_equal(rate_text(&(struct rate){ 0, NSEC_PER_SEC }, buffer), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_rates),
		cmocka_unit_test(bad_rates_say_what_to_do),
		cmocka_unit_test(good_counts),
		cmocka_unit_test(bad_counts_say_what_to_do),
		cmocka_unit_test(what_is_shown_reads_back),
		cmocka_unit_test(no_rate_is_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
