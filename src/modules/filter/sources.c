/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/timestamp.h"
#include "modules/filter/snapshot.h"
#include "modules/filter/sources.h"
#include "modules/filter/terms.h"

/* Of one source the row with most packets comes first: its reason is the one that is told. */
static int compare_sources(const void *a, const void *b)
{
	const struct source_count *left = a, *right = b;
	int order =
		memcmp(&left->source.address, &right->source.address, sizeof(left->source.address));

	return order ? order : (left->packets < right->packets) - (left->packets > right->packets);
}

/* Equal ones by address, so that the same numbers give the same table. */
static int compare_packets(const void *a, const void *b)
{
	const struct source_count *left = a, *right = b;

	if (left->packets != right->packets)
		return left->packets < right->packets ? 1 : -1;
	return compare_sources(a, b);
}

size_t sources_merge(struct source_count *sources, size_t count)
{
	size_t merged = 0;

	qsort(sources, count, sizeof(*sources), compare_sources);
	for (size_t i = 0; i < count; i++) {
		if (merged && prefix_equal(&sources[merged - 1].source, &sources[i].source)) {
			sources[merged - 1].packets += sources[i].packets;
			sources[merged - 1].bytes += sources[i].bytes;
		} else {
			sources[merged++] = sources[i];
		}
	}
	qsort(sources, merged, sizeof(*sources), compare_packets);
	return merged;
}

static size_t take_top(struct source_count *all, size_t count, struct source_count *sources,
		       size_t size)
{
	count = sources_merge(all, count);
	if (count > size)
		count = size;
	if (count)
		memcpy(sources, all, count * sizeof(*sources));
	return count;
}

/*
 * What a shadow policy charges has the first bit of its key turned over. No address in use
 * is mistaken for that: those begin with 000, 001 or 111.
 */
static bool is_shadow(uint64_t key)
{
	uint64_t front = key >> 61;

	return front == 4 || front == 5 || front == 3;
}

size_t sources_connecting(const struct store *store, struct source_count *sources, size_t size)
{
	CLEANUP_FREE struct source_count *all = calloc(METER_CAPACITY, sizeof(*all));
	uint64_t now = terms_meter_time(&store->ticks, timestamp_boottime());
	uint64_t kept = (uint64_t)SOURCES_MINUTES * 60 * store->ticks.hz << METER_SHIFT;
	size_t count = 0;

	for (size_t i = 0; all && i < METER_CAPACITY; i++) {
		const struct filter_meter *meter =
			&store->meters[i / METER_SLOTS].slot[i % METER_SLOTS];
		uint32_t use = __atomic_load_n(&meter->use, __ATOMIC_RELAXED);

		if (use >> 30 != METER_CONNECTIONS || !(use & METER_COUNT_MAX) ||
		    meter->due + kept < now || is_shadow(meter->key))
			continue;
		all[count++] = (struct source_count){ .source = source_prefix(meter->key),
						      .packets = use & METER_COUNT_MAX };
	}
	return take_top(all, count, sources, size);
}

size_t sources_dropped(const struct store *store, struct source_count *sources, size_t size)
{
	size_t slots = (size_t)store->tables.state->cpus * SIGHTINGS_PER_CPU, count = 0;
	CLEANUP_FREE struct source_count *all = calloc(slots, sizeof(*all));
	uint32_t now = store_now(store);

	for (size_t i = 0; all && i < slots; i++) {
		struct filter_sighting seen = store->sightings[i];
		uint32_t family = key_is_v4(seen.source) ? FAMILY_V4 : FAMILY_V6;

		/* The kernel's clock may be a tick ahead of ours. */
		if (!seen.packets || !reason_drops(seen.reason) ||
		    (int32_t)(now - seen.last) >= SIGHTING_IDLE)
			continue;
		all[count++] = (struct source_count){
			.source = source_prefix(filter_source_key(family, seen.source)),
			.packets = seen.packets,
			.bytes = seen.bytes,
			.reason = seen.reason,
		};
	}
	return take_top(all, count, sources, size);
}
