/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/timestamp.h"
#include "modules/filter/describe.h"
#include "modules/filter/snapshot.h"
#include "modules/filter/watch.h"

enum {
	EVENTS_TOLD = 25,    /* first packets a second at most */
	NOTICES_TOLD = 25,   /* bans, scans and full tables a second at most */
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
	bool dropped;
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

/* Of each reason and of watched ports: what was counted, and what of it was told. */
struct ledger {
	uint64_t counted[2];  /* packets that passed and that were dropped, a second ago */
	uint64_t second[2];   /* and in this second */
	int64_t rest;         /* not told yet; below 0: told before counted */
	int64_t rest_dropped; /* of the rest, as far as can be said */
};

struct watch {
	const struct store *store;
	const struct selection *selection;
	struct selection everything;
	bool all; /* without a limit of lines, and nothing old */
	size_t slots;
	struct former *former;
	struct told *told; /* one for each slot, room for the worst case */
	struct ledger ledgers[REASON_ROOM];
	unsigned events_told, notices_told; /* in this second */
	uint64_t notices_untold;
	uint64_t start; /* CLOCK_BOOTTIME, nanoseconds */
	struct announced announced[ANNOUNCED];
};

static uint64_t count_verdict(const struct store *store, uint32_t reason,
			      enum filter_verdict verdict)
{
	uint64_t packets = 0;

	for (uint32_t cpu = 0; cpu < store->tables.state->cpus; cpu++) {
		uint32_t first = filter_counter_index(cpu, reason, verdict, 0);

		for (uint32_t i = 0; i < PROTOCOL_ROOM; i++)
			packets += __atomic_load_n(&store->counters[first + i].packets,
						   __ATOMIC_RELAXED);
	}
	return packets;
}

static void add_to_rest(struct ledger *ledger, bool dropped, int64_t packets)
{
	ledger->rest += packets;
	ledger->rest_dropped += dropped ? packets : 0;
}

/* What the counters say of this second. Watched ports have none; their sightings are added up. */
static void count_second(struct watch *watch)
{
	for (uint32_t reason = 0; reason < REASON_COUNT; reason++) {
		struct ledger *ledger = &watch->ledgers[reason];

		if (!reason_drops(reason))
			continue;
		for (int dropped = 0; dropped < 2; dropped++) {
			uint64_t counted = count_verdict(
				watch->store, reason, dropped ? VERDICT_DROPPED : VERDICT_PASSED);

			ledger->second[dropped] = counted - ledger->counted[dropped];
			ledger->counted[dropped] = counted;
			add_to_rest(ledger, dropped, (int64_t)ledger->second[dropped]);
		}
	}
}

static void remember(struct watch *watch)
{
	for (size_t i = 0; i < watch->slots; i++) {
		const struct filter_sighting *seen = &watch->store->sightings[i];

		watch->former[i] = (struct former){ seen->packets, seen->bytes, seen->episode };
	}
	count_second(watch);
	for (size_t i = 0; i < REASON_ROOM; i++)
		watch->ledgers[i].rest = watch->ledgers[i].rest_dropped = 0;
}

struct watch *watch_new(const struct store *store, const struct selection *selection)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->store = store;
	watch->selection = selection ? selection : &watch->everything;
	watch->all = selection;
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

static struct announced *find_announced(struct watch *watch, struct filter_key source,
					uint32_t reason)
{
	uint32_t hash = filter_wide_hash(source, reason, watch->store->tables.state->seed);

	return &watch->announced[hash % ANNOUNCED];
}

static bool is_about(const struct announced *announced, struct filter_key source, uint32_t reason)
{
	return announced->time && announced->reason == reason &&
	       announced->source.high == source.high && announced->source.low == source.low;
}

static bool announced_just_now(struct watch *watch, const struct filter_event *event)
{
	struct announced *last = find_announced(watch, event->source, event->reason);
	bool again = is_about(last, event->source, event->reason) &&
		     event->header.time < last->time + ANNOUNCED_SECONDS * NSEC_PER_SEC;

	*last = (struct announced){ event->source, event->reason, event->dropped,
				    event->header.time };
	return again;
}

/* Is it told, and where? What is not told stays in the ledger. */
static bool tell_packet(struct watch *watch, const struct filter_event *event, bool old,
			bool *ret_quiet)
{
	bool full = !watch->all && watch->events_told >= EVENTS_TOLD;

	if (announced_just_now(watch, event) || (full && !old))
		return false;
	*ret_quiet = full;
	watch->events_told += !full;
	if (!old && event->reason != REASON_COOKIE)
		add_to_rest(&watch->ledgers[event->reason], event->dropped, -1);
	return true;
}

/* Bans and scans have no count that the rest would be part of: the logs get all of them. */
static bool tell_notice(struct watch *watch, bool old, bool *ret_quiet)
{
	bool full = !watch->all && watch->notices_told >= NOTICES_TOLD;

	*ret_quiet = full;
	watch->notices_told += !full;
	watch->notices_untold += full && !old;
	return true;
}

bool watch_describe(struct watch *watch, const struct filter_event *event,
		    struct record *ret_record, bool *ret_quiet)
{
	enum told_kind kind = describe_kind(event);
	bool old = event->header.time < watch->start;
	bool packet = kind == TOLD_PACKET || kind == TOLD_WATCH;

	if ((old && watch->all) || !select_event(watch->selection, event))
		return false;
	if (!(packet ? tell_packet(watch, event, old, ret_quiet)
		     : tell_notice(watch, old, ret_quiet)))
		return false;
	describe_event(watch->store, event, ret_record);
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
		struct told *told = &watch->told[count];

		if (!read_sighting(&watch->store->sightings[i], &seen) ||
		    (seen.episode == former->episode && seen.packets <= former->packets))
			continue;
		*told = difference(&seen, former);
		*former = (struct former){ seen.packets, seen.bytes, seen.episode };
		if (!reason_drops(seen.reason) && seen.reason != SIGHT_WATCHED)
			continue;
		count++;
		if (seen.reason == SIGHT_WATCHED)
			add_to_rest(&watch->ledgers[SIGHT_WATCHED], false,
				    (int64_t)(told->packets + told->firsts));
	}
	return merge(watch->told, count);
}

static int compare_told(const void *a, const void *b)
{
	uint64_t left = ((const struct told *)a)->packets;
	uint64_t right = ((const struct told *)b)->packets;

	return (left < right) - (left > right);
}

/* A sighting does not say; where this second saw both, the source's first packet does. */
static bool was_dropped(struct watch *watch, const struct told *told)
{
	const struct ledger *ledger = &watch->ledgers[told->reason];
	const struct announced *announced = find_announced(watch, told->source, told->reason);

	if (told->reason == SIGHT_WATCHED)
		return false;
	if (!ledger->second[false] && !ledger->second[true])
		return store_policy(watch->store)->mode == MODE_ENFORCE;
	if (!ledger->second[false] || !ledger->second[true])
		return ledger->second[true];
	if (is_about(announced, told->source, told->reason))
		return announced->dropped;
	return ledger->second[true] >= ledger->second[false];
}

static void tell_source(struct watch *watch, struct output *output, const struct told *told)
{
	struct told_count count = {
		.reason = told->reason,
		.dropped = was_dropped(watch, told),
		.packets = told->packets,
		.bytes = told->bytes,
		.source = told->source,
	};
	struct record record;

	describe_repeat(&count, &record);
	output_record(output, &record, false);
	add_to_rest(&watch->ledgers[told->reason], count.dropped, -(int64_t)told->packets);
}

static void tell_sources(struct watch *watch, struct output *output, size_t count)
{
	size_t lines = 0;

	qsort(watch->told, count, sizeof(*watch->told), compare_told);
	for (size_t i = 0; i < count && lines < SOURCES_TOLD; i++) {
		const struct told *told = &watch->told[i];

		if (!select_repeat(watch->selection, told->reason, told->source))
			continue;
		lines++;
		/* In a flood, a source with one packet in a thousand is part of the rest. */
		if (told->packets > 0 &&
		    (int64_t)told->packets * 1000 >= watch->ledgers[told->reason].rest)
			tell_source(watch, output, told);
	}
}

static void tell_rest(struct output *output, uint32_t reason, bool dropped, int64_t packets)
{
	struct told_count count = { .reason = reason,
				    .dropped = dropped,
				    .packets = (uint64_t)packets };
	struct record record;

	if (packets <= 0)
		return;
	describe_rest(&count, &record);
	output_record(output, &record, false);
}

static void tell_rests(struct watch *watch, struct output *output)
{
	for (uint32_t reason = 0; reason < REASON_ROOM; reason++) {
		struct ledger *ledger = &watch->ledgers[reason];
		int64_t least = ledger->rest < 0 ? ledger->rest : 0;
		int64_t most = ledger->rest > 0 ? ledger->rest : 0;

		if (ledger->rest_dropped < least)
			ledger->rest_dropped = least;
		if (ledger->rest_dropped > most)
			ledger->rest_dropped = most;
		if (ledger->rest <= 0)
			continue;
		if (select_rest(watch->selection, reason)) {
			tell_rest(output, reason, true, ledger->rest_dropped);
			tell_rest(output, reason, false, ledger->rest - ledger->rest_dropped);
		}
		ledger->rest = ledger->rest_dropped = 0;
	}
}

void watch_second(struct watch *watch, struct output *output)
{
	struct record record;

	/* Before the sightings: what arrives in between is then told early, not as a rest of one.
	 */
	count_second(watch);
	tell_sources(watch, output, collect(watch));
	tell_rests(watch, output);
	if (watch->notices_untold) {
		describe_notices(watch->notices_untold, &record);
		output_record(output, &record, false);
	}
	watch->events_told = watch->notices_told = 0;
	watch->notices_untold = 0;
}
