/* SPDX-License-Identifier: GPL-2.0-or-later */
/* P17, P18: who tried ports that nobody opened, and who did nothing of the kind. */
#include <stdlib.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "events.h"
#include "guarded.h"
#include "network.h"

#define DETECT "[scan]\ndetect = on\nports = 10\nwindow = 10m\nban = 10m\n"

/* So many different ports, one after the other. */
static void try_ports(const struct store *store, const char *source, uint16_t first, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		knock(store, source, (uint16_t)(first + i), 1);
}

static uint64_t scans(const struct store *store)
{
	return sum_tallies(store).scans;
}

/*
 * Pairs are told apart by hashes, so a scan may need a few more ports than it would, never
 * fewer.
 */
static void p18_many_closed_ports_are_a_scan(void **state)
{
	static const char *const sources[] = { "10.3.0.1", "2001:db8:0:7::1" };
	static const char *const banned[] = { "10.3.0.1", "2001:db8:0:7::/64" };
	struct store *store = *state;
	struct reader reader;

	apply(store, DETECT, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		try_ports(store, sources[i], 1000, 9);
		assert_int_equal(scans(store), i);
		try_ports(store, sources[i], 1009, 15);
		assert_int_equal(scans(store), i + 1);
		assert_lasts(store, banned[i], MINUTES(1));
		assert_int_equal(read_kind(store, FILTER_EVENT_SCAN, &reader), 1);
		assert_int_equal(reader.events[0].detail, SCAN_PORTS);
		assert_in_range(reader.events[0].count, 10, 10);
		assert_true(reader.events[0].dropped);
	}
	assert_int_equal(sum_tallies(store).bans, 2);
}

/* The same pair again and again is no scan. */
static void p18_each_pair_counts_once(void **state)
{
	struct store *store = *state;

	apply(store, DETECT, NULL);
	for (int i = 0; i < 50; i++)
		try_ports(store, "10.3.0.2", 2000, 9);
	assert_int_equal(scans(store), 0);
	assert_int_equal(knock(store, "10.3.0.2", 2000, 1), 1);
}

/* Many of our addresses, one port. */
static void p18_many_hosts_are_a_scan(void **state)
{
	struct store *store = *state;
	char destination[ADDRESS_TEXT];
	struct reader reader;

	apply(store, DETECT, NULL);
	for (int i = 0; i < 25; i++) {
		struct layer layers[] = { ETHERNET(),
					  IPV4(.source = "10.3.0.3", .destination = destination),
					  TCP(.to = 2323, .flags = TCP_SYN),
					  { LAYER_END } };

		snprintf(destination, sizeof(destination), "198.51.100.%d", i);
		send_layers(store, layers, 1);
		assert_true(i >= 9 || scans(store) == 0);
	}
	assert_int_equal(scans(store), 1);
	assert_int_equal(read_kind(store, FILTER_EVENT_SCAN, &reader), 1);
	assert_int_equal(reader.events[0].detail, SCAN_HOSTS);
}

/* One port a minute is forgiven as fast as it comes: ten in ten minutes are the limit. */
static void p18_slow_probes_are_forgiven(void **state)
{
	struct store *store = *state;

	apply(store, DETECT, NULL);
	for (uint16_t i = 0; i < 60; i++) {
		try_ports(store, "10.3.0.4", (uint16_t)(3000 + i), 1);
		travel(store, MINUTES(1) + SECONDS(5));
	}
	assert_int_equal(scans(store), 0);
	/* And what was forgiven long ago does not count with what comes now. */
	try_ports(store, "10.3.0.4", 4000, 8);
	assert_int_equal(scans(store), 0);
}

/* P17: what comes back to us, and what nobody would call a question. */
static void p17_answers_to_our_own_are_no_probes(void **state)
{
	static const uint8_t flags[] = { TCP_SYN | TCP_ACK, TCP_ACK, TCP_RST, TCP_RST | TCP_ACK,
					 0x11 };
	struct store *store = *state;

	apply(store, DETECT, NULL);
	for (uint16_t port = 0; port < 40; port++) {
		for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
			const struct layer layers[] = {
				ETHERNET(),
				IPV4(.source = "10.3.0.5"),
				TCP(.from = 443, .to = (uint16_t)(40000 + port), .flags = flags[i]),
				{ LAYER_END }
			};

			assert_int_equal(send_layers(store, layers, 1), 1);
		}
		/* A resolver's late answers, to ports that we asked from. */
		assert_int_equal(send_datagrams(store, "10.3.0.5", (uint16_t)(40000 + port), 1), 1);
	}
	assert_int_equal(scans(store), 0);
	assert_int_equal(sum_tallies(store).bans, 0);
}

/* TCP without any flag, FIN alone, FIN URG PSH: no connection has these. */
static void p17_flags_that_no_connection_has_are_probes(void **state)
{
	static const uint8_t flags[] = { 0x00, 0x01, 0x29 };
	struct store *store = *state;

	apply(store, DETECT, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		char source[ADDRESS_TEXT];

		snprintf(source, sizeof(source), "10.3.1.%zu", i);
		for (uint16_t port = 0; port < 25; port++) {
			const struct layer layers[] = { ETHERNET(),
							IPV4(.source = source),
							TCP(.to = (uint16_t)(5000 + port),
							    .flags = flags[i]),
							{ LAYER_END } };

			send_layers(store, layers, 1);
		}
		assert_int_equal(scans(store), i + 1);
	}
}

static void open_ports_are_no_probes_and_watched_ones_are(void **state)
{
	int sockets[30];
	struct store *store = *state;

	for (uint16_t i = 0; i < 30; i++)
		sockets[i] = i % 2 ? listen_at((uint16_t)(6000 + i), 8)
				   : listen_udp((uint16_t)(6000 + i));
	apply(store, DETECT, NULL);
	for (uint16_t i = 0; i < 30; i++)
		assert_int_equal(i % 2 ? knock(store, "10.3.0.6", (uint16_t)(6000 + i), 1)
				       : send_datagrams(store, "10.3.0.6", (uint16_t)(6000 + i), 1),
				 1);
	assert_int_equal(scans(store), 0);
	apply(store, "[filter]\nwatch-ports = tcp/6000-6029\n" DETECT, NULL);
	for (uint16_t i = 1; i < 30; i += 2)
		knock(store, "10.3.0.6", (uint16_t)(6000 + i), 1);
	for (uint16_t i = 0; i < 30; i += 2)
		knock(store, "10.3.0.6", (uint16_t)(6000 + i), 1);
	assert_int_equal(scans(store), 1);
	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++)
		close(sockets[i]);
}

static void guarded_and_allowed_sources_may_scan(void **state)
{
	struct peers peers = guard_peer("10.3.0.7", PEER_GATEWAY, 0);
	struct store *store = *state;

	apply(store, "[filter]\nallow = 10.3.9.0/24\nwatch-ports = tcp/1-1000\n" DETECT, &peers);
	try_ports(store, "10.3.0.7", 900, 200);
	try_ports(store, "10.3.9.9", 900, 200);
	assert_int_equal(scans(store), 0);
	assert_int_equal(sum_tallies(store).events_sent, 0);
}

/* A frame to a group is for many; a host that is asked nothing answers nothing. */
static void multicast_is_no_probe(void **state)
{
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));
	struct store *store = *state;

	assert_non_null(frame);
	apply(store, DETECT, NULL);
	for (uint16_t port = 1; port < 60; port++) {
		const struct layer layers[] = {
			ETHERNET(), IPV4(.source = "10.3.0.8"), UDP(.to = port), { LAYER_END }
		};

		frame_build(frame, layers);
		frame->bytes[0] = port % 2 ? 0x01 : 0xff;
		run_frame(store, frame);
	}
	assert_int_equal(scans(store), 0);
}

static void scans_are_told_of_but_nobody_is_banned(void **state)
{
	static const char *const texts[] = {
		"[filter]\nmode = observe\n" DETECT,
		DETECT "mode = observe\n",
		"[filter]\nunproven-ban = off\n" DETECT,
		"[scan]\ndetect = on\nports = 10\nwindow = 10m\nban = off\n",
	};
	struct store *store = *state;
	struct reader reader;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char source[ADDRESS_TEXT];

		snprintf(source, sizeof(source), "10.3.2.%zu", i);
		apply(store, texts[i], NULL);
		try_ports(store, source, 7000, 60);
		assert_int_equal(scans(store), i + 1);
		assert_int_equal(sum_tallies(store).bans, 0);
		assert_int_equal(read_kind(store, FILTER_EVENT_SCAN, &reader), 1);
		assert_false(reader.events[0].dropped);
	}
}

/* Watched ports: told of once, and nothing is dropped. */
static void watched_ports_are_told_of(void **state)
{
	struct store *store = *state;
	struct reader reader;

	apply(store, "[filter]\nwatch-ports = tcp/23, udp/23\n", NULL);
	assert_int_equal(knock(store, "10.3.0.9", 23, 10), 10);
	assert_int_equal(read_kind(store, FILTER_EVENT_PACKET, &reader), 1);
	assert_int_equal(reader.events[0].reason, SIGHT_WATCHED);
	assert_int_equal(reader.events[0].destination_port, 23);
	assert_int_equal(reader.events[0].dropped, 0);
	assert_int_equal(send_segments(store, "10.3.0.10", 23, 10), 10);
	assert_int_equal(read_kind(store, FILTER_EVENT_PACKET, &reader), 0);
	assert_int_equal(send_datagrams(store, "10.3.0.11", 23, 3), 3);
	assert_int_equal(read_kind(store, FILTER_EVENT_PACKET, &reader), 1);
	assert_int_equal(sum_reason(store, REASON_PASS).packets, 23);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILTER_TEST(p18_many_closed_ports_are_a_scan),
		FILTER_TEST(p18_each_pair_counts_once),
		FILTER_TEST(p18_many_hosts_are_a_scan),
		FILTER_TEST(p18_slow_probes_are_forgiven),
		FILTER_TEST(p17_answers_to_our_own_are_no_probes),
		FILTER_TEST(p17_flags_that_no_connection_has_are_probes),
		FILTER_TEST(open_ports_are_no_probes_and_watched_ones_are),
		FILTER_TEST(guarded_and_allowed_sources_may_scan),
		FILTER_TEST(multicast_is_no_probe),
		FILTER_TEST(scans_are_told_of_but_nobody_is_banned),
		FILTER_TEST(watched_ports_are_told_of),
	};

	return RUN_NETWORK_TESTS(tests);
}
