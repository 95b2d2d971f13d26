/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters to the byte, and one event a source. */
#include <netinet/in.h>
#include <stdlib.h>
#include <pthread.h>
#include <time.h>

#include <linux/bpf.h>

#include "base/timestamp.h"
#include "events.h"
#include "harness.h"

/* ---- counters ---------------------------------------------------------------- */

struct burst {
	const struct store *store;
	struct frame frame;
	int cpu;
	int times;
};

static void *run_burst(void *context)
{
	struct burst *burst = context;

	pin_to_cpu(burst->cpu);
	run_repeatedly(burst->store, &burst->frame, burst->times);
	return NULL;
}

/* Two CPUs at once, and on each two threads that take turns. */
static void p15_no_packet_is_lost_between_cpus(void **state)
{
	enum { THREADS = 4, TIMES = 300000 };
	CLEANUP_FREE struct burst *bursts = calloc(THREADS, sizeof(*bursts));
	struct store *store = *state;
	struct filter_counter sum;
	pthread_t threads[THREADS];
	uint64_t bytes = 0;

	assert_non_null(bursts);
	for (int i = 0; i < THREADS; i++) {
		bursts[i] = (struct burst){ .store = store, .cpu = i % 2, .times = TIMES + i };
		build_syn(&bursts[i].frame, i < 2 ? "10.0.0.1" : "2001:db8::1", 80);
		bytes += bursts[i].frame.size * (uint64_t)bursts[i].times;
	}
	for (int i = 0; i < THREADS; i++)
		assert_ok(pthread_create(&threads[i], NULL, run_burst, &bursts[i]));
	for (int i = 0; i < THREADS; i++)
		assert_ok(pthread_join(threads[i], NULL));
	sum = sum_counters(store);
	assert_int_equal(sum.packets, THREADS * TIMES + 6);
	assert_int_equal(sum.bytes, bytes);
	assert_int_equal(sum_attempts(store, FILTER_TCP, 80), THREADS * TIMES + 6);
	for (uint32_t cpu = 0; cpu < 2; cpu++)
		assert_int_equal(
			store->counters[filter_counter_index(cpu, REASON_PASS, 0, IPPROTO_TCP)]
				.packets,
			2 * TIMES + (cpu ? 4 : 2));
}

/* Larger than a page: the rest of the frame lies in fragments that the program does not see. */
static void p24_frames_of_many_buffers_are_counted_whole(void **state)
{
	static const uint32_t sizes[] = { 4000, 4096, 8946, 16000, 60000 };
	struct store *store = *state;

	must_ban(store, "10.0.0.1", BAN_FOREVER, false);
	block_port(store, FILTER_TCP, 22);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		const struct row rows[] = {
			{ "passed",
			  { ETHERNET(), IPV4(), TCP(), PAYLOAD(sizes[i]) },
			  REASON_PASS,
			  6 },
			{ "passed6",
			  { ETHERNET(), IPV6(), UDP(), PAYLOAD(sizes[i]) },
			  REASON_PASS,
			  17 },
			{ "blocked",
			  { ETHERNET(), VLAN(), IPV6(), TCP(.to = 22), PAYLOAD(sizes[i]) },
			  REASON_BLOCKED_PORT,
			  6 },
			{ "banned",
			  { ETHERNET(), IPV4(.source = "10.0.0.1"), UDP(), PAYLOAD(sizes[i]) },
			  REASON_BANNED,
			  17 },
			{ "cut",
			  { ETHERNET(), IPV4(), UDP(), PAYLOAD(sizes[i]), CUT(1) },
			  REASON_MALFORMED,
			  17 },
			{ "cut6",
			  { ETHERNET(), IPV6(), UDP(), PAYLOAD(sizes[i]), CUT(1) },
			  REASON_MALFORMED,
			  17 },
			{ "non-ip",
			  { ETHERNET(), PAYLOAD(sizes[i]) },
			  REASON_NON_IP,
			  PROTOCOL_NON_IP },
		};

		for (size_t j = 0; j < ARRAY_SIZE(rows); j++)
			expect(store, rows[j].name, rows[j].layers, rows[j].reason,
			       rows[j].protocol);
	}
}

/* A driver may put only some of the headers into the first buffer. */
static void p24_headers_beyond_the_first_buffer_are_too_deep(void **state)
{
	static const struct {
		struct row row;
		uint32_t linear;
	} rows[] = {
		{ { "all there", { ETHERNET(), IPV4(), TCP(), PAYLOAD(4000) }, REASON_PASS, 6 },
		  54 },
		{ { "tcp beyond",
		    { ETHERNET(), IPV4(), TCP(), PAYLOAD(4000) },
		    REASON_TOO_DEEP,
		    6 },
		  53 },
		{ { "udp beyond",
		    { ETHERNET(), IPV4(), UDP(), PAYLOAD(4000) },
		    REASON_TOO_DEEP,
		    17 },
		  41 },
		{ { "ip beyond",
		    { ETHERNET(), IPV4(), UDP(), PAYLOAD(4000) },
		    REASON_MALFORMED,
		    PROTOCOL_UNKNOWN },
		  33 },
		{ { "extension beyond",
		    { ETHERNET(), IPV6(), EXTENSION(60), TCP(), PAYLOAD(4000) },
		    REASON_TOO_DEEP,
		    60 },
		  61 },
		{ { "banned",
		    { ETHERNET(), IPV4(.source = "10.0.0.1"), TCP(), PAYLOAD(4000) },
		    REASON_BANNED,
		    6 },
		  34 },
	};
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));
	struct store *store = *state;

	assert_non_null(frame);
	must_ban(store, "10.0.0.1", BAN_FOREVER, false);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i].row;
		bool drop = row->reason >= REASON_FIRST_DROP;
		uint64_t before = sum_reason(store, row->reason).packets;
		uint64_t bytes = sum_reason(store, row->reason).bytes;
		int verdict;

		frame_build(frame, row->layers);
		verdict = run_frame_split(store, frame, rows[i].linear);
		if (verdict < 0) {
			print_message("# this kernel does not run frames that are split at will\n");
			skip();
		}
		assert_row(verdict == (drop ? XDP_DROP : XDP_PASS), row->name);
		assert_row(sum_reason(store, row->reason).packets == before + 1, row->name);
		assert_row(sum_reason(store, row->reason).bytes == bytes + frame->size, row->name);
	}
}

/* ---- events --------------------------------------------------------------------- */

static const struct filter_sighting *find_sighting(const struct store *store, struct filter_key key,
						   enum filter_reason reason)
{
	for (size_t i = 0; i < store->tables.state->cpus * SIGHTINGS_PER_CPU; i++)
		if (store->sightings[i].source.high == key.high &&
		    store->sightings[i].source.low == key.low &&
		    store->sightings[i].reason == reason && store->sightings[i].episode)
			return &store->sightings[i];
	fail_msg("not sighted: %s", reason_name(reason));
	return NULL;
}

static const struct filter_sighting *find_v4(const struct store *store, uint32_t source,
					     enum filter_reason reason)
{
	return find_sighting(store, (struct filter_key){ 0, KEY_V4_LOW | source }, reason);
}

/* Every slot is free again, also for a source whose hash is that of another. */
static void let_time_pass(struct store *store)
{
	store->tables.state->tick_offset += (SIGHTING_IDLE + 1ULL)
					    << store->tables.state->tick_shift;
}

static void expect_event(struct store *store, const struct row *row,
			 const struct filter_event *like)
{
	uint64_t before = timestamp_boottime();
	struct filter_event event;
	struct reader reader;

	expect(store, row->name, row->layers, row->reason, row->protocol);
	assert_row(read_events(store, &reader) == 1, row->name);
	event = reader.events[0];
	assert_in_range(event.header.time, before, timestamp_boottime());
	assert_int_equal(event.header.module, EVENT_FILTER);
	assert_int_equal(event.header.kind, FILTER_EVENT_PACKET);
	assert_int_equal(event.header.size, sizeof(event));
	assert_row(event.source.high == like->source.high, row->name);
	assert_row(event.source.low == like->source.low, row->name);
	assert_row(event.destination.high == like->destination.high, row->name);
	assert_row(event.destination.low == like->destination.low, row->name);
	assert_row(event.source_port == like->source_port, row->name);
	assert_row(event.destination_port == like->destination_port, row->name);
	assert_int_equal(event.protocol, row->protocol);
	assert_int_equal(event.reason, row->reason);
	assert_int_equal(event.dropped, store_policy(store)->mode == MODE_ENFORCE);
	assert_int_equal(event.ifindex, 1); /* the loopback device of BPF_PROG_TEST_RUN */
	assert_row(event.bytes == like->bytes, row->name);
	assert_row(event.episode == find_sighting(store, like->source, row->reason)->episode,
		   row->name);
	assert_int_equal(event.reserved, 0);
}

#define V4_KEY(address)                   \
	{                                 \
		0, KEY_V4_LOW | (address) \
	}
#define V6_KEY(low)                       \
	{                                 \
		0x20010db800000000, (low) \
	}

static void an_event_says_what_was_dropped(void **state)
{
	static const struct {
		struct row row;
		struct filter_event like;
		enum filter_mode mode;
	} rows[] = {
		{ { "blocked",
		    { ETHERNET(), IPV4(), TCP(.from = 1025, .to = 22) },
		    REASON_BLOCKED_PORT,
		    6 },
		  { .source = V4_KEY(0xc0000201),
		    .destination = V4_KEY(0xc0000202),
		    .source_port = 1025,
		    .destination_port = 22,
		    .bytes = 54 },
		  MODE_ENFORCE },
		{ { "blocked6",
		    { ETHERNET(), VLAN(), IPV6(), TCP(.from = 65535, .to = 22), PAYLOAD(5000) },
		    REASON_BLOCKED_PORT,
		    6 },
		  { .source = V6_KEY(1),
		    .destination = V6_KEY(2),
		    .source_port = 65535,
		    .destination_port = 22,
		    .bytes = 5078 },
		  MODE_OBSERVE },
		{ { "banned",
		    { ETHERNET(), IPV4(.source = "10.0.0.1"), TCP(.to = 80) },
		    REASON_BANNED,
		    6 },
		  { .source = V4_KEY(0x0a000001), .destination = V4_KEY(0xc0000202), .bytes = 54 },
		  MODE_ENFORCE },
		{ { "malformed", { ETHERNET(), IPV6(), OTHER(58, 4) }, REASON_MALFORMED, 58 },
		  { .source = V6_KEY(1), .destination = V6_KEY(2), .bytes = 58 },
		  MODE_OBSERVE },
		{ { "too deep",
		    { ETHERNET(), VLAN(), VLAN(), VLAN(), IPV4() },
		    REASON_TOO_DEEP,
		    PROTOCOL_UNKNOWN },
		  { .bytes = 46 },
		  MODE_ENFORCE },
	};
	struct store *store = *state;

	pin_to_cpu(0);
	block_port(store, FILTER_TCP, 22);
	must_ban(store, "10.0.0.1", BAN_FOREVER, false);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		set_mode(store, rows[i].mode);
		let_time_pass(store);
		expect_event(store, &rows[i].row, &rows[i].like);
	}
}

static void what_is_not_dropped_sends_no_event(void **state)
{
	struct store *store = *state;
	struct reader reader;

	must_add_role(store, "10.0.0.1", ROLE_GUARDED);
	expect_source(store, "10.0.0.1", REASON_ALLOWED);
	expect_source(store, "10.0.0.2", REASON_PASS);
	assert_int_equal(read_events(store, &reader), 0);
	assert_int_equal(sum_tallies(store).events_sent, 0);
}

static void p16_one_event_for_a_source_and_reason(void **state)
{
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));
	const struct filter_sighting *seen;
	struct store *store = *state;
	struct reader reader;

	assert_non_null(frame);
	pin_to_cpu(0);
	block_port(store, FILTER_TCP, 22);
	must_ban(store, "10.0.0.1", BAN_FOREVER, false);
	build_syn(frame, "10.0.0.1", 22);
	run_repeatedly(store, frame, 10000);
	assert_int_equal(read_events(store, &reader), 1);
	seen = find_v4(store, 0x0a000001, REASON_BANNED);
	assert_int_equal(seen->packets, 10000);
	assert_int_equal(seen->bytes, 10000 * frame->size);
	assert_int_equal(seen->episode, 1);
	assert_in_range(seen->last, store_now(store) - 1, store_now(store));

	/* Another reason and another source are news. */
	let_time_pass(store);
	build_syn(frame, "10.0.0.2", 22);
	run_repeatedly(store, frame, 100);
	assert_int_equal(read_events(store, &reader), 1);
	assert_int_equal(reader.events[0].reason, REASON_BLOCKED_PORT);
	assert_int_equal(find_v4(store, 0x0a000002, REASON_BLOCKED_PORT)->packets, 100);
	assert_int_equal(sum_tallies(store).events_sent, 2);
	assert_int_equal(sum_tallies(store).events_lost[0], 0);
}

/* Silence is not waited for: time goes on by the offset that suspend adds to. */
static void p16_a_source_that_returns_is_news_again(void **state)
{
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));
	const struct filter_sighting *seen;
	struct store *store = *state;
	uint64_t tick = 1ULL << store->tables.state->tick_shift;
	struct reader reader;

	assert_non_null(frame);
	pin_to_cpu(0);
	must_ban(store, "10.0.0.1", BAN_FOREVER, false);
	build_syn(frame, "10.0.0.1", 80);
	run_repeatedly(store, frame, 10);
	store->tables.state->tick_offset += (SIGHTING_IDLE - 2) * tick;
	run_repeatedly(store, frame, 10);
	assert_int_equal(read_events(store, &reader), 1);
	seen = find_v4(store, 0x0a000001, REASON_BANNED);
	assert_int_equal(seen->packets, 20);
	store->tables.state->tick_offset += SIGHTING_IDLE * tick;
	run_repeatedly(store, frame, 10);
	assert_int_equal(read_events(store, &reader), 1);
	assert_int_equal(reader.events[0].episode, 2);
	assert_int_equal(seen->packets, 10);
	assert_int_equal(seen->episode, 2);
}

/* No more events than there are slots, whatever the number of sources; none overwrites a known one.
 */
static void p16_a_flood_of_sources_sends_no_flood_of_events(void **state)
{
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));
	struct store *store = *state;
	struct reader reader;
	uint64_t sent;

	assert_non_null(frame);
	pin_to_cpu(0);
	must_ban(store, "10.0.0.0/8", BAN_FOREVER, false);
	build_syn(frame, "10.255.255.255", 80);
	run_frame(store, frame);
	for (uint32_t i = 0; i < 10000; i++) {
		memcpy(frame->bytes + 14 + 13, &i, 3);
		run_frame(store, frame);
	}
	build_syn(frame, "10.255.255.255", 80);
	run_frame(store, frame);
	assert_int_equal(find_v4(store, 0x0affffff, REASON_BANNED)->packets, 2);
	sent = sum_tallies(store).events_sent;
	assert_in_range(sent, SIGHTINGS_PER_CPU - 10, SIGHTINGS_PER_CPU);
	assert_int_equal(read_events(store, &reader), sent);
	assert_int_equal(sum_reason(store, REASON_BANNED).packets, 10002);
}

static void p16_events_that_find_no_room_are_counted(void **state)
{
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));
	struct store *store = *state;
	struct filter_tally losses;
	struct reader reader;
	uint32_t packets = 0;

	assert_non_null(frame);
	pin_to_cpu(0);
	must_ban(store, "10.0.0.0/8", BAN_FOREVER, false);
	build_syn(frame, "10.0.0.0", 80);
	do {
		if (packets % 1000 == 0)
			let_time_pass(store);
		memcpy(frame->bytes + 14 + 13, &packets, 3);
		assert_int_equal(run_frame(store, frame), XDP_DROP);
		packets++;
		losses = sum_tallies(store);
	} while (losses.events_lost[0] < 100 && packets < 50000);
	assert_int_equal(losses.events_lost[0], 100);
	losses.events_sent -= losses.events_lost[0];
	assert_in_range(losses.events_sent, EVENTS_SIZE / 2 / sizeof(struct filter_event),
			EVENTS_SIZE / sizeof(struct filter_event));
	for (size_t ring = 0; ring < EVENT_RINGS; ring++) {
		assert_int_equal(losses.events_lost[ring], 100);
		assert_int_equal(read_ring(store, ring, &reader), losses.events_sent);
	}
	assert_int_equal(sum_counters(store).packets, packets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILTER_TEST(p15_no_packet_is_lost_between_cpus),
		FILTER_TEST(p24_frames_of_many_buffers_are_counted_whole),
		FILTER_TEST(p24_headers_beyond_the_first_buffer_are_too_deep),
		FILTER_TEST(an_event_says_what_was_dropped),
		FILTER_TEST(what_is_not_dropped_sends_no_event),
		FILTER_TEST(p16_one_event_for_a_source_and_reason),
		FILTER_TEST(p16_a_source_that_returns_is_news_again),
		FILTER_TEST(p16_a_flood_of_sources_sends_no_flood_of_events),
		FILTER_TEST(p16_events_that_find_no_room_are_counted),
	};

	return RUN_FILTER_TESTS(tests);
}
