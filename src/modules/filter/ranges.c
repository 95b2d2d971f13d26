// SPDX-License-Identifier: GPL-2.0-or-later
#include "modules/filter/ranges.h"

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"

enum { FIRST_ROOM = 64 };

/* Room for one more; *items moves. */
static int grow(void **items, size_t *room, size_t count, size_t size)
{
	size_t wanted = *room ? 2 * *room : FIRST_ROOM;
	void *larger;

	if (count < *room)
		return 0;
	larger = reallocarray(*items, wanted, size);
	if (!larger)
		return -ENOMEM;
	*items = larger;
	*room = wanted;
	return 0;
}

int ranges_add4(struct ranges *ranges, uint32_t first, uint32_t last)
{
	int r = grow((void **)&ranges->v4, &ranges->room4, ranges->count4, sizeof(*ranges->v4));

	if (r < 0)
		return r;
	ranges->v4[ranges->count4++] = (struct range4){ first, last };
	return 0;
}

int ranges_add6(struct ranges *ranges, struct filter_key first, struct filter_key last)
{
	int r = grow((void **)&ranges->v6, &ranges->room6, ranges->count6, sizeof(*ranges->v6));

	if (r < 0)
		return r;
	ranges->v6[ranges->count6++] = (struct range6){ first, last };
	return 0;
}

/* ---- in order ------------------------------------------------------------------ */

/* Digits of what ranges are sorted by, the least first. */
static inline unsigned digit4(const void *item, unsigned digit)
{
	return ((const struct range4 *)item)->first >> (8 * digit) & 0xff;
}

static inline unsigned digit6(const void *item, unsigned digit)
{
	const struct filter_key *first = &((const struct range6 *)item)->first;

	return (digit < 8 ? first->low : first->high) >> (8 * (digit % 8)) & 0xff;
}

/*
 * Sorts by radix, digit by digit; digits that are the same in all items cost one look.
 * *items and *spare may change places. Inline, so that each use has a copy that knows
 * `size` and `digit`.
 */
static inline __attribute__((always_inline)) void
sort(char **items, char **spare, size_t count, size_t size, unsigned digits,
     unsigned (*digit)(const void *item, unsigned digit))
{
	for (unsigned d = 0; d < digits; d++) {
		size_t starts[256] = {}, start = 0;
		char *swap = *spare;

		for (size_t i = 0; i < count; i++)
			starts[digit(*items + i * size, d)]++;
		if (starts[digit(*items, d)] == count)
			continue;
		for (size_t i = 0; i < 256; i++) {
			size_t here = starts[i];

			starts[i] = start;
			start += here;
		}
		for (size_t i = 0; i < count; i++) {
			const char *item = *items + i * size;

			memcpy(swap + starts[digit(item, d)]++ * size, item, size);
		}
		*spare = *items;
		*items = swap;
	}
}

static bool ascends4(const struct range4 *ranges, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (ranges[i - 1].first > ranges[i].first)
			return false;
	return true;
}

static bool ascends6(const struct range6 *ranges, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (key_number(ranges[i - 1].first) > key_number(ranges[i].first))
			return false;
	return true;
}

static int sort4(struct ranges *ranges)
{
	CLEANUP_FREE char *spare = NULL;

	if (ascends4(ranges->v4, ranges->count4))
		return 0;
	spare = reallocarray(NULL, ranges->count4, sizeof(*ranges->v4));
	if (!spare)
		return -ENOMEM;
	sort((char **)&ranges->v4, &spare, ranges->count4, sizeof(*ranges->v4), 4, digit4);
	ranges->room4 = ranges->count4;
	return 0;
}

static int sort6(struct ranges *ranges)
{
	CLEANUP_FREE char *spare = NULL;

	if (ascends6(ranges->v6, ranges->count6))
		return 0;
	spare = reallocarray(NULL, ranges->count6, sizeof(*ranges->v6));
	if (!spare)
		return -ENOMEM;
	sort((char **)&ranges->v6, &spare, ranges->count6, sizeof(*ranges->v6), 16, digit6);
	ranges->room6 = ranges->count6;
	return 0;
}

/* The number of ranges that remain. */
static size_t merge4(struct range4 *ranges, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && (uint64_t)ranges[kept - 1].last + 1 >= ranges[i].first) {
			if (ranges[kept - 1].last < ranges[i].last)
				ranges[kept - 1].last = ranges[i].last;
		} else {
			ranges[kept++] = ranges[i];
		}
	}
	return kept;
}

static size_t merge6(struct range6 *ranges, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		uint128 first = key_number(ranges[i].first);

		/* first - 1: behind the last address there is no other to begin with. */
		if (kept > 0 && (!first || key_number(ranges[kept - 1].last) >= first - 1)) {
			if (key_number(ranges[kept - 1].last) < key_number(ranges[i].last))
				ranges[kept - 1].last = ranges[i].last;
		} else {
			ranges[kept++] = ranges[i];
		}
	}
	return kept;
}

int ranges_merge(struct ranges *ranges)
{
	int r = sort4(ranges);

	if (r < 0)
		return r;
	r = sort6(ranges);
	if (r < 0)
		return r;
	ranges->count4 = merge4(ranges->v4, ranges->count4);
	ranges->count6 = merge6(ranges->v6, ranges->count6);
	return 0;
}

struct ranges_view ranges_view(const struct ranges *ranges)
{
	return (struct ranges_view){ ranges->v4, ranges->v6, ranges->count4, ranges->count6 };
}

/* ---- as an image ------------------------------------------------------------------- */

size_t ranges_image_size(const struct ranges *ranges)
{
	return sizeof(struct list_ranges) + ranges->count4 * sizeof(*ranges->v4) +
	       ranges->count6 * sizeof(*ranges->v6);
}

void ranges_write(const struct ranges *ranges, void *memory)
{
	struct list_ranges *head = memory;
	char *v4 = (char *)(head + 1), *v6 = v4 + ranges->count4 * sizeof(*ranges->v4);

	*head = (struct list_ranges){ .magic = LIST_RANGES_MAGIC,
				      .count = { ranges->count4, ranges->count6 } };
	if (ranges->count4)
		memcpy(v4, ranges->v4, ranges->count4 * sizeof(*ranges->v4));
	if (ranges->count6)
		memcpy(v6, ranges->v6, ranges->count6 * sizeof(*ranges->v6));
}

static bool is_merged(const struct ranges_view *view)
{
	for (size_t i = 0; i < view->count4; i++)
		if (view->v4[i].first > view->v4[i].last ||
		    (i > 0 && view->v4[i].first <= (uint64_t)view->v4[i - 1].last + 1))
			return false;
	for (size_t i = 0; i < view->count6; i++) {
		uint128 first = key_number(view->v6[i].first);

		if (first > key_number(view->v6[i].last) ||
		    (i > 0 && (!first || first - 1 <= key_number(view->v6[i - 1].last))))
			return false;
	}
	return true;
}

int ranges_read(const void *memory, size_t size, struct ranges_view *ret_view, struct error *error)
{
	const struct list_ranges *head = memory;
	struct ranges_view view;
	size_t room;

	if (size < sizeof(*head) || head->magic != LIST_RANGES_MAGIC)
		return error_set(error, -EINVAL, "the ranges of the list are not there");
	room = size - sizeof(*head);
	if (head->count[0] > room / sizeof(*view.v4) ||
	    head->count[1] > (room - head->count[0] * sizeof(*view.v4)) / sizeof(*view.v6))
		return error_set(error, -EINVAL, "the ranges of the list are cut off");
	view.count4 = head->count[0];
	view.count6 = head->count[1];
	view.v4 = (const struct range4 *)(head + 1);
	view.v6 = (const struct range6 *)(view.v4 + view.count4);
	if (!is_merged(&view))
		return error_set(error, -EINVAL, "the ranges of the list are out of order");
	*ret_view = view;
	return 0;
}
