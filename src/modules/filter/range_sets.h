/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is asked of the ranges of a list besides reading them: is this in it, what is it
 * without that, and how would it be written as prefixes. Views are merged, see ranges.h.
 */
#pragma once

#include <stdbool.h>

#include "modules/filter/list_entry.h"

/* The ranges of one family, IPv4 or IPv6. */
size_t ranges_count(const struct ranges_view *view, bool v4);
struct list_entry ranges_at(const struct ranges_view *view, bool v4, size_t i);

/* Whether all of the entry, or any of it, is in the ranges. */
bool ranges_cover(const struct ranges_view *view, const struct list_entry *entry);
bool ranges_touch(const struct ranges_view *view, const struct list_entry *entry);

/* Appends; as ranges_add4() and ranges_add6(). */
int ranges_add(struct ranges *ranges, const struct list_entry *entry);

/* New ranges, merged, that are the caller's to free: all of both, or `a` without `b`. -ENOMEM. */
int ranges_join(const struct ranges_view *a, const struct ranges_view *b,
		struct ranges *ret_ranges);
int ranges_subtract(const struct ranges_view *a, const struct ranges_view *b,
		    struct ranges *ret_ranges);

/* Addresses of one family; all of IPv6 is one less, for want of a bit. */
uint128 ranges_addresses(const struct ranges_view *view, bool v4);

/*
 * Takes the largest prefix from the front of the range that a list file may hold (see
 * list_file.h). False when nothing is left of it.
 */
bool range_next_prefix(struct list_entry *range, struct prefix *ret_prefix);
