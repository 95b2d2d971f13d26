/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is behind the numbers: the sources that connect most, and those that most was dropped
 * from. Both are kept by the kernel for other ends, in tables whose places change hands, so
 * they tell of the last minutes and of this moment, not of all time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "modules/filter/store.h"

enum { SOURCES_MINUTES = 10 };

struct source_count {
	struct prefix source; /* an IPv4 address or an IPv6 /64 */
	uint64_t packets;     /* or attempts to connect */
	uint64_t bytes;
	uint32_t reason; /* of drops: that of most packets */
};

/*
 * By attempts to connect to the ports of any guard, as far back as the guard's limit
 * remembers, and SOURCES_MINUTES beyond. Most first, at most `size`; returns how many.
 */
size_t sources_connecting(const struct store *store, struct source_count *sources, size_t size);

/* By packets dropped, or that would be, since they began without a pause of some seconds. */
size_t sources_dropped(const struct store *store, struct source_count *sources, size_t size);

/* Adds up the rows of one source each, and puts the rows with most in front; returns how many. */
size_t sources_merge(struct source_count *sources, size_t count);
