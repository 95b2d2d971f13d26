// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include <stdlib.h>

#include "modules/filter/list_file.h"
#include "modules/filter/range_sets.h"

/* The ranges of a list file. */
static struct ranges parse(const char *text)
{
	static const struct list_rules rules = { .strict = true };
	struct ranges ranges = { .v4 = NULL };
	struct error error = { "" };

	if (list_file_parse(text, strlen(text), "test", &rules, &ranges, NULL, &error) < 0)
		fail_msg("'%s': %s", text, error.text);
	return ranges;
}

static struct list_entry entry(const char *text)
{
	struct list_entry parsed = { .v4 = true };

	if (list_entry_read(text, &parsed, NULL) < 0)
		fail_msg("'%s' is no entry", text);
	return parsed;
}

/* As a list file has them, on one line. */
static const char *print(const struct ranges_view *view)
{
	static char line[8192];
	size_t used = 0;

	line[0] = '\0';
	for (int family = 0; family < FAMILY_COUNT; family++) {
		for (size_t i = 0; i < ranges_count(view, family == FAMILY_V4); i++) {
			struct list_entry range = ranges_at(view, family == FAMILY_V4, i);
			char text[PREFIX_TEXT];
			struct prefix prefix;

			while (range_next_prefix(&range, &prefix)) {
				assert_true(used < sizeof(line) - PREFIX_TEXT - 1);
				used += (size_t)sprintf(line + used, "%s%s", used ? " " : "",
							prefix_format(&prefix, text));
			}
		}
	}
	return line;
}

static void what_is_in_it(void **state)
{
	CLEANUP_RANGES struct ranges ranges = parse("10.0.0.0/24\n10.0.2.0/24\n2001:db8::/32\n"
						    "255.255.255.255\n0.0.0.0\nffff::/16\n");
	static const struct {
		const char *entry;
		bool all, any;
	} rows[] = {
		{ "10.0.0.0", true, true },
		{ "10.0.0.255", true, true },
		{ "10.0.1.0", false, false },
		{ "9.255.255.255", false, false },
		{ "10.0.0.0/24", true, true },
		{ "10.0.0.0/23", false, true },
		{ "10.0.0.0/22", false, true },
		{ "10.0.1.0/24", false, false },
		{ "10.0.1.255-10.0.2.0", false, true },
		{ "0.0.0.0", true, true },
		{ "0.0.0.1-255.255.255.254", false, true },
		{ "255.255.255.255", true, true },
		{ "2001:db8::1", true, true },
		{ "2001:db9::", false, false },
		{ "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff-2001:db9::", false, true },
		{ "::", false, false },
		{ "::/0", false, true },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true, true },
	};
	struct ranges_view view = ranges_view(&ranges);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct list_entry parsed = entry(rows[i].entry);

		assert_row(ranges_cover(&view, &parsed) == rows[i].all, rows[i].entry);
		assert_row(ranges_touch(&view, &parsed) == rows[i].any, rows[i].entry);
	}
}

static void together_and_without(void **state)
{
	static const struct {
		const char *a, *b, *joined, *less;
	} rows[] = {
		{ "", "", "", "" },
		{ "10.0.0.1", "", "10.0.0.1", "10.0.0.1" },
		{ "", "10.0.0.1", "10.0.0.1", "" },
		{ "10.0.0.0/31", "10.0.0.1", "10.0.0.0/31", "10.0.0.0" },
		{ "10.0.0.0/30", "10.0.0.1", "10.0.0.0/30", "10.0.0.0 10.0.0.2/31" },
		{ "10.0.0.0", "10.0.0.1", "10.0.0.0/31", "10.0.0.0" },
		{ "10.0.0.0/24", "10.0.0.0/8", "10.0.0.0/8", "" },
		/* One of `b` that reaches into two of `a`, and two that reach into one. */
		{ "10.0.0.0/30\n10.0.0.8/30", "10.0.0.2-10.0.0.9", "10.0.0.0/29 10.0.0.8/30",
		  "10.0.0.0/31 10.0.0.10/31" },
		{ "10.0.0.0/29", "10.0.0.1\n10.0.0.6", "10.0.0.0/29",
		  "10.0.0.0 10.0.0.2/31 10.0.0.4/31 10.0.0.7" },
		{ "10.0.0.5\n10.0.0.7\n10.0.0.9", "10.0.0.1\n10.0.0.7\n10.0.0.20",
		  "10.0.0.1 10.0.0.5 10.0.0.7 10.0.0.9 10.0.0.20", "10.0.0.5 10.0.0.9" },
		{ "255.255.255.254/31\n0.0.0.0/31", "255.255.255.255\n0.0.0.0",
		  "0.0.0.0/31 255.255.255.254/31", "0.0.0.1 255.255.255.254" },
		/* The families are apart. */
		{ "::/96\n1.2.3.4", "1.2.3.4", "1.2.3.4 ::/96", "::/96" },
		{ "2001:db8::/126", "2001:db8::1", "2001:db8::/126", "2001:db8:: 2001:db8::2/127" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_RANGES struct ranges a = parse(rows[i].a), b = parse(rows[i].b);
		CLEANUP_RANGES struct ranges joined = { .v4 = NULL }, less = { .v4 = NULL };
		struct ranges_view view_a = ranges_view(&a), view_b = ranges_view(&b), view;

		assert_ok(ranges_join(&view_a, &view_b, &joined));
		assert_ok(ranges_subtract(&view_a, &view_b, &less));
		view = ranges_view(&joined);
		assert_string_equal(print(&view), rows[i].joined);
		view = ranges_view(&less);
		assert_string_equal(print(&view), rows[i].less);
	}
}

/* A set of addresses from `base` on, and the same as ranges. */
static void make_random(uint64_t *seed, bool v4, uint128 base, bool bits[256],
			struct ranges *ranges)
{
	for (uint64_t n = random_next(seed) % 12; n; n--) {
		unsigned first = random_next(seed) % 256;
		unsigned last = first + random_next(seed) % (256 - first) / 4;
		struct list_entry range = { v4, base + first, base + last };

		assert_ok(ranges_add(ranges, &range));
		memset(&bits[first], 1, last - first + 1);
	}
	assert_ok(ranges_merge(ranges));
}

/* An image of them can be read back. */
static void assert_merged(const struct ranges *ranges)
{
	CLEANUP_FREE void *image = malloc(ranges_image_size(ranges));
	struct ranges_view view;

	ranges_write(ranges, image);
	assert_ok(ranges_read(image, ranges_image_size(ranges), &view, NULL));
}

/* Against bitmaps, at either end of a family. */
static void random_sets(void **state)
{
	uint64_t seed = 7;

	for (int round = 0; round < 2000; round++) {
		CLEANUP_RANGES struct ranges a = { .v4 = NULL }, b = { .v4 = NULL };
		CLEANUP_RANGES struct ranges joined = { .v4 = NULL }, less = { .v4 = NULL };
		bool v4 = round & 1, in_a[256] = {}, in_b[256] = {};
		uint128 base = !(round & 2) ? 0 : v4 ? 0xffffff00 : ~(uint128)0xff;
		struct ranges_view view_a, view_b, view_joined, view_less;

		make_random(&seed, v4, base, in_a, &a);
		make_random(&seed, v4, base, in_b, &b);
		view_a = ranges_view(&a);
		view_b = ranges_view(&b);
		assert_ok(ranges_join(&view_a, &view_b, &joined));
		assert_ok(ranges_subtract(&view_a, &view_b, &less));
		view_joined = ranges_view(&joined);
		view_less = ranges_view(&less);
		for (unsigned i = 0; i < 256; i++) {
			struct list_entry one = { v4, base + i, base + i };

			assert_int_equal(ranges_touch(&view_joined, &one), in_a[i] || in_b[i]);
			assert_int_equal(ranges_touch(&view_less, &one), in_a[i] && !in_b[i]);
		}
		assert_merged(&joined);
		assert_merged(&less);
	}
}

static void how_many_addresses(void **state)
{
	CLEANUP_RANGES struct ranges ranges = parse("10.0.0.0/24\n1.1.1.1\n2001:db8::/64\n");
	struct ranges all = { .v4 = NULL };
	struct ranges_view view = ranges_view(&ranges);
	struct list_entry whole = { false, 0, ~(uint128)0 };

	assert_true(ranges_addresses(&view, true) == 257);
	assert_true(ranges_addresses(&view, false) == (uint128)1 << 64);
	assert_ok(ranges_add(&all, &whole));
	view = ranges_view(&all);
	assert_true(ranges_addresses(&view, false) == ~(uint128)0);
	ranges_free(&all);
}

static void written_as_prefixes(void **state)
{
	static const struct {
		const char *first, *last, *prefixes;
	} rows[] = {
		{ "10.0.0.1", "10.0.0.1", "10.0.0.1" },
		{ "10.0.0.0", "10.0.0.255", "10.0.0.0/24" },
		{ "10.0.0.1", "10.0.0.6", "10.0.0.1 10.0.0.2/31 10.0.0.4/31 10.0.0.6" },
		{ "0.0.0.0", "0.0.0.2", "0.0.0.0/31 0.0.0.2" },
		{ "255.255.255.253", "255.255.255.255", "255.255.255.253 255.255.255.254/31" },
		/* No wider than a list file may have it. */
		{ "10.0.0.0", "11.255.255.255", "10.0.0.0/8 11.0.0.0/8" },
		{ "222.0.0.0", "255.255.255.255", "222.0.0.0/8 223.0.0.0/8 224.0.0.0/3" },
		{ "2000::", "201f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2000::/12 2010::/12" },
		{ "::", "200f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/3 2000::/12" },
		{ "4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::/2 8000::/1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct list_entry first = entry(rows[i].first), last = entry(rows[i].last);
		CLEANUP_RANGES struct ranges ranges = { .v4 = NULL };
		struct list_entry range = { first.v4, first.first, last.last };
		struct ranges_view view;

		assert_ok(ranges_add(&ranges, &range));
		view = ranges_view(&ranges);
		assert_string_equal(print(&view), rows[i].prefixes);
	}
}

/* What is shown can be read, and is the same. */
static void all_of_a_family_reads_back(void **state)
{
	struct list_entry wholes[] = { { true, 0, UINT32_MAX }, { false, 0, ~(uint128)0 } };

	for (size_t i = 0; i < ARRAY_SIZE(wholes); i++) {
		CLEANUP_RANGES struct ranges again = { .v4 = NULL };
		static char text[65536];
		size_t used = 0;
		struct list_entry range = wholes[i];
		struct ranges_view view;
		struct prefix prefix;
		char line[PREFIX_TEXT];

		while (range_next_prefix(&range, &prefix))
			used += (size_t)sprintf(text + used, "%s\n", prefix_format(&prefix, line));
		again = parse(text);
		view = ranges_view(&again);
		assert_int_equal(ranges_count(&view, wholes[i].v4), 1);
		assert_true(ranges_cover(&view, &wholes[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_it),       cmocka_unit_test(together_and_without),
		cmocka_unit_test(random_sets),         cmocka_unit_test(how_many_addresses),
		cmocka_unit_test(written_as_prefixes), cmocka_unit_test(all_of_a_family_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
