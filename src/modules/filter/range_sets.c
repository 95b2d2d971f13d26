/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <string.h>

#include "modules/filter/range_sets.h"

enum {
	V4_BITS = 32,
	/* Of the widest prefixes that a list file may hold, the bits behind the length. */
	V4_HOST_BITS = 24,
	GLOBAL_HOST_BITS = 116,
	LOWEST_HOST_BITS = 125, /* what ends before 2000::/3 */
};

#define V4_MULTICAST ((uint128)0xe0000000)
#define GLOBAL_FIRST ((uint128)0x2000 << 112)
#define GLOBAL_END   ((uint128)0x4000 << 112)

/* ---- looking -------------------------------------------------------------------------- */

size_t ranges_count(const struct ranges_view *view, bool v4)
{
	return v4 ? view->count4 : view->count6;
}

struct list_entry ranges_at(const struct ranges_view *view, bool v4, size_t i)
{
	if (v4)
		return (struct list_entry){ true, view->v4[i].first, view->v4[i].last };
	return (struct list_entry){ false, key_number(view->v6[i].first),
				    key_number(view->v6[i].last) };
}

/* The first range that does not end before this address; the count when there is none. */
static size_t find(const struct ranges_view *view, bool v4, uint128 address)
{
	size_t low = 0, high = ranges_count(view, v4);

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ranges_at(view, v4, middle).last < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool ranges_cover(const struct ranges_view *view, const struct list_entry *entry)
{
	size_t i = find(view, entry->v4, entry->first);
	struct list_entry range;

	if (i == ranges_count(view, entry->v4))
		return false;
	range = ranges_at(view, entry->v4, i);
	return range.first <= entry->first && entry->last <= range.last;
}

bool ranges_touch(const struct ranges_view *view, const struct list_entry *entry)
{
	size_t i = find(view, entry->v4, entry->first);

	return i < ranges_count(view, entry->v4) &&
	       ranges_at(view, entry->v4, i).first <= entry->last;
}

uint128 ranges_addresses(const struct ranges_view *view, bool v4)
{
	uint128 sum = 0;

	for (size_t i = 0; i < ranges_count(view, v4); i++) {
		struct list_entry range = ranges_at(view, v4, i);

		sum += range.last - range.first;
		if (sum < ~(uint128)0)
			sum++;
	}
	return sum;
}

/* ---- making --------------------------------------------------------------------------- */

int ranges_add(struct ranges *ranges, const struct list_entry *entry)
{
	if (entry->v4)
		return ranges_add4(ranges, (uint32_t)entry->first, (uint32_t)entry->last);
	return ranges_add6(ranges, number_key(entry->first), number_key(entry->last));
}

static int add_all(struct ranges *ranges, const struct ranges_view *view, bool v4)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ranges_count(view, v4); i++) {
		struct list_entry range = ranges_at(view, v4, i);

		r = ranges_add(ranges, &range);
	}
	return r;
}

int ranges_join(const struct ranges_view *a, const struct ranges_view *b, struct ranges *ret_ranges)
{
	CLEANUP_RANGES struct ranges ranges = { .v4 = NULL };
	int r = 0;

	for (int v4 = 0; r == 0 && v4 < 2; v4++) {
		r = add_all(&ranges, a, v4);
		if (r == 0)
			r = add_all(&ranges, b, v4);
	}
	if (r == 0)
		r = ranges_merge(&ranges);
	if (r < 0)
		return r;
	*ret_ranges = ranges;
	ranges = (struct ranges){ .v4 = NULL };
	return 0;
}

/* What is left of a range without `b`, of which *position is the first that may reach into it. */
static int add_rest(struct ranges *ranges, struct list_entry range, const struct ranges_view *b,
		    size_t *position)
{
	int r = 0;

	for (; r == 0 && *position < ranges_count(b, range.v4); ++*position) {
		struct list_entry cut = ranges_at(b, range.v4, *position);
		struct list_entry front = { range.v4, range.first, cut.first - 1 };

		if (cut.last < range.first)
			continue;
		if (cut.first > range.last)
			break;
		if (cut.first > range.first)
			r = ranges_add(ranges, &front);
		if (cut.last >= range.last)
			return r; /* it may reach into the next one too */
		range.first = cut.last + 1;
	}
	return r < 0 ? r : ranges_add(ranges, &range);
}

int ranges_subtract(const struct ranges_view *a, const struct ranges_view *b,
		    struct ranges *ret_ranges)
{
	CLEANUP_RANGES struct ranges ranges = { .v4 = NULL };

	for (int v4 = 0; v4 < 2; v4++) {
		size_t position = 0;

		for (size_t i = 0; i < ranges_count(a, v4); i++) {
			int r = add_rest(&ranges, ranges_at(a, v4, i), b, &position);

			if (r < 0)
				return r;
		}
	}
	*ret_ranges = ranges;
	ranges = (struct ranges){ .v4 = NULL };
	return 0;
}

/* ---- as prefixes ---------------------------------------------------------------------- */

static unsigned trailing_zeros(uint128 number)
{
	uint64_t low = (uint64_t)number, high = (uint64_t)(number >> 64);

	if (low)
		return (unsigned)__builtin_ctzll(low);
	return high ? 64 + (unsigned)__builtin_ctzll(high) : ADDRESS_BITS;
}

/* The most bits behind the length of a prefix that begins here. */
static unsigned most_host_bits(const struct list_entry *range)
{
	if (range->v4)
		return range->first < V4_MULTICAST ? V4_HOST_BITS : V4_BITS;
	if (range->first < GLOBAL_FIRST)
		return LOWEST_HOST_BITS;
	return range->first < GLOBAL_END ? GLOBAL_HOST_BITS : ADDRESS_BITS - 1;
}

static struct prefix prefix_from(const struct list_entry *range, unsigned host_bits)
{
	uint128 number = range->first | (range->v4 ? (uint128)0xffff << V4_BITS : 0);
	uint64_t halves[2] = { htobe64((uint64_t)(number >> 64)), htobe64((uint64_t)number) };
	struct prefix prefix = { .length = (uint8_t)(ADDRESS_BITS - host_bits) };

	memcpy(prefix.address.bytes, halves, sizeof(halves));
	return prefix;
}

bool range_next_prefix(struct list_entry *range, struct prefix *ret_prefix)
{
	unsigned bits, most;
	uint128 behind;

	if (range->first > range->last)
		return false;
	bits = trailing_zeros(range->first);
	most = most_host_bits(range);
	if (bits > most)
		bits = most;
	while (((uint128)1 << bits) - 1 > range->last - range->first)
		bits--;
	*ret_prefix = prefix_from(range, bits);
	behind = ((uint128)1 << bits) - 1;
	if (behind == range->last - range->first)
		*range = (struct list_entry){ range->v4, 1, 0 }; /* the end may be that of all */
	else
		range->first += behind + 1;
	return true;
}
