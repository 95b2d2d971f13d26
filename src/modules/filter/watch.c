/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/timestamp.h"
#include "modules/filter/snapshot.h"
#include "modules/filter/watch.h"

enum {
	EVENTS_TOLD = 25,    /* events a second at most */
	SOURCES_TOLD = 5,    /* lines a second at most; the rest is one more line a reason */
	ANNOUNCED = 1 << 12, /* sources remembered as told of, by hash */
	ANNOUNCED_SECONDS = 3,
};

/* What a sighting said a second ago. */
struct former {
	uint64_t packets;
	uint64_t bytes;
	uint32_t episode;
};

struct announced {
	struct filter_key source;
	uint32_t reason;
	uint64_t time; /* CLOCK_BOOTTIME, nanoseconds; 0: nobody */
};

/* One source and reason, over all CPUs. */
struct told {
	struct filter_key source;
	uint32_t reason;
	uint64_t packets; /* beyond the one that an event told of */
	uint64_t bytes;
	uint64_t firsts;
};

struct watch {
	const struct store *store;
	size_t slots;
	struct former *former;
	struct told *told;              /* one for each slot, room for the worst case */
	uint64_t counted[REASON_COUNT]; /* packets of each reason, a second ago */
	int64_t rest[REASON_COUNT];     /* of them, not told yet; below 0: told before counted */
	unsigned events_told;           /* in this second */
	uint64_t start;                 /* CLOCK_BOOTTIME, nanoseconds */
	struct announced announced[ANNOUNCED];
};

static const struct csv_column event_columns[] = {
	{ "time", "time" },
	{ "action", "action" },
	{ "source", "source" },
	{ "source_port", "source port" },
	{ "destination", "destination" },
	{ "destination_port", "destination port" },
	{ "protocol", "protocol" },
	{ NULL, NULL },
};

static const struct record_type event_type = {
	.name = "filter-event",
	.text = "{time} {action} {reason}: {protocol} {source:source_port} -> "
		"{destination:destination_port} on {interface}",
	.csv = event_columns,
};

static const struct record_type repeat_type = {
	.name = "filter-repeat",
	.text = "{time} {action} {reason}: {source} {packets} more in the last second",
};

static const struct record_type rest_type = {
	.name = "filter-rest",
	.text = "{time} {action} {reason}: {packets} from other sources in the last second",
};

static uint64_t count_reason(const struct store *store, enum filter_reason reason)
{
	uint64_t packets = 0;

	for (uint32_t cpu = 0; cpu < store->tables.state->cpus; cpu++) {
		uint32_t first = filter_counter_index(cpu, reason, 0, 0);

		for (uint32_t i = 0; i < VERDICT_COUNT * PROTOCOL_ROOM; i++)
			packets += __atomic_load_n(&store->counters[first + i].packets,
						   __ATOMIC_RELAXED);
	}
	return packets;
}

static void remember(struct watch *watch)
{
	for (size_t i = 0; i < watch->slots; i++) {
		const struct filter_sighting *seen = &watch->store->sightings[i];

		watch->former[i] = (struct former){ seen->packets, seen->bytes, seen->episode };
	}
	for (enum filter_reason reason = REASON_FIRST_DROP; reason < REASON_COUNT; reason++)
		watch->counted[reason] = count_reason(watch->store, reason);
}

struct watch *watch_new(const struct store *store)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->store = store;
	watch->start = timestamp_boottime();
	watch->slots = (size_t)store->tables.state->cpus * SIGHTINGS_PER_CPU;
	watch->former = calloc(watch->slots, sizeof(*watch->former));
	watch->told = calloc(watch->slots, sizeof(*watch->told));
	if (!watch->former || !watch->told)
		return watch_free(watch);
	remember(watch);
	return watch;
}

struct watch *watch_free(struct watch *watch)
{
	if (watch) {
		free(watch->former);
		free(watch->told);
		free(watch);
	}
	return NULL;
}

/* ---- the first packet of a source ---------------------------------------------------- */

static bool same_source(struct filter_key a, struct filter_key b)
{
	return a.high == b.high && a.low == b.low;
}

static bool announced_just_now(struct watch *watch, const struct filter_event *event)
{
	uint32_t hash =
		filter_wide_hash(event->source, event->reason, watch->store->tables.state->seed);
	struct announced *last = &watch->announced[hash % ANNOUNCED];
	bool again = last->time && last->reason == event->reason &&
		     same_source(last->source, event->source) &&
		     event->header.time < last->time + ANNOUNCED_SECONDS * NSEC_PER_SEC;

	*last = (struct announced){ event->source, event->reason, event->header.time };
	return again;
}

static const char *action_name(bool dropped)
{
	return dropped ? "DROP" : "PASS";
}

static void add_address(struct record *record, const char *name, struct filter_key key)
{
	struct address address = address_of(key);

	if (key.high || key.low)
		record_address(record, name, &address);
	else
		record_none(record, name);
}

static void add_port(struct record *record, const char *name, const struct filter_event *event,
		     uint16_t port)
{
	bool has_ports = event->source_port || event->destination_port;

	if (has_ports)
		record_gauge(record, name, UNIT_NONE, port);
	else
		record_none(record, name);
}

bool watch_describe(struct watch *watch, const struct filter_event *event,
		    struct record *ret_record, bool *ret_quiet)
{
	bool old = event->header.time < watch->start;
	bool full = watch->events_told >= EVENTS_TOLD;
	char name[IF_NAMESIZE] = "?", protocol[16];

	if (event->reason >= REASON_COUNT || announced_just_now(watch, event) || (full && !old))
		return false;
	*ret_quiet = full;
	watch->events_told += !full;
	if (!old)
		watch->rest[event->reason]--;
	if_indextoname(event->ifindex, name);
	record_begin(ret_record, &event_type);
	record_time(ret_record, "time",
		    timestamp_now() - (timestamp_boottime() - event->header.time));
	record_label(ret_record, "action", action_name(event->dropped));
	record_label(ret_record, "reason", reason_name(event->reason));
	add_address(ret_record, "source", event->source);
	add_port(ret_record, "source_port", event, event->source_port);
	add_address(ret_record, "destination", event->destination);
	add_port(ret_record, "destination_port", event, event->destination_port);
	record_text(ret_record, "protocol", protocol_row_name(event->protocol, protocol));
	record_text(ret_record, "interface", name);
	record_gauge(ret_record, "bytes", UNIT_BYTES, event->bytes);
	return true;
}

/* ---- the ones after it ------------------------------------------------------------------ */

static struct told difference(const struct filter_sighting *seen, const struct former *former)
{
	bool same = seen->episode == former->episode;

	return (struct told){
		.source = seen->source,
		.reason = seen->reason,
		.firsts = !same,
		.packets = seen->packets - (same ? former->packets : 1),
		.bytes = seen->bytes - (same ? former->bytes : 0),
	};
}

static int compare_sources(const void *a, const void *b)
{
	const struct told *left = a, *right = b;

	if (left->source.high != right->source.high)
		return left->source.high < right->source.high ? -1 : 1;
	if (left->source.low != right->source.low)
		return left->source.low < right->source.low ? -1 : 1;
	return (left->reason > right->reason) - (left->reason < right->reason);
}

/* One row a source and reason, where there was one for each CPU that saw it. */
static size_t merge(struct told *told, size_t count)
{
	size_t merged = 0;

	qsort(told, count, sizeof(*told), compare_sources);
	for (size_t i = 0; i < count; i++) {
		if (merged && compare_sources(&told[merged - 1], &told[i]) == 0) {
			/* A second CPU's first packet was not told of: watch_describe(). */
			told[merged - 1].packets += told[i].packets + told[i].firsts;
			told[merged - 1].bytes += told[i].bytes;
		} else {
			told[merged++] = told[i];
		}
	}
	return merged;
}

/* Sightings change while they are read; one that did is left for the next second. */
static bool read_sighting(const struct filter_sighting *sighting, struct filter_sighting *copy)
{
	uint32_t episode = __atomic_load_n(&sighting->episode, __ATOMIC_ACQUIRE);

	memcpy(copy, sighting, sizeof(*copy));
	return __atomic_load_n(&sighting->episode, __ATOMIC_ACQUIRE) == episode &&
	       copy->episode == episode;
}

static size_t collect(struct watch *watch)
{
	size_t count = 0;

	for (size_t i = 0; i < watch->slots; i++) {
		struct former *former = &watch->former[i];
		struct filter_sighting seen;

		if (!read_sighting(&watch->store->sightings[i], &seen) ||
		    (seen.episode == former->episode && seen.packets <= former->packets))
			continue;
		watch->told[count++] = difference(&seen, former);
		*former = (struct former){ seen.packets, seen.bytes, seen.episode };
	}
	return merge(watch->told, count);
}

static int compare_told(const void *a, const void *b)
{
	uint64_t left = ((const struct told *)a)->packets;
	uint64_t right = ((const struct told *)b)->packets;

	return (left < right) - (left > right);
}

static void begin_count(struct record *record, const struct record_type *type, bool dropped,
			enum filter_reason reason, uint64_t packets)
{
	record_begin(record, type);
	record_time(record, "time", timestamp_now());
	record_label(record, "action", action_name(dropped));
	record_label(record, "reason", reason_name(reason));
	record_counter(record, "packets", UNIT_PACKETS, packets);
}

static void tell_source(struct watch *watch, struct output *output, const struct told *told,
			bool dropped)
{
	struct record record;

	begin_count(&record, &repeat_type, dropped, told->reason, told->packets);
	add_address(&record, "source", told->source);
	record_counter(&record, "bytes", UNIT_BYTES, told->bytes);
	output_record(output, &record, false);
	watch->rest[told->reason] -= (int64_t)told->packets;
}

void watch_second(struct watch *watch, struct output *output)
{
	bool dropped = store_policy(watch->store)->mode == MODE_ENFORCE;
	struct record record;
	size_t count;

	/* Before the sightings: what arrives in between is then told early, not as a rest of one.
	 */
	for (enum filter_reason reason = REASON_FIRST_DROP; reason < REASON_COUNT; reason++) {
		uint64_t counted = count_reason(watch->store, reason);

		watch->rest[reason] += (int64_t)(counted - watch->counted[reason]);
		watch->counted[reason] = counted;
	}
	count = collect(watch);
	qsort(watch->told, count, sizeof(*watch->told), compare_told);
	for (size_t i = 0; i < count && i < SOURCES_TOLD; i++) {
		const struct told *told = &watch->told[i];

		/* In a flood, a source with one packet in a thousand is part of the rest. */
		if (told->packets > 0 && (int64_t)told->packets * 1000 >= watch->rest[told->reason])
			tell_source(watch, output, told, dropped);
	}
	for (enum filter_reason reason = REASON_FIRST_DROP; reason < REASON_COUNT; reason++) {
		if (watch->rest[reason] <= 0)
			continue;
		begin_count(&record, &rest_type, dropped, reason, (uint64_t)watch->rest[reason]);
		output_record(output, &record, false);
		watch->rest[reason] = 0;
	}
	watch->events_told = 0;
}
