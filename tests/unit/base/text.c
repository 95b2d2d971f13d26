// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include <math.h>

#include "base/text.h"

static void numbers_have_commas(void **state)
{
	static const struct {
		uint64_t value;
		const char *shown;
	} rows[] = {
		{ 0, "0" },
		{ 7, "7" },
		{ 999, "999" },
		{ 1000, "1,000" },
		{ 12345, "12,345" },
		{ 999999, "999,999" },
		{ 1234567, "1,234,567" },
		{ UINT64_MAX, "18,446,744,073,709,551,615" },
	};
	char buffer[NUMBER_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_ptr_equal(number_format(rows[i].value, buffer), buffer);
		assert_string_equal(buffer, rows[i].shown);
	}
}

static void rates_are_readable(void **state)
{
	static const struct {
		double value;
		const char *shown;
	} rows[] = {
		{ 0, "0" },
		{ -0.0, "0" },
		{ -5, "0" },
		{ NAN, "0" },
		{ 1e-300, "<0.1" },
		{ 0.0499, "<0.1" },
		{ 0.05, "0.1" },
		{ 0.4, "0.4" },
		{ 1, "1.0" },
		{ 12.34, "12.3" },
		{ 99.94, "99.9" },
		{ 99.96, "100" },
		{ 999.4, "999" },
		{ 999.5, "1,000" },
		{ 4211, "4,211" },
		{ 99999.4, "99,999" },
		{ 99999.6, "100 k" },
		{ 123456, "123 k" },
		{ 999499, "999 k" },
		{ 999500, "1.00 M" },
		{ 1.25e6, "1.25 M" },
		{ 9.994e6, "9.99 M" },
		{ 9.996e6, "10.0 M" },
		{ 99.94e6, "99.9 M" },
		{ 99.96e6, "100 M" },
		{ 3.4e9, "3.40 G" },
		{ 999.6e9, "1.00 T" },
		{ 1e15, "1.00 P" },
		{ 1.8446744073709552e19, "18.4 E" },
		{ INFINITY, "inf E" },
	};
	char buffer[NUMBER_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_ptr_equal(rate_format(rows[i].value, buffer), buffer);
		assert_string_equal(buffer, rows[i].shown);
	}
	assert_in_range(strlen(rate_format(1e308, buffer)), 1, NUMBER_TEXT - 1);
}

static void bytes_are_readable(void **state)
{
	static const struct {
		double value;
		const char *shown;
	} rows[] = {
		{ 0, "0 B" },
		{ -1, "0 B" },
		{ NAN, "0 B" },
		{ 1, "1 B" },
		{ 512, "512 B" },
		{ 1023, "1023 B" },
		{ 1023.6, "1.0 KiB" },
		{ 1024, "1.0 KiB" },
		{ 1536, "1.5 KiB" },
		{ 1023.9 * 1024, "1023.9 KiB" },
		{ 1023.96 * 1024, "1.0 MiB" },
		{ 12.3 * 1024 * 1024, "12.3 MiB" },
		{ 1024.0 * 1024 * 1024, "1.0 GiB" },
		{ 1024.0 * 1024 * 1024 * 1024, "1.0 TiB" },
		{ 1125899906842624.0, "1.0 PiB" },
		{ 1.8446744073709552e19, "16.0 EiB" },
	};
	char buffer[NUMBER_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_ptr_equal(bytes_format(rows[i].value, buffer), buffer);
		assert_string_equal(buffer, rows[i].shown);
	}
	assert_in_range(strlen(bytes_format(1e308, buffer)), 1, NUMBER_TEXT - 1);
}

static void escaping_shows_what_would_hide(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "", "" },
		{ "plain text 'with' \"quotes\" ~", "plain text 'with' \"quotes\" ~" },
		{ "수문장 é 𝄞", "수문장 é 𝄞" },
		{ "a\\b", "a\\\\b" },
		{ "\\x41", "\\\\x41" },
		{ "\x1b[2J", "\\x1b[2J" },
		{ "a\nb\tc\rd\x01", "a\\x0ab\\x09c\\x0dd\\x01" },
		{ "\x1f \x7e\x7f", "\\x1f \x7e\\x7f" },
		/* C1, U+0080..U+009F, of which U+009B is as good as ESC [; U+00A0 is not one */
		{ "\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "\\u0080\\u009b\\u009f\xc2\xa0" },
		{ "\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9", "\xe2\x80\xa7\\u2028\\u2029" },
		{ "\xe2\x80\xaa\xe2\x80\xae\xe2\x80\xaf", "\\u202a\\u202e\xe2\x80\xaf" },
		{ "\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa",
		  "\xe2\x81\xa5\\u2066\\u2069\xe2\x81\xaa" },
		{ "\xd8\x9b\xd8\x9c\xd8\x9d", "\xd8\x9b\\u061c\xd8\x9d" },
		{ "\xe2\x80\x8d\xe2\x80\x8e\xe2\x80\x8f\xe2\x80\x90",
		  "\xe2\x80\x8d\\u200e\\u200f\xe2\x80\x90" },
		/* stray continuations, bytes that never occur, and characters that break off */
		{ "\x80\xbf", "\\x80\\xbf" },
		{ "\xfe\xff\xf8\x88\x80\x80\x80", "\\xfe\\xff\\xf8\\x88\\x80\\x80\\x80" },
		{ "\xc3", "\\xc3" },
		{ "\xc3(", "\\xc3(" },
		{ "\xe2\x82", "\\xe2\\x82" },
		{ "\xe2(\xa1", "\\xe2(\\xa1" },
		{ "\xf0\x9d\x84", "\\xf0\\x9d\\x84" },
		{ "\xe2\x82\xc3\xa9", "\\xe2\\x82\xc3\xa9" },
		{ "\xf8\x90\x80\x80\xff\x90\x80\x80", "\\xf8\\x90\\x80\\x80\\xff\\x90\\x80\\x80" },
		/* overlong: two, three and four bytes for '/', and the last ones of each length */
		{ "\xc0\xaf\xe0\x80\xaf", "\\xc0\\xaf\\xe0\\x80\\xaf" },
		{ "\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf" },
		{ "\xc1\xbf\xe0\x9f\xbf", "\\xc1\\xbf\\xe0\\x9f\\xbf" },
		{ "\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf" },
		{ "\xe0\xa0\x80\xf0\x90\x80\x80", "\xe0\xa0\x80\xf0\x90\x80\x80" },
		/* surrogates, and what surrounds them */
		{ "\xed\xa0\x80\xed\xbf\xbf", "\\xed\\xa0\\x80\\xed\\xbf\\xbf" },
		{ "\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80" },
		/* U+10FFFF is the last */
		{ "\xf4\x8f\xbf\xbf\xf4\x90\x80\x80", "\xf4\x8f\xbf\xbf\\xf4\\x90\\x80\\x80" },
		{ "\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char buffer[256];

		assert_ptr_equal(text_escape(rows[i].text, buffer, sizeof(buffer)), buffer);
		assert_string_equal(buffer, rows[i].shown);
	}
}

/* Each size in memory of just that size, where the sanitizer sees the first byte too far. */
static void escaping_cuts_at_whole_characters(void **state)
{
	static const char text[] = "a\n\\\xf0\x9d\x84\x9e\xc2\x9bz\xff";
	static const size_t cuts[] = { 0, 1, 5, 7, 11, 17, 18, 22 };
	char whole[64];
	size_t fit = 0;

	text_escape(text, whole, sizeof(whole));
	assert_int_equal(strlen(whole), 22);
	for (size_t size = 1; size < 40; size++) {
		CLEANUP_FREE char *buffer = malloc(size);

		while (fit + 1 < ARRAY_SIZE(cuts) && cuts[fit + 1] < size)
			fit++;
		text_escape(text, buffer, size);
		assert_int_equal(strlen(buffer), cuts[fit]);
		assert_memory_equal(buffer, whole, cuts[fit]);
	}
}

static void no_room_is_no_write(void **state)
{
	char buffer[1] = { '#' };

	assert_ptr_equal(text_escape("a", buffer, 0), buffer);
	assert_int_equal(buffer[0], '#');
}

static void quotes_are_short_and_safe(void **state)
{
	char buffer[QUOTE_TEXT], text[200];

	assert_string_equal(text_quote("", buffer), "''");
	assert_string_equal(text_quote("tcp/0\n", buffer), "'tcp/0\\x0a'");
	for (size_t length = 1; length < sizeof(text); length++) {
		memset(text, 'x', length);
		text[length] = '\0';
		assert_ptr_equal(text_quote(text, buffer), buffer);
		if (length <= QUOTE_TEXT - 3) {
			assert_int_equal(strlen(buffer), length + 2);
			assert_string_equal(buffer + length, "x'");
		} else {
			assert_int_equal(strlen(buffer), QUOTE_TEXT - 1);
			assert_string_equal(buffer + QUOTE_TEXT - 6, "x...'");
		}
		assert_int_equal(buffer[0], '\'');
	}
}

static void words_are_split_at_commas_and_blanks(void **state)
{
	static const struct {
		const char *text;
		const char *words[4];
	} rows[] = {
		{ "", {} },
		{ " ,\t\n\v\f\r, ", {} },
		{ "one", { "one" } },
		{ "one,two three", { "one", "two", "three" } },
		{ ",, one ,\ttwo,", { "one", "two" } },
		{ "a-b/c;d\\e", { "a-b/c;d\\e" } },
		{ "수\xc2\xa0문,장", { "수\xc2\xa0문", "장" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_FREE char *text = strdup(rows[i].text);
		char *cursor = text, *word;
		size_t count = 0;

		while ((word = text_next_word(&cursor))) {
			assert_non_null(rows[i].words[count]);
			assert_string_equal(word, rows[i].words[count++]);
		}
		assert_null(rows[i].words[count]);
		assert_null(text_next_word(&cursor));
	}
}

static void numbers_are_taken_up_to_the_limit(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		int result;
		uint64_t value;
		const char *rest;
	} rows[] = {
		{ "0", 0, 0, 0, "" },
		{ "0x1", 9, 0, 0, "x1" },
		{ "1", 0, -ERANGE, 0, "" },
		{ "65535-", 65535, 0, 65535, "-" },
		{ "65536", 65535, -ERANGE, 0, "" },
		{ "18446744073709551615s", UINT64_MAX, 0, UINT64_MAX, "s" },
		{ "18446744073709551616", UINT64_MAX, -ERANGE, 0, "" },
		{ "36893488147419103232", UINT64_MAX, -ERANGE, 0, "" },
		{ "99999999999999999999999999", UINT64_MAX, -ERANGE, 0, "" },
		{ "", 9, -EINVAL, 0, "" },
		{ "00", 9, -EINVAL, 0, "" },
		{ "01", 9, -EINVAL, 0, "" },
		{ "+1", 9, -EINVAL, 0, "" },
		{ "-1", 9, -EINVAL, 0, "" },
		{ " 1", 9, -EINVAL, 0, "" },
		{ "x", 9, -EINVAL, 0, "" },
		{ "\xb2", 9, -EINVAL, 0, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *cursor = rows[i].text;
		uint64_t value = 42;

		assert_int_equal(text_take_number(&cursor, rows[i].max, &value), rows[i].result);
		if (rows[i].result == 0) {
			assert_true(value == rows[i].value);
			assert_string_equal(cursor, rows[i].rest);
		} else {
			assert_true(value == 42);
			assert_ptr_equal(cursor, rows[i].text);
		}
	}
}

static void long_text_is_wrapped(void **state)
{
	static const char words[] = "aaa bbb  ccc dddddddddddddddddddddddddddddddddddddddddddddddd"
				    "ddddddddddddddddddddddddddddddddddddddddddddddddddd eee";
	char page[256] = "";
	CLEANUP_FCLOSE FILE *file = fmemopen(page, sizeof(page), "w");

	text_wrap(words, 70, 2, file);
	text_wrap("", 0, 2, file);
	fflush(file);
	assert_memory_equal(page, "aaa bbb\n  ccc\n  dddd", 20);
	assert_non_null(strstr(page, "dddd\n  eee\n\n"));
}

static void distance_is_of_letters(void **state)
{
	static const struct {
		const char *a, *b;
		size_t distance;
	} rows[] = {
		{ "", "", 0 },
		{ "run", "run", 0 },
		{ "rnu", "run", 2 },
		{ "sycalls", "syscalls", 1 },
		{ "opensx", "opens", 1 },
		{ "", "ban", 3 },
		{ "bans", "", 4 },
		{ "kitten", "sitting", 3 },
		{ "0123456789012345678901234567890", "012345678901234567890123456789", 1 },
		{ "01234567890123456789012345678901", "ban", 32 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(text_distance(rows[i].a, rows[i].b), rows[i].distance);
		assert_int_equal(text_distance(rows[i].b, rows[i].a), rows[i].distance);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distance_is_of_letters),
		cmocka_unit_test(numbers_have_commas),
		cmocka_unit_test(rates_are_readable),
		cmocka_unit_test(bytes_are_readable),
		cmocka_unit_test(escaping_shows_what_would_hide),
		cmocka_unit_test(escaping_cuts_at_whole_characters),
		cmocka_unit_test(no_room_is_no_write),
		cmocka_unit_test(quotes_are_short_and_safe),
		cmocka_unit_test(words_are_split_at_commas_and_blanks),
		cmocka_unit_test(numbers_are_taken_up_to_the_limit),
		cmocka_unit_test(long_text_is_wrapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
