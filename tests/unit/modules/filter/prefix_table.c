// SPDX-License-Identifier: GPL-2.0-or-later
/* The table against a plain walk over all ranges; the look-up is the one that packets run. */
#include "../../unit.h"

#include <stdlib.h>

#include "modules/filter/prefix_table.h"

enum { LISTS = 4 };

/* Lists, and the table that was built from them in memory that ends where it does. */
struct sample {
	struct ranges ranges[LISTS_MAX + 1];
	struct prefix_input inputs[LISTS_MAX + 1];
	size_t count;
	void *memory;
	size_t pages;
};

static void sample_free(struct sample *sample)
{
	for (size_t i = 0; i < sample->count; i++)
		ranges_free(&sample->ranges[i]);
	free(sample->memory);
}

static void sample_build(struct sample *sample)
{
	struct error error = {};
	const struct prefix_head *head;

	for (size_t i = 0; i < sample->count; i++) {
		assert_ok(ranges_merge(&sample->ranges[i]));
		sample->inputs[i].ranges = ranges_view(&sample->ranges[i]);
	}
	assert_ok(prefix_table_pages(sample->inputs, sample->count, &sample->pages, &error));
	sample->memory = malloc(sample->pages * PREFIX_PAGE_SIZE);
	/* It need not be zero. */
	memset(sample->memory, 0xa5, sample->pages * PREFIX_PAGE_SIZE);
	assert_ok(prefix_table_build(sample->inputs, sample->count, sample->memory, sample->pages,
				     &error));
	head = sample->memory;
	assert_int_equal((head->words + PREFIX_PAGE_WORDS - 1) / PREFIX_PAGE_WORDS, sample->pages);
}

/* Words besides those that every table has. */
static size_t words_of(const struct sample *sample)
{
	const struct prefix_head *head = sample->memory;

	return head->words - PREFIX_TREES * PREFIX_LINE_WORDS;
}

static bool covers(const struct ranges_view *ranges, uint128 address, bool v6)
{
	for (size_t i = 0; !v6 && i < ranges->count4; i++)
		if (ranges->v4[i].first <= address && address <= ranges->v4[i].last)
			return true;
	for (size_t i = 0; v6 && i < ranges->count6; i++)
		if (key_number(ranges->v6[i].first) <= address &&
		    address <= key_number(ranges->v6[i].last))
			return true;
	return false;
}

/* By the words of prefix_table.h. */
static uint8_t expected(const struct sample *sample, uint128 address, bool v6)
{
	static const uint8_t order[] = { LABEL_ALLOW, 0 };

	for (size_t kind = 0; kind < 2; kind++)
		for (size_t i = 0; i < sample->count; i++)
			if ((sample->inputs[i].label & LABEL_ALLOW) == order[kind] &&
			    covers(&sample->inputs[i].ranges, address, v6))
				return sample->inputs[i].label;
	return 0;
}

static uint8_t found(const struct sample *sample, uint128 address, bool v6)
{
	if (!v6)
		address = KEY_V4_LOW | (uint32_t)address;
	return prefix_table_find(sample->memory, sample->pages, number_key(address));
}

static void check(const struct sample *sample, uint128 address, bool v6)
{
	uint8_t is, should;

	if (!v6)
		address = (uint32_t)address;
	else if (address >> 32 == 0xffff)
		return; /* that is IPv4 */
	is = found(sample, address, v6);
	should = expected(sample, address, v6);
	if (is != should)
		fail_msg("IPv%d %016llx:%016llx has label %u, not %u", v6 ? 6 : 4,
			 (unsigned long long)(address >> 64), (unsigned long long)address, is,
			 should);
}

/* Around both ends of every range, and the ends of the address space. */
static void check_ends(const struct sample *sample)
{
	for (size_t i = 0; i < sample->count; i++) {
		const struct ranges_view *ranges = &sample->inputs[i].ranges;

		for (size_t j = 0; j < ranges->count4; j++) {
			check(sample, ranges->v4[j].first - 1U, false);
			check(sample, ranges->v4[j].first, false);
			check(sample, ranges->v4[j].last, false);
			check(sample, ranges->v4[j].last + 1U, false);
		}
		for (size_t j = 0; j < ranges->count6; j++) {
			check(sample, key_number(ranges->v6[j].first) - 1, true);
			check(sample, key_number(ranges->v6[j].first), true);
			check(sample, key_number(ranges->v6[j].last), true);
			check(sample, key_number(ranges->v6[j].last) + 1, true);
		}
	}
	for (int v6 = 0; v6 < 2; v6++) {
		check(sample, 0, v6);
		check(sample, ~(uint128)0, v6);
	}
}

static uint128 random_wide(uint64_t *seed)
{
	uint128 high = random_next(seed);

	return high << 64 | random_next(seed);
}

/* Near each other, near the edges of the root's parts, and anywhere. */
static uint32_t random4(uint64_t *seed)
{
	static const uint32_t near[] = { 0,          0x01020000, 0x01027f00, 0x01028000,
					 0xc0a80000, 0xdfff0000, 0xffff8000, 0xffffff00 };
	uint64_t dice = random_next(seed);

	if (dice % 8 == 0)
		return (uint32_t)(dice >> 32);
	return near[dice >> 8 & 7] + (uint32_t)(random_next(seed) % (dice & 16 ? 0x200 : 0x10000));
}

static uint128 random6(uint64_t *seed)
{
	static const uint64_t near[] = {
		0,
		0x1fffffffffff0000,
		0x2000000000000000,
		0x20010db800000000,
		0x20010db8ffffff00,
		0x3fffffffffff0000,
		0x4000000000000000,
		0xfe80000000000000,
		0xffffffffffffff00,
		0xffffffffffffffff,
	};
	uint64_t dice = random_next(seed), high = near[(dice >> 8) % ARRAY_SIZE(near)], low = 0;

	if (dice % 8 == 0)
		return random_wide(seed);
	high += dice & 16 ? random_next(seed) % 16 : (random_next(seed) % 0x10000) << 16;
	if (dice & 32)
		low = dice & 64 ? random_next(seed) % 64 : ~(random_next(seed) % 64);
	return (uint128)high << 64 | low;
}

/* A prefix of any length, mostly a long one, or a range that is none. */
static void add_random4(struct ranges *ranges, uint64_t *seed)
{
	uint32_t address = random4(seed), dice = (uint32_t)random_next(seed);
	uint32_t length = dice % 64 == 0 ? 1 + (dice >> 8) % 16 : 16 + (dice >> 8) % 17;
	uint32_t host = length == 32 ? 0 : UINT32_MAX >> length;
	uint32_t first = address & ~host, last = address | host;

	if (dice & 64 && last - first > 2)
		first++, last--;
	assert_ok(ranges_add4(ranges, first, last));
}

static void add_random6(struct ranges *ranges, uint64_t *seed)
{
	uint128 address = random6(seed), host;
	uint32_t dice = (uint32_t)random_next(seed);
	uint32_t length = dice % 64 == 0 ? 1 + (dice >> 8) % 32 : 32 + (dice >> 8) % 97;

	if (dice % 3 == 0)
		length = 64;
	host = length == 128 ? 0 : ~(uint128)0 >> length;
	assert_ok(ranges_add6(ranges, number_key(address & ~host), number_key(address | host)));
}

static void random_lists_agree_with_a_plain_walk(void **state)
{
	static const uint8_t labels[LISTS] = { 1, 63, 2 | LABEL_ALLOW, 7 };
	uint64_t seed = 4;

	for (unsigned round = 0; round < 40; round++) {
		struct sample sample = { .count = 1 + round % LISTS };
		size_t ranges = round < 10 ? 1 + round : 300;

		for (size_t i = 0; i < sample.count; i++) {
			sample.inputs[i].label = labels[i];
			for (size_t j = 0; j < ranges; j++) {
				add_random4(&sample.ranges[i], &seed);
				add_random6(&sample.ranges[i], &seed);
			}
		}
		sample_build(&sample);
		check_ends(&sample);
		for (unsigned i = 0; i < 1000; i++) {
			check(&sample, random4(&seed), false);
			check(&sample, random6(&seed), true);
			check(&sample, (uint32_t)random_next(&seed), false);
			check(&sample, random_wide(&seed), true);
		}
		sample_free(&sample);
	}
}

/* ---- trees of every size ------------------------------------------------------------- */

/* Every second address, from an odd one or from an even one; then all of them are known. */
static void every_number_of_intervals_fits(void **state)
{
	static const size_t more[] = { 84, 85, 303, 304, 305, 306, 8830, 8831, 8832, 16383, 16384 };

	for (size_t n = 1; n < 80 + ARRAY_SIZE(more); n++) {
		struct sample sample = { .count = 1, .inputs[0].label = 5 };
		uint32_t count = (uint32_t)(n < 80 ? n : more[n - 80]);

		for (uint32_t i = 0; i < count; i++) {
			uint32_t v4 = 0x0a010000 + n % 2 + 2 * i;
			uint64_t high = 0x20010db800000000 + n % 2 + 2 * i;
			struct filter_key host = { 0x20010db900000000, ~0ULL - n % 2 - 2 * i };

			assert_ok(ranges_add4(&sample.ranges[0], v4, v4));
			assert_ok(ranges_add6(&sample.ranges[0], (struct filter_key){ high, 0 },
					      (struct filter_key){ high, ~0ULL }));
			assert_ok(ranges_add6(&sample.ranges[0], host, host));
		}
		sample_build(&sample);
		for (uint32_t i = 0; i < 2 * count + 2; i++) {
			uint8_t label = i % 2 == n % 2 && i / 2 < count ? 5 : 0;
			uint128 high = 0x20010db800000000 + i;
			uint128 host = (uint128)0x20010db900000000 << 64 | (~0ULL - i);

			assert_int_equal(found(&sample, 0x0a010000 + i, false), label);
			assert_int_equal(found(&sample, high << 64, true), label);
			assert_int_equal(found(&sample, high << 64 | ~0ULL, true), label);
			assert_int_equal(found(&sample, host, true), label);
		}
		sample_free(&sample);
	}
}

/* All the /48 of a /32, in turn on two lists and on none. */
static void a_full_network_is_searched_in_few_steps(void **state)
{
	struct sample sample = { .count = 2, .inputs = { { .label = 1 }, { .label = 2 } } };

	for (uint64_t i = 0; i < 65536; i++)
		if (i % 3 < 2)
			assert_ok(ranges_add6(
				&sample.ranges[i % 3],
				(struct filter_key){ 0x2a02000000000000 + (i << 16), 0 },
				(struct filter_key){ 0x2a02000000000000 + (i << 16 | 0xffff),
						     ~0ULL }));
	sample_build(&sample);
	for (uint64_t i = 0; i < 65536; i++) {
		uint128 first = (uint128)(0x2a02000000000000 + (i << 16)) << 64;
		uint8_t label = i % 3 == 2 ? 0 : (uint8_t)(i % 3 + 1);

		assert_int_equal(found(&sample, first, true), label);
		assert_int_equal(found(&sample, first + ((uint128)1 << 80) - 1, true), label);
	}
	sample_free(&sample);
}

/* Behind the last /64 there is none that would have to be as its end is. */
static void the_last_networks_are_like_all_others(void **state)
{
	static const struct range6 rows[] = {
		{ { ~0ULL, 5 }, { ~0ULL, 9 } },
		{ { ~0ULL, 0 }, { ~0ULL, 9 } },
		{ { ~0ULL, 5 }, { ~0ULL, ~0ULL } },
		{ { ~0ULL - 7, 5 }, { ~0ULL, 9 } },
		{ { 0, 0 }, { 0, 9 } },
		{ { 0, 5 }, { ~0ULL, ~0ULL - 1 } },
		{ { 0x1fffffffffffffff, 5 }, { 0x2000000000000000, 9 } },
		{ { 0x3fffffffffffffff, 5 }, { 0x4000000000000000, 9 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sample sample = { .count = 1, .inputs[0].label = 1 };
		struct filter_key other = { 0xff02000000000000, 0 };

		assert_ok(ranges_add6(&sample.ranges[0], rows[i].first, rows[i].last));
		if (rows[i].first.high > other.high)
			assert_ok(ranges_add6(&sample.ranges[0], other, other));
		sample_build(&sample);
		check_ends(&sample);
		for (uint64_t high = ~0ULL; high > ~0ULL - 20; high--)
			check(&sample, (uint128)high << 64 | 7, true);
		sample_free(&sample);
	}
}

/* ---- what it costs -------------------------------------------------------------------- */

static void add4(struct sample *sample, size_t list, uint32_t first, uint32_t last)
{
	assert_ok(ranges_add4(&sample->ranges[list], first, last));
}

static void an_empty_table_has_no_trees(void **state)
{
	struct sample sample = {}, lists = { .count = 2, .inputs = { { 1 }, { 2 } } };

	sample_build(&sample);
	sample_build(&lists);
	assert_int_equal(sample.pages, PREFIX_PAGES_MIN);
	assert_int_equal(words_of(&sample), 0);
	assert_int_equal(words_of(&lists), 0);
	check_ends(&sample);
	check_ends(&lists);
	sample_free(&sample);
	sample_free(&lists);
}

static void wide_ranges_cost_entries_of_the_root_alone(void **state)
{
	struct sample sample = { .count = 2, .inputs = { { .label = 1 }, { .label = 2 } } };

	add4(&sample, 0, 0xe0000000, 0xffffffff);
	add4(&sample, 0, 0x0a000000, 0x0a7fffff);
	add4(&sample, 1, 0, UINT32_MAX);
	assert_ok(ranges_add6(&sample.ranges[0], (struct filter_key){ 0x8000000000000000, 0 },
			      (struct filter_key){ ~0ULL, ~0ULL }));
	assert_ok(ranges_add6(&sample.ranges[0], (struct filter_key){ 0x2000000000000000, 0 },
			      (struct filter_key){ 0x2fffffffffffffff, ~0ULL }));
	sample_build(&sample);
	assert_int_equal(words_of(&sample), 0);
	check_ends(&sample);
	assert_int_equal(found(&sample, 0xe0000001, false), 1);
	assert_int_equal(found(&sample, 0x08080808, false), 2);
	sample_free(&sample);
}

/* A single address is one word; in IPv6 a leaf, and one more for the other half. */
static void an_address_costs_little(void **state)
{
	struct sample v4 = { .count = 1, .inputs[0].label = 1 }, v6 = v4;
	struct filter_key host = { 0x20010db800000000, 1 };

	add4(&v4, 0, 0xc0000201, 0xc0000201);
	sample_build(&v4);
	assert_int_equal(words_of(&v4), 1 + 7); /* trees begin at a line */
	assert_ok(ranges_add6(&v6.ranges[0], host, host));
	sample_build(&v6);
	assert_int_equal(words_of(&v6), 2 * PREFIX_LINE_WORDS);
	sample_free(&v4);
	sample_free(&v6);
}

static void a_table_that_does_not_fit_is_refused(void **state)
{
	struct sample sample = { .count = 1, .inputs[0].label = 1 };
	CLEANUP_FREE char *memory = NULL;
	struct error error = {};

	for (uint32_t i = 0; i < 65536; i++)
		for (uint32_t j = 0; j < 8; j++)
			add4(&sample, 0, i << 16 | j << 5 | 7, i << 16 | j << 5 | 9);
	sample_build(&sample);
	/* Memory of just that size: nothing may be written behind it. */
	assert_true(sample.pages > PREFIX_PAGES_MIN + 8);
	for (size_t pages = 0; pages < sample.pages; pages += pages < 2 ? 1 : pages / 4 + 1) {
		memory = reallocarray(memory, pages * PREFIX_PAGE_SIZE + 1, 1);
		memory[pages * PREFIX_PAGE_SIZE] = 0x77;
		assert_int_equal(prefix_table_build(sample.inputs, 1, memory, pages, &error),
				 -ENOSPC);
		assert_error_contains(&error, "the lists need a table of");
		assert_int_equal(memory[pages * PREFIX_PAGE_SIZE], 0x77);
	}
	sample_free(&sample);
}

/* ---- several lists ---------------------------------------------------------------------- */

static void an_allow_list_wins_then_the_first(void **state)
{
	struct sample sample = {
		.count = 3,
		.inputs = { { .label = 9 }, { .label = 4 }, { .label = 6 | LABEL_ALLOW } },
	};

	add4(&sample, 0, 100, 200);
	add4(&sample, 1, 50, 300);
	add4(&sample, 2, 150, 160);
	sample_build(&sample);
	assert_int_equal(found(&sample, 49, false), 0);
	assert_int_equal(found(&sample, 50, false), 4);
	assert_int_equal(found(&sample, 100, false), 9);
	assert_int_equal(found(&sample, 150, false), 6 | LABEL_ALLOW);
	assert_int_equal(found(&sample, 161, false), 9);
	assert_int_equal(found(&sample, 201, false), 4);
	assert_int_equal(found(&sample, 301, false), 0);
	sample_free(&sample);
}

/* Each covers one address more than the next, at both ends. */
static void as_many_lists_as_there_may_be(void **state)
{
	struct sample sample = { .count = LISTS_MAX };
	struct error error = {};
	size_t pages = 7;

	for (uint32_t i = 0; i < LISTS_MAX; i++) {
		sample.inputs[i].label = (uint8_t)(LISTS_MAX - i);
		add4(&sample, i, 1000 - i, 2000 + i);
	}
	sample_build(&sample);
	check_ends(&sample);
	assert_int_equal(found(&sample, 1000 - 62, false), 1);
	assert_int_equal(prefix_table_pages(sample.inputs, LISTS_MAX + 1, &pages, &error), -E2BIG);
	assert_error_contains(&error, "at most 63 lists");
	assert_int_equal(pages, 7);
	sample_free(&sample);
}

/* Noise in place of a table: any label, but no look behind its end and no endless one. */
static void a_wrong_table_does_no_harm(void **state)
{
	enum { PAGES = PREFIX_PAGES_MIN + 1, WORDS = PAGES * PREFIX_PAGE_WORDS };
	CLEANUP_FREE uint64_t *memory = calloc(WORDS, sizeof(*memory));
	uint64_t seed = 8;

	for (size_t i = 0; i < WORDS; i++) {
		uint64_t noise = random_next(&seed);

		/* Half of it words and lines that are there, so that the look-ups go on. */
		memory[i] = noise & 1 ? noise : noise & 0xf003ffffULL << (noise & 32);
	}
	for (unsigned i = 0; i < 20000; i++) {
		prefix_table_find(memory, PAGES, number_key(random_wide(&seed)));
		prefix_table_find(memory, PAGES, number_key(KEY_V4_LOW | random4(&seed)));
		prefix_table_find(memory, i % PAGES, number_key(random6(&seed)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_lists_agree_with_a_plain_walk),
		cmocka_unit_test(every_number_of_intervals_fits),
		cmocka_unit_test(a_full_network_is_searched_in_few_steps),
		cmocka_unit_test(the_last_networks_are_like_all_others),
		cmocka_unit_test(an_empty_table_has_no_trees),
		cmocka_unit_test(wide_ranges_cost_entries_of_the_root_alone),
		cmocka_unit_test(an_address_costs_little),
		cmocka_unit_test(a_table_that_does_not_fit_is_refused),
		cmocka_unit_test(an_allow_list_wins_then_the_first),
		cmocka_unit_test(as_many_lists_as_there_may_be),
		cmocka_unit_test(a_wrong_table_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
