/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "modules/filter/describe.h"
#include "modules/filter/fills.h"
#include "modules/filter/terms.h"

enum { LOOK_SECONDS = 10, BATCH = 4096 };

/* ---- measuring -------------------------------------------------------------------------- */

static size_t count_meters(const struct store *store, uint64_t now)
{
	size_t used = 0;

	for (size_t i = 0; i < METER_CAPACITY; i++)
		used += store->meters[i / METER_SLOTS].slot[i % METER_SLOTS].due > now;
	return used;
}

static size_t count_scanners(const struct store *store, uint64_t now)
{
	size_t used = 0;

	for (size_t i = 0; i < SCANNER_GROUPS * SCANNER_SLOTS; i++)
		used += store->scanners[i / SCANNER_SLOTS].slot[i % SCANNER_SLOTS].due > now;
	return used;
}

/* A kernel hash does not say how much is in it; whole batches are the fastest way to count. */
static size_t count_ban_info(const struct store *store)
{
	CLEANUP_FREE struct filter_ban_key *keys = calloc(BATCH, sizeof(*keys));
	CLEANUP_FREE struct filter_ban_info *values = calloc(BATCH, sizeof(*values));
	size_t used = 0;
	uint32_t at;
	int r = 0;

	if (!keys || !values || store->fds[STORE_BAN_INFO] < 0)
		return 0;
	while (r == 0) {
		uint32_t count = BATCH;

		r = bpf_map_lookup_batch(store->fds[STORE_BAN_INFO], used ? &at : NULL, &at, keys,
					 values, &count, NULL);
		if (r < 0 && r != -ENOENT)
			break;
		used += count;
		if (!count)
			break;
	}
	return used;
}

static struct fill fill_of(struct table_fill fill)
{
	return (struct fill){ fill.used, fill.capacity };
}

void fills_measure(const struct store *store, struct fills *ret_fills)
{
	uint64_t now = terms_meter_time(&store->ticks, timestamp_boottime());
	struct tables_fill bans;

	tables_fill(&store->tables, store_now(store), &bans);
	*ret_fills = (struct fills){ .tables = {
					     [TABLE_BANS4] = fill_of(bans.bans4),
					     [TABLE_BANS6] = fill_of(bans.bans6),
					     [TABLE_BANS_WIDE] = fill_of(bans.bans_wide),
					     [TABLE_BAN_INFO] = { count_ban_info(store),
								  BAN_INFO_CAPACITY },
					     [TABLE_METERS] = { count_meters(store, now),
								METER_CAPACITY },
					     [TABLE_SCANNERS] = { count_scanners(store, now),
								  SCANNER_GROUPS * SCANNER_SLOTS },
				     } };
}

unsigned fill_percent(const struct fill *fill)
{
	return fill->capacity ? (unsigned)(fill->used * 100 / fill->capacity) : 0;
}

/* ---- watching --------------------------------------------------------------------------- */

/* Between 70 and 80 %, and between 80 % and full, what was said last still holds. */
enum fill_level fill_level(enum fill_level former, const struct fill *fill)
{
	unsigned percent = fill_percent(fill);

	if (percent < FILL_PERCENT_FINE)
		return FILL_FINE;
	if (percent >= FILL_PERCENT_FULL)
		return FILL_FULL;
	if (percent >= FILL_PERCENT_HIGH && former == FILL_FINE)
		return FILL_HIGH;
	return former;
}

static void say(enum filter_table table, enum fill_level level, const struct fill *fill)
{
	char used[NUMBER_TEXT], capacity[NUMBER_TEXT];

	number_format(fill->used, used);
	number_format(fill->capacity, capacity);
	if (level == FILL_FULL)
		log_warning("the table of %s is full, %s of %s; what then happens: %s",
			    filter_table_holds(table), used, capacity,
			    filter_table_when_full(table));
	else if (level == FILL_HIGH)
		log_warning("the table of %s is filling up, %s of %s (%u %%); when it is full: %s",
			    filter_table_holds(table), used, capacity, fill_percent(fill),
			    filter_table_when_full(table));
	else
		log_info("the table of %s has room again, %s of %s (%u %%)",
			 filter_table_holds(table), used, capacity, fill_percent(fill));
}

void fills_watch(struct fills_watch *watch, const struct store *store)
{
	struct fills fills;

	if (watch->seconds++ % LOOK_SECONDS != 0)
		return;
	fills_measure(store, &fills);
	for (enum filter_table table = 0; table < TABLE_COUNT; table++) {
		enum fill_level level = fill_level(watch->said[table], &fills.tables[table]);

		if (level != watch->said[table])
			say(table, level, &fills.tables[table]);
		watch->said[table] = level;
	}
}
