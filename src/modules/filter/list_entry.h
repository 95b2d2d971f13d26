/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One entry of a list: an address, a prefix or a range "FIRST-LAST". Two readers, one that
 * is fast and one that knows everything and says what is wrong. What the fast one takes,
 * the other takes too, and for the same addresses.
 */
#pragma once

#include <stdbool.h>

#include "base/address.h"
#include "base/error.h"
#include "modules/filter/ranges.h"

struct list_entry {
	bool v4; /* in the low 32 bits then */
	uint128 first, last;
};

/* Blanks that may stand around an entry and around the '-' of a range. */
#define LIST_BLANKS " \t\r\v\f"

/* Room for every entry, its NUL included, with some blanks around the '-'. */
enum { LIST_ENTRY_SIZE = 160 };

struct list_entry list_entry_of(const struct prefix *prefix);

/*
 * Takes what is written as most lists write it, from `p` on; `end` is behind what may be
 * read. Returns the place behind the entry, or NULL for all else, right or wrong.
 */
const char *list_entry_scan(const char *p, const char *end, struct list_entry *ret_entry);

/* `text` is the entry alone, shorter than LIST_ENTRY_SIZE. -EINVAL with the reason. */
int list_entry_read(const char *text, struct list_entry *ret_entry, struct error *error);
