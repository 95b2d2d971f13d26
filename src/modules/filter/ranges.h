/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a list holds: ranges of addresses, both ends belonging to them. IPv4 and IPv6 are
 * apart, and addresses are in host byte order. After ranges_merge() they ascend and no
 * range overlaps or touches the next.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "modules/filter/prefixes.h"

struct ranges {
	struct range4 *v4;
	struct range6 *v6;
	size_t count4, count6;
	size_t room4, room6;
};

/* The same, owned by somebody else. */
struct ranges_view {
	const struct range4 *v4;
	const struct range6 *v6;
	size_t count4, count6;
};

/* Append; first <= last. -ENOMEM, and nothing has changed. */
int ranges_add4(struct ranges *ranges, uint32_t first, uint32_t last);
int ranges_add6(struct ranges *ranges, struct filter_key first, struct filter_key last);

/* -ENOMEM, and the ranges are as they were, if in another order. */
int ranges_merge(struct ranges *ranges);

struct ranges_view ranges_view(const struct ranges *ranges);

/*
 * The flat image of struct list_ranges, in memory of 8-byte alignment. ranges_write() fills
 * ranges_image_size() bytes; ranges_read() gives a view into `memory`, or -EINVAL when it
 * does not hold what its head says, or holds ranges that are not merged. A `size` larger
 * than the image is fine.
 */
size_t ranges_image_size(const struct ranges *ranges);
void ranges_write(const struct ranges *ranges, void *memory);
int ranges_read(const void *memory, size_t size, struct ranges_view *ret_view, struct error *error);

static inline void ranges_free(struct ranges *ranges)
{
	free(ranges->v4);
	free(ranges->v6);
	*ranges = (struct ranges){};
}
#define CLEANUP_RANGES __attribute__((cleanup(ranges_free)))

/* As one number, which C can compare and count with. */
typedef unsigned __int128 uint128;

static inline uint128 key_number(struct filter_key key)
{
	return (uint128)key.high << 64 | key.low;
}

static inline struct filter_key number_key(uint128 number)
{
	return (struct filter_key){ (uint64_t)(number >> 64), (uint64_t)number };
}
