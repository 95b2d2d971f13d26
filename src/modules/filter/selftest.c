/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets of every kind, sent over a cable in a network namespace of their own to a filter of
 * their own, which is not pinned. A child does it: see selftest_apart().
 */
#include <linux/if_ether.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "core/attach.h"
#include "core/cable.h"
#include "core/capabilities.h"
#include "core/ring.h"
#include "modules/filter/selftest.h"
#include "modules/filter/snapshot.h"

enum { PATIENCE_MS = 1000 };

struct scene {
	struct store store;
	int link;   /* the filter on the near end */
	int socket; /* at the far end */
	enum attach_mode mode;
	char by[RUNG_TEXT];
	struct error note;
	uint64_t sent, sent_bytes, to_drop;
	struct kind_result {
		struct filter_counter counted; /* by sumun, for the reason that is right */
		struct cable_counters kernel;
		uint64_t bytes; /* sent */
	} results[SELFTEST_KINDS];
	uint64_t events; /* read, and right */
};

/* ---- sending --------------------------------------------------------------------------- */

static int send_frames(struct scene *scene, const struct selftest_kind *kind, uint64_t count,
		       struct error *error)
{
	uint8_t frame[SELFTEST_FRAME];
	size_t size = selftest_frame(kind, frame);
	int r = cable_send(scene->socket, frame, size, count);

	scene->sent += count;
	scene->sent_bytes += count * size;
	if (r < 0)
		return error_set(error, r, "packets that were sent did not arrive: %s",
				 strerror(-r));
	return 0;
}

/* The filter counts a packet before the driver does; in generic mode it may come later. */
static struct snapshot *count_all(const struct scene *scene)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	struct snapshot *now = snapshot_take(&scene->store);

	for (int i = 0; now && scene->mode == ATTACH_GENERIC && i < PATIENCE_MS &&
			now->total.packets < scene->sent;
	     i++) {
		nanosleep(&moment, NULL);
		free(now);
		now = snapshot_take(&scene->store);
	}
	return now;
}

static int send_kind(struct scene *scene, size_t number, uint64_t count, struct error *error)
{
	const struct selftest_kind *kind = &selftest_kinds[number];
	struct kind_result *result = &scene->results[number];
	CLEANUP_FREE struct snapshot *before = NULL, *after = NULL;
	struct cable_counters first, last;
	struct filter_counter was, is;
	int r = 0;

	if (kind->reason == REASON_LIMITED)
		r = send_frames(scene, kind, 1, error); /* uses up the limit */
	before = count_all(scene);
	if (r == 0)
		r = cable_count(&first);
	result->bytes = scene->sent_bytes;
	if (r == 0)
		r = send_frames(scene, kind, count, error);
	after = count_all(scene);
	if (r == 0)
		r = cable_count(&last);
	if (r < 0 || !before || !after)
		return r < 0 ? r : -ENOMEM;
	result->bytes = scene->sent_bytes - result->bytes;
	was = snapshot_reason(before, kind->reason);
	is = snapshot_reason(after, kind->reason);
	result->counted.packets = is.packets - was.packets;
	result->counted.bytes = is.bytes - was.bytes;
	result->kernel.packets = last.packets - first.packets;
	result->kernel.bytes = last.bytes - first.bytes;
	if (reason_drops(kind->reason))
		scene->to_drop += count;
	return 0;
}

/* ---- events ---------------------------------------------------------------------------- */

static void on_event(void *context, const struct event_header *header)
{
	const struct filter_event *event = (const struct filter_event *)header;
	struct scene *scene = context;

	if (header->module != EVENT_FILTER || header->kind != FILTER_EVENT_PACKET ||
	    header->size != sizeof(*event) || !event->dropped)
		return;
	for (size_t i = 0; i < SELFTEST_KINDS; i++) {
		const struct selftest_kind *kind = &selftest_kinds[i];
		struct address source = address_of(event->source), right;

		address_parse(kind->source, &right, NULL);
		if (kind->reason == event->reason && address_equal(&source, &right)) {
			scene->events++;
			return;
		}
	}
}

static int read_events(struct scene *scene, struct error *error)
{
	struct ring *ring = ring_new(scene->store.fds[STORE_EVENTS0], on_event, scene, error);

	if (!ring)
		return -EIO;
	ring_drain(ring);
	ring_free(ring);
	return 0;
}

/* Kinds whose sightings do not fall on one slot: each of them is told. */
static uint64_t count_slots(const struct store *store)
{
	uint64_t taken[SIGHTINGS_PER_CPU / 64] = { 0 }, count = 0;

	for (size_t i = 0; i < SELFTEST_KINDS; i++) {
		const struct selftest_kind *kind = &selftest_kinds[i];
		struct address source;
		uint32_t slot;

		if (!reason_drops(kind->reason))
			continue;
		address_parse(kind->source, &source, NULL);
		slot = filter_wide_hash(key_of(&source), kind->reason, store->tables.state->seed) %
		       SIGHTINGS_PER_CPU;
		count += !(taken[slot / 64] >> slot % 64 & 1);
		taken[slot / 64] |= 1ULL << slot % 64;
	}
	return count;
}

/*
 * Of one source and reason: where one begins an event is sent, what follows only counts. There
 * are more than slots when the machine is so busy that they begin anew.
 */
static uint64_t count_episodes(const struct store *store)
{
	uint64_t count = 0, least = count_slots(store);

	for (size_t i = 0; i < (size_t)store->tables.state->cpus * SIGHTINGS_PER_CPU; i++)
		count += store->sightings[i].episode;
	return count > least ? count : least;
}

/* ---- rows ------------------------------------------------------------------------------ */

static struct selftest_row *add_row(struct selftest *test, const struct scene *scene,
				    const char *what, uint64_t done, uint64_t counted)
{
	struct selftest_row *row = selftest_add(test, what);

	strcpy(row->by, scene->by);
	row->done = done;
	row->counted = counted;
	return row;
}

static const char *kind_name(const struct selftest_kind *kind, const char *unit,
			     char name[SELFTEST_WHAT + 1])
{
	snprintf(name, SELFTEST_WHAT + 1, "%s, IPv%c%s", reason_name(kind->reason),
		 strchr(kind->source, ':') ? '6' : '4', unit);
	return name;
}

static void add_packets(struct selftest *test, const struct scene *scene)
{
	char name[SELFTEST_WHAT + 1];

	for (size_t i = 0; i < SELFTEST_KINDS; i++) {
		const struct kind_result *result = &scene->results[i];
		struct selftest_row *row =
			add_row(test, scene, kind_name(&selftest_kinds[i], "", name), test->count,
				result->counted.packets);

		row->counter = "rx_packets";
		row->kernel = result->kernel.packets;
	}
}

/* A driver that runs XDP on what was a socket buffer counts it without its Ethernet header. */
static void add_bytes(struct selftest *test, const struct scene *scene)
{
	char name[SELFTEST_WHAT + 1];

	for (size_t i = 0; i < SELFTEST_KINDS; i++) {
		const struct kind_result *result = &scene->results[i];
		uint64_t headers = result->kernel.packets * ETH_HLEN;
		struct selftest_row *row =
			add_row(test, scene, kind_name(&selftest_kinds[i], ", bytes", name),
				result->bytes, result->counted.bytes);

		row->counter = "rx_bytes";
		row->kernel = result->kernel.bytes;
		if (row->kernel + headers == row->done) {
			row->counter = "rx_bytes, and 14 for each Ethernet header";
			row->kernel += headers;
		}
	}
}

static int add_sums(struct selftest *test, struct scene *scene, struct error *error)
{
	CLEANUP_FREE struct snapshot *now = count_all(scene);
	struct cable_counters kernel;
	struct selftest_row *row;
	int r = now ? cable_count(&kernel) : -ENOMEM;

	if (r == 0)
		r = read_events(scene, error);
	if (r < 0)
		return r;
	row = add_row(test, scene, "all packets", scene->sent, now->total.packets);
	row->counter = "rx_packets";
	row->kernel = kernel.packets;
	row->note = scene->note;
	row = add_row(test, scene, "all dropped", scene->to_drop, snapshot_dropped(now).packets);
	if (kernel.drops_known) {
		row->counter = "xdp_drops of the driver";
		row->kernel = kernel.drops;
	}
	add_bytes(test, scene);
	row = add_row(test, scene, "events, one an episode", count_episodes(&scene->store),
		      scene->events + now->tally.events_lost[0]);
	strcpy(row->by, "ring buffer");
	if (now->tally.events_lost[0])
		error_set(&row->note, 0, "%llu of them lost: the ring was full",
			  (unsigned long long)now->tally.events_lost[0]);
	return 0;
}

/* ---- the whole ------------------------------------------------------------------------- */

static int set_up(struct scene *scene, struct error *error)
{
	int r = cable_make();

	if (r < 0)
		return error_set(error, r, "cannot make a network of its own: %s", strerror(-r));
	r = cable_socket(&scene->socket);
	if (r < 0)
		return error_set(error, r, "cannot send packets: %s",
				 r == -EPERM ? "CAP_NET_RAW missing" : strerror(-r));
	r = selftest_scene(&scene->store, error);
	if (r == 0)
		r = attach_xdp(scene->store.program_fd, if_nametoindex(CABLE_NEAR), &scene->link,
			       &scene->mode, &scene->note, error);
	if (r == 0)
		snprintf(scene->by, sizeof(scene->by), "XDP %s", attach_mode_name(scene->mode));
	return r;
}

/* What it opens ends with the child. */
static int test_filter(struct selftest *test, struct error *error)
{
	static struct scene scene = { .link = -1, .socket = -1 };
	int r;

	scene.store = STORE_NONE;
	r = set_up(&scene, error);
	for (size_t i = 0; r == 0 && i < SELFTEST_KINDS; i++)
		r = send_kind(&scene, i, test->count, error);
	if (r < 0)
		return r;
	add_packets(test, &scene);
	return add_sums(test, &scene, error);
}

int filter_selftest(struct selftest *test, struct error *error)
{
	const uint32_t needed = 1U << CAPABILITY_BPF | 1U << CAPABILITY_NET_ADMIN |
				1U << CAPABILITY_PERFMON | 1U << CAPABILITY_SYS_ADMIN;
	char missing[CAPABILITIES_TEXT];

	if (*capabilities_missing(capabilities_held(), needed, missing))
		return error_set(error, -EPERM, "%s missing; be root", missing);
	return selftest_apart(test, test_filter, error);
}
