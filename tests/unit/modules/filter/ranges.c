// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include <stdlib.h>

#include "modules/filter/ranges.h"

enum { SPACE = 4096 };

/* Each address is a bit; IPv6 at the end of its space, with the digits far apart. */
static struct filter_key key6(uint32_t number)
{
	return (struct filter_key){ ~0ULL << 12 | number, number % 2 ? ~0ULL : 0 };
}

/* Merged ranges cover what was added, and are apart. */
static void merging_agrees_with_a_bitmap(void **state)
{
	uint64_t seed = 3;

	for (unsigned round = 0; round < 200; round++) {
		CLEANUP_RANGES struct ranges ranges = {};
		bool wanted[SPACE] = {};
		size_t at = 0;

		for (unsigned i = 0; i < round; i++) {
			uint32_t first = (uint32_t)(random_next(&seed) % SPACE);
			uint32_t last = first + (uint32_t)(random_next(&seed) % (i % 9 ? 20 : 300));

			if (last >= SPACE)
				last = SPACE - 1;
			memset(wanted + first, true, last - first + 1);
			assert_ok(ranges_add4(&ranges, 0xfffff000 + first, 0xfffff000 + last));
			assert_ok(ranges_add6(&ranges, key6(first & ~1U), key6(last | 1)));
		}
		assert_ok(ranges_merge(&ranges));
		for (uint32_t i = 0; i < SPACE; i++) {
			while (at < ranges.count4 && ranges.v4[at].last < 0xfffff000 + i)
				at++;
			assert_int_equal(at < ranges.count4 &&
						 ranges.v4[at].first <= 0xfffff000 + i,
					 wanted[i]);
		}
		for (size_t i = 1; i < ranges.count4; i++)
			assert_true(ranges.v4[i - 1].last + 1ULL < ranges.v4[i].first);
		for (size_t i = 1; i < ranges.count6; i++)
			assert_true(key_number(ranges.v6[i - 1].last) + 1 <
				    key_number(ranges.v6[i].first));
		for (uint32_t i = 0; i < SPACE; i += 2) {
			bool there = false;

			for (size_t j = 0; j < ranges.count6 && !there; j++)
				there = key_number(ranges.v6[j].first) <= key_number(key6(i)) &&
					key_number(key6(i)) <= key_number(ranges.v6[j].last);
			assert_int_equal(there, wanted[i] || wanted[i + 1]);
		}
	}
}

/* All digits of an address count. */
static void addresses_from_anywhere_are_sorted(void **state)
{
	CLEANUP_RANGES struct ranges ranges = {};
	uint64_t seed = 5;

	for (unsigned i = 0; i < 1000; i++) {
		struct filter_key key = { random_next(&seed), random_next(&seed) };

		/* Half of them are apart in the second half alone. */
		key.high = i % 2 ? key.high : 7;
		assert_ok(ranges_add4(&ranges, (uint32_t)key.low, (uint32_t)key.low));
		assert_ok(ranges_add6(&ranges, key, key));
	}
	assert_ok(ranges_merge(&ranges));
	assert_int_equal(ranges.count4, 1000);
	assert_int_equal(ranges.count6, 1000);
	for (size_t i = 1; i < 1000; i++) {
		assert_true(ranges.v4[i - 1].first < ranges.v4[i].first);
		assert_true(key_number(ranges.v6[i - 1].first) < key_number(ranges.v6[i].first));
	}
}

static void neighbours_become_one(void **state)
{
	CLEANUP_RANGES struct ranges ranges = {};

	assert_ok(ranges_add4(&ranges, 5, UINT32_MAX));
	assert_ok(ranges_add4(&ranges, 0, 4));
	assert_ok(ranges_add4(&ranges, 7, 9));
	assert_ok(ranges_add6(&ranges, (struct filter_key){ 1, 0 },
			      (struct filter_key){ ~0ULL, ~0ULL }));
	assert_ok(
		ranges_add6(&ranges, (struct filter_key){ 0, 0 }, (struct filter_key){ 0, ~0ULL }));
	assert_ok(ranges_add6(&ranges, (struct filter_key){ 0, 0 }, (struct filter_key){ 0, 0 }));
	assert_ok(ranges_merge(&ranges));
	assert_int_equal(ranges.count4, 1);
	assert_true(ranges.v4[0].first == 0 && ranges.v4[0].last == UINT32_MAX);
	assert_int_equal(ranges.count6, 1);
	assert_true(key_number(ranges.v6[0].first) == 0 &&
		    key_number(ranges.v6[0].last) == ~(uint128)0);
}

/* ---- images ----------------------------------------------------------------------------- */

static void fill(struct ranges *ranges)
{
	for (uint32_t i = 0; i < 3; i++)
		assert_ok(ranges_add4(ranges, 10 * i, 10 * i + 3));
	for (uint64_t i = 0; i < 2; i++)
		assert_ok(ranges_add6(ranges, (struct filter_key){ i, 1 },
				      (struct filter_key){ i, 4 }));
	assert_ok(ranges_merge(ranges));
}

static void an_image_reads_back(void **state)
{
	CLEANUP_RANGES struct ranges ranges = {};
	CLEANUP_FREE void *memory = NULL;
	struct ranges_view view;
	size_t size;

	fill(&ranges);
	size = ranges_image_size(&ranges);
	assert_int_equal(size, 64 + 3 * 8 + 2 * 32);
	memory = malloc(size);
	ranges_write(&ranges, memory);
	assert_ok(ranges_read(memory, size, &view, NULL));
	assert_int_equal(view.count4, 3);
	assert_int_equal(view.count6, 2);
	assert_memory_equal(view.v4, ranges.v4, 3 * sizeof(*view.v4));
	assert_memory_equal(view.v6, ranges.v6, 2 * sizeof(*view.v6));
}

static void an_image_that_is_not_whole_is_refused(void **state)
{
	CLEANUP_RANGES struct ranges ranges = {};
	struct ranges_view view = { .count4 = 77 };
	struct error error = {};
	struct list_ranges *head;

	fill(&ranges);
	for (size_t size = 0; size < ranges_image_size(&ranges); size++) {
		CLEANUP_FREE void *whole = malloc(ranges_image_size(&ranges)), *cut = malloc(size);

		ranges_write(&ranges, whole);
		memcpy(cut, whole, size);
		assert_int_equal(ranges_read(cut, size, &view, &error), -EINVAL);
		assert_error_contains(&error,
				      size < sizeof(*head) ? "are not there" : "are cut off");
	}
	for (int which = 0; which < 2; which++) {
		CLEANUP_FREE void *whole = malloc(ranges_image_size(&ranges));

		ranges_write(&ranges, whole);
		head = whole;
		head->count[which] = ~0ULL / (which ? 32 : 8) + 1; /* times its size it wraps */
		assert_int_equal(ranges_read(whole, ranges_image_size(&ranges), &view, &error),
				 -EINVAL);
	}
	assert_int_equal(view.count4, 77);
}

static void an_image_out_of_order_is_refused(void **state)
{
	CLEANUP_RANGES struct ranges ranges = {};
	size_t size;

	fill(&ranges);
	size = ranges_image_size(&ranges);
	for (unsigned i = 0; i < 8; i++) {
		CLEANUP_FREE void *memory = malloc(size);
		struct range4 *v4 = (void *)((char *)memory + sizeof(struct list_ranges));
		struct range6 *v6 = (void *)(v4 + 3);
		struct ranges_view view;
		struct error error = {};

		ranges_write(&ranges, memory);
		switch (i) {
		case 0:
			v4[1].first = v4[0].last;
			break;
		case 1:
			v4[1].first = v4[0].last + 1;
			break;
		case 2:
			v4[2].first = v4[2].last + 1;
			break;
		case 3:
			v4[1].last = UINT32_MAX;
			break;
		case 4:
			v6[1].first = v6[0].last;
			break;
		case 5:
			v6[1].first = (struct filter_key){ 0, 5 };
			break;
		case 6:
			v6[0].first.low = 9;
			break;
		case 7:
			v6[1].first = (struct filter_key){};
			break;
		}
		assert_int_equal(ranges_read(memory, size, &view, &error), -EINVAL);
		assert_error_contains(&error, "out of order");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merging_agrees_with_a_bitmap),
		cmocka_unit_test(addresses_from_anywhere_are_sorted),
		cmocka_unit_test(neighbours_become_one),
		cmocka_unit_test(an_image_reads_back),
		cmocka_unit_test(an_image_that_is_not_whole_is_refused),
		cmocka_unit_test(an_image_out_of_order_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
