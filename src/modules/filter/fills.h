/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How full the tables are that have a fixed size. Full is told by the kernel when it happens
 * (FILTER_EVENT_FULL); this is for those who want to know before.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules/filter/filter.h"
#include "modules/filter/store.h"

struct fill {
	size_t used; /* places in force: bans not over, meters and scanners that owe something */
	size_t capacity;
};

struct fills {
	struct fill tables[TABLE_COUNT];
};

/* Goes through all tables: some 10 ms, more with many bans. */
void fills_measure(const struct store *store, struct fills *ret_fills);

unsigned fill_percent(const struct fill *fill); /* rounded down */

enum fill_level {
	FILL_FINE, /* until 80 %, and again from below 70 % on */
	FILL_HIGH,
	FILL_FULL,
};
enum { FILL_PERCENT_HIGH = 80, FILL_PERCENT_FINE = 70, FILL_PERCENT_FULL = 99 };

/* What is to be said of a table of which `former` was said last. */
enum fill_level fill_level(enum fill_level former, const struct fill *fill);

/* For `sumun run`; zero at first. */
struct fills_watch {
	enum fill_level said[TABLE_COUNT];
	unsigned seconds;
};

/*
 * To be called every second: looks every ten. Logs a warning when a table passes 80 % and
 * when it is full, and says when it is below 70 % again.
 */
void fills_watch(struct fills_watch *watch, const struct store *store);
