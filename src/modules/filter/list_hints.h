/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lists have to do with `hints`, the bitmap that spares a packet every other look-up: an
 * IPv4 list sets the bit of each /24 that it touches. IPv6 lists set none.
 */
#pragma once

#include "modules/filter/ranges.h"
#include "modules/filter/store.h"

/* Before the list is in force. */
void list_hints_set(uint64_t *hints, const struct ranges_view *ranges);

/*
 * Clears the bits of lists that are no longer in force. A ban that the kernel makes in the
 * very moment is heeded a few milliseconds late. Where memory is short it clears nothing:
 * a bit too many costs a packet a look-up and is never wrong.
 */
void list_hints_trim(struct store *store);
