/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/cleanup.h"
#include "core/grace.h"
#include "modules/filter/list_hints.h"
#include "modules/filter/list_store.h"

static void set_mask(uint64_t *word, uint64_t mask)
{
	if ((__atomic_load_n(word, __ATOMIC_RELAXED) & mask) != mask)
		__atomic_fetch_or(word, mask, __ATOMIC_SEQ_CST);
}

static void set_range(uint64_t *hints, const struct range4 *range)
{
	uint32_t bit = filter_hint4(range->first), last = filter_hint4(range->last);

	while (bit <= last) {
		uint32_t word = bit / 64, end = word * 64 + 63 < last ? word * 64 + 63 : last;
		uint32_t coarse = filter_hint_coarse(bit);

		set_mask(&hints[word], (~0ULL >> (63 - (end - bit))) << (bit % 64));
		set_mask(&hints[coarse / 64], 1ULL << (coarse % 64));
		bit = end + 1;
	}
}

void list_hints_set(uint64_t *hints, const struct ranges_view *ranges)
{
	for (size_t i = 0; i < ranges->count4; i++)
		set_range(hints, &ranges->v4[i]);
}

static void set_bans(const struct store *store, struct tables *tables)
{
	uint32_t now = store_now(store);
	size_t position = 0;
	struct ban ban;

	while (ban_next(&store->tables, &position, now, &ban))
		tables_set_hints(tables, &ban.prefix);
}

static int set_policy(const struct store *store, const struct filter_policy *policy,
		      struct tables *tables)
{
	CLEANUP_LIST_SET struct list_set set = { .count = 0 };
	struct prefix prefix;
	size_t position = 0;
	uint64_t role;
	int r = list_store_load(store, policy, &set, NULL);

	if (r < 0)
		return r;
	for (size_t i = 0; i < set.count; i++)
		list_hints_set(tables->hints, &set.items[i].ranges);
	while (policy_next(policy, &position, &prefix, &role))
		tables_set_hints(tables, &prefix);
	return 0;
}

/* The bits that somebody still needs, into `tables->hints`. */
static int set_needed(const struct store *store, struct tables *tables)
{
	const struct filter_policy *policies[] = { store_policy(store), store_former(store),
						   store_shadow(store) };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(policies); i++)
		if (policies[i])
			r = set_policy(store, policies[i], tables);
	set_bans(store, tables);
	return r;
}

static void clear_others(uint64_t *hints, const uint64_t *needed, size_t words)
{
	for (size_t i = 0; i < words; i++)
		if (__atomic_load_n(&hints[i], __ATOMIC_RELAXED) & ~needed[i])
			__atomic_fetch_and(&hints[i], needed[i], __ATOMIC_SEQ_CST);
}

void list_hints_trim(struct store *store)
{
	CLEANUP_FREE uint64_t *needed = calloc(HINT_WORDS, sizeof(*needed));
	struct tables tables = store->tables;

	tables.hints = needed;
	if (!needed || store_is_overdue(store) || set_needed(store, &tables) < 0)
		return;
	clear_others(store->tables.hints, needed, HINT_FINE_WORDS / 2);
	clear_others(store->tables.hints + HINT_FINE_WORDS, needed + HINT_FINE_WORDS,
		     HINT_COARSE_WORDS / 2);
	/* A ban that was under way has set its bit before or its slot by now. */
	grace_period();
	set_bans(store, &store->tables);
}
