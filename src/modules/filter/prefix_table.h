/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builds a table of lists as prefixes.h lays it out, and looks up in it as packets do.
 *
 * Every address gets the label of the list that covers it. Where several do, one with
 * LABEL_ALLOW wins, then the one that comes first. Time is that of one walk over all
 * ranges, for each range once over all lists; memory besides the table is what one part of
 * the root leads to.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "modules/filter/prefixes.h"
#include "modules/filter/ranges.h"

struct prefix_input {
	uint8_t label;             /* not 0 */
	struct ranges_view ranges; /* merged */
};

/* Pages that a table takes with nothing in it. */
enum { PREFIX_PAGES_MIN = (PREFIX_TREES + PREFIX_PAGE_LINES - 1) / PREFIX_PAGE_LINES };

/* Pages that the table of these lists takes. -E2BIG when there are more than LISTS_MAX, -ENOMEM. */
int prefix_table_pages(const struct prefix_input *inputs, size_t count, size_t *ret_pages,
		       struct error *error);

/*
 * Writes the table into `memory`, which is `pages` pages and need not be zero; what is behind
 * the words that are used stays as it is. -ENOSPC when it needs more pages, and as above;
 * `memory` is not to be used then.
 */
int prefix_table_build(const struct prefix_input *inputs, size_t count, void *memory, size_t pages,
		       struct error *error);

/* The label of an address, IPv4 as ::ffff:a.b.c.d, found by the code that packets run. 0: none. */
uint8_t prefix_table_find(const void *memory, size_t pages, struct filter_key address);
