/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bans, allow entries, guarded peers: who is dropped, who never is, and until when. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <time.h>

#include <linux/bpf.h>

#include "harness.h"

static void a_banned_source_is_dropped_and_its_neighbours_are_not(void **state)
{
	struct store *store = *state;

	must_ban(store, "192.0.2.7", BAN_FOREVER, false);
	must_ban(store, "2001:db8::7", BAN_FOREVER, false);
	expect_source(store, "192.0.2.7", REASON_BANNED);
	expect_source(store, "192.0.2.6", REASON_PASS);
	expect_source(store, "192.0.2.8", REASON_PASS);
	expect_source(store, "192.0.3.7", REASON_PASS);
	expect_source(store, "7.2.0.192", REASON_PASS);
	expect_source(store, "2001:db8::7", REASON_BANNED);
	expect_source(store, "2001:db8::6", REASON_PASS);
	expect_source(store, "2001:db8:0:0:1::7", REASON_PASS);
	expect_source(store, "2001:db8:0:1::7", REASON_PASS);
	expect_source(store, "2001:db8:1::7", REASON_PASS);
}

/* First and last address inside, and the nearest outside. */
static void prefixes_hold_from_their_first_to_their_last_address(void **state)
{
	static const struct {
		const char *prefix, *before, *first, *last, *behind;
	} rows[] = {
		{ "10.0.0.0/8", "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0" },
		{ "172.16.0.0/12", "172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0" },
		{ "192.168.0.0/16", "192.167.255.255", "192.168.0.0", "192.168.255.255",
		  "192.169.0.0" },
		{ "198.51.100.0/23", "198.51.99.255", "198.51.100.0", "198.51.101.255",
		  "198.51.102.0" },
		{ "203.0.113.0/24", "203.0.112.255", "203.0.113.0", "203.0.113.255",
		  "203.0.114.0" },
		{ "100.64.0.128/25", "100.64.0.127", "100.64.0.128", "100.64.0.255", "100.64.1.0" },
		{ "100.65.0.2/31", "100.65.0.1", "100.65.0.2", "100.65.0.3", "100.65.0.4" },
		{ "2001:db8::/32", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
		  "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::" },
		{ "2001:dba:8000::/33",
		  "2001:dba:7fff:ffff::", "2001:dba:8000::", "2001:dba:ffff::1", "2001:dbb::" },
		{ "2001:dc0::/47", "2001:dbf:ffff::", "2001:dc0::", "2001:dc0:1:ffff::1",
		  "2001:dc0:2::" },
		{ "2001:dc1:1::/48",
		  "2001:dc1:0:ffff::", "2001:dc1:1::", "2001:dc1:1:ffff::", "2001:dc1:2::" },
		{ "2001:dc2:1:2::/64", "2001:dc2:1:1:ffff::", "2001:dc2:1:2::",
		  "2001:dc2:1:2:ffff:ffff:ffff:ffff", "2001:dc2:1:3::" },
		{ "2001:dc3:1:2:8000::/65", "2001:dc3:1:2:7fff::", "2001:dc3:1:2:8000::",
		  "2001:dc3:1:2:ffff::", "2001:dc3:1:3::" },
		{ "2001:dc4::2/127", "2001:dc4::1", "2001:dc4::2", "2001:dc4::3", "2001:dc4::4" },
	};
	struct store *store = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		must_ban(store, rows[i].prefix, BAN_FOREVER, false);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		expect_source(store, rows[i].before, REASON_PASS);
		expect_source(store, rows[i].first, REASON_BANNED);
		expect_source(store, rows[i].last, REASON_BANNED);
		expect_source(store, rows[i].behind, REASON_PASS);
	}
}

/* As long as bans have one length only, packets take a shorter way. */
static void bans_of_one_length_alone_hold(void **state)
{
	static const char *const rows[][3] = {
		{ "2001:db8::1", "2001:db8::1", "2001:db8::2" },
		{ "2001:db8::2/127", "2001:db8::3", "2001:db8::4" },
		{ "2001:db8::/65", "2001:db8::7fff:0:0:1", "2001:db8::8000:0:0:1" },
		{ "2001:db8::/64", "2001:db8::7", "2001:db8:0:1::7" },
		{ "2001:db8::/48", "2001:db8:0:77::1", "2001:db8:1::1" },
		{ "10.1.2.3", "10.1.2.3", "10.1.2.4" },
		{ "10.1.2.2/31", "10.1.2.3", "10.1.2.4" },
		{ "10.1.0.0/16", "10.1.200.1", "10.2.0.1" },
	};
	struct store *store = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct prefix banned = prefix_from(rows[i][0]);

		must_ban(store, rows[i][0], BAN_FOREVER, false);
		expect_source(store, rows[i][1], REASON_BANNED);
		expect_source(store, rows[i][2], REASON_PASS);
		assert_ok(ban_remove(&store->tables, &banned, packet_tick(store)));
		expect_source(store, rows[i][1], REASON_PASS);
		/* As in a store that has not seen it. */
		memset(store->tables.state->ban_lengths, 0,
		       sizeof(store->tables.state->ban_lengths));
	}
}

static void a_removed_ban_is_over_and_others_hold(void **state)
{
	static const char *const prefixes[] = { "192.0.2.7", "192.0.2.0/29", "2001:db8::7",
						"2001:db8::/64" };
	struct store *store = *state;
	struct prefix prefix;

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		must_ban(store, prefixes[i], BAN_FOREVER, false);
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i += 2) {
		const char *source = i ? "2001:db8::7" : "192.0.2.7";

		prefix = prefix_from(prefixes[i]);
		assert_ok(ban_remove(&store->tables, &prefix, store_now(store)));
		expect_source(store, source, REASON_BANNED);
		prefix = prefix_from(prefixes[i + 1]);
		assert_ok(ban_remove(&store->tables, &prefix, store_now(store)));
		expect_source(store, source, REASON_PASS);
		assert_int_equal(ban_remove(&store->tables, &prefix, store_now(store)), -ENOENT);
		must_ban(store, prefixes[i], BAN_FOREVER, false);
		expect_source(store, source, REASON_BANNED);
	}
}

static void p7_a_ban_falls_before_anything_behind_the_address(void **state)
{
#define V4 IPV4(.source = "203.0.113.9")
#define V6 IPV6(.source = "2001:db8::9")
	static const struct row rows[] = {
		{ "icmp", { ETHERNET(), V4, OTHER(1, 8) }, REASON_BANNED, 1 },
		{ "short icmp", { ETHERNET(), V4, OTHER(1, 1) }, REASON_BANNED, 1 },
		{ "gre", { ETHERNET(), V4, OTHER(47, 4) }, REASON_BANNED, 47 },
		{ "esp", { ETHERNET(), V4, OTHER(50, 20) }, REASON_BANNED, 50 },
		{ "sctp", { ETHERNET(), V4, OTHER(132, 20) }, REASON_BANNED, 132 },
		{ "bad tcp", { ETHERNET(), V4, TCP(.header = 1) }, REASON_BANNED, 6 },
		{ "bad udp", { ETHERNET(), V4, UDP(.length = 2) }, REASON_BANNED, 17 },
		{ "tagged",
		  { ETHERNET(), VLAN(.tpid = 0x88a8), VLAN(), V4, TCP() },
		  REASON_BANNED,
		  6 },
		{ "options",
		  { ETHERNET(), IPV4(.source = "203.0.113.9", .options = 40), TCP() },
		  REASON_BANNED,
		  6 },
		{ "later fragment",
		  { ETHERNET(), IPV4(.source = "203.0.113.9", .fragment = 9, .type = 17),
		    PAYLOAD(8) },
		  REASON_BANNED,
		  17 },
		{ "first fragment",
		  { ETHERNET(), IPV4(.source = "203.0.113.9", .more = 1), TCP(), PAYLOAD(4) },
		  REASON_BANNED,
		  6 },
		{ "a broken header comes first",
		  { ETHERNET(), IPV4(.source = "203.0.113.9", .header = 4), TCP() },
		  REASON_MALFORMED,
		  6 },
		{ "icmp6", { ETHERNET(), V6, OTHER(58, 8) }, REASON_BANNED, 58 },
		{ "gre6", { ETHERNET(), V6, OTHER(47, 4) }, REASON_BANNED, 47 },
		{ "esp6", { ETHERNET(), V6, OTHER(50, 20) }, REASON_BANNED, 50 },
		{ "sctp6", { ETHERNET(), V6, OTHER(132, 20) }, REASON_BANNED, 132 },
		{ "no header", { ETHERNET(), V6 }, REASON_BANNED, 59 },
		{ "tagged6", { ETHERNET(), VLAN(), V6, UDP() }, REASON_BANNED, 17 },
		{ "extension",
		  { ETHERNET(), V6, EXTENSION(HOP_BY_HOP), OTHER(58, 8) },
		  REASON_BANNED,
		  58 },
		{ "later fragment6",
		  { ETHERNET(), V6, EXTENSION(FRAGMENT, .fragment = 9, .type = 6), PAYLOAD(8) },
		  REASON_BANNED,
		  6 },
		{ "too deep",
		  { ETHERNET(), V6, EXTENSION(60), EXTENSION(60), EXTENSION(60), EXTENSION(60),
		    EXTENSION(60), EXTENSION(60), EXTENSION(60), EXTENSION(60), EXTENSION(60),
		    TCP() },
		  REASON_BANNED,
		  60 },
		{ "too far",
		  { ETHERNET(), V6, EXTENSION(60, .size = 2048), TCP() },
		  REASON_BANNED,
		  6 },
		{ "a broken chain comes first",
		  { ETHERNET(), V6, EXTENSION(60, .header = 9), TCP() },
		  REASON_MALFORMED,
		  60 },
	};
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));
	struct store *store = *state;

	assert_non_null(frame);
	must_ban(store, "203.0.113.9", BAN_FOREVER, false);
	must_ban(store, "2001:db8::9", BAN_FOREVER, false);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		frame_build(frame, rows[i].layers);
		expect_frame(store, rows[i].name, frame, rows[i].reason, rows[i].protocol);
	}
}

static void who_wins(void **state)
{
	static const struct {
		const char *source;
		bool allow, guard, ban, force;
		enum filter_reason reason;
	} rows[] = {
		{ "10.0.0.1", false, false, false, false, REASON_PASS },
		{ "10.0.0.2", false, false, true, false, REASON_BANNED },
		{ "10.0.0.3", false, false, false, true, REASON_BANNED },
		{ "10.0.0.4", false, true, false, false, REASON_ALLOWED },
		{ "10.0.0.5", false, true, true, false, REASON_ALLOWED },
		{ "10.0.0.6", false, true, false, true, REASON_BANNED },
		{ "10.0.0.7", true, false, true, false, REASON_ALLOWED },
		{ "10.0.0.8", true, false, false, true, REASON_ALLOWED },
		{ "10.0.0.9", true, true, true, true, REASON_ALLOWED },
		{ "2001:db8::1", false, false, false, false, REASON_PASS },
		{ "2001:db8::2", false, false, true, false, REASON_BANNED },
		{ "2001:db8::3", false, true, true, false, REASON_ALLOWED },
		{ "2001:db8::4", false, true, false, true, REASON_BANNED },
		{ "2001:db8::5", true, false, false, true, REASON_ALLOWED },
	};
	struct store *store = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].allow)
			must_add_role(store, rows[i].source, ROLE_ALLOW);
		if (rows[i].guard)
			must_add_role(store, rows[i].source, ROLE_GUARDED);
		if (rows[i].ban || rows[i].force)
			must_ban(store, rows[i].source, BAN_FOREVER, rows[i].force);
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect_source(store, rows[i].source, rows[i].reason);
}

/* The ban on the address alone is not the one that counts for a guarded peer. */
static void a_forced_ban_on_a_wider_prefix_is_found_behind_another_ban(void **state)
{
	struct store *store = *state;

	must_add_role(store, "10.0.0.1", ROLE_GUARDED);
	must_add_role(store, "2001:db8::1", ROLE_GUARDED);
	must_ban(store, "10.0.0.1", BAN_FOREVER, false);
	must_ban(store, "2001:db8::1", BAN_FOREVER, false);
	must_ban(store, "10.0.0.0/24", BAN_FOREVER, true);
	must_ban(store, "2001:db8::/64", BAN_FOREVER, true);
	expect_source(store, "10.0.0.1", REASON_BANNED);
	expect_source(store, "2001:db8::1", REASON_BANNED);
}

static void allow_entries_cover_their_prefix_and_no_more(void **state)
{
	struct store *store = *state;

	must_ban(store, "10.0.0.0/8", BAN_FOREVER, false);
	must_ban(store, "2001:db8::/32", BAN_FOREVER, true);
	must_add_role(store, "10.1.2.0/23", ROLE_ALLOW);
	must_add_role(store, "2001:db8::/46", ROLE_ALLOW);
	expect_source(store, "10.1.1.255", REASON_BANNED);
	expect_source(store, "10.1.2.0", REASON_ALLOWED);
	expect_source(store, "10.1.3.255", REASON_ALLOWED);
	expect_source(store, "10.1.4.0", REASON_BANNED);
	expect_source(store, "2001:db8:3:ffff::1", REASON_ALLOWED);
	expect_source(store, "2001:db8:4::", REASON_BANNED);
	must_add_role(store, "0.0.0.0/0", ROLE_ALLOW);
	expect_source(store, "10.9.9.9", REASON_ALLOWED);
	expect_source(store, "198.51.100.1", REASON_ALLOWED);
	expect_source(store, "2001:db8:4::", REASON_BANNED);
	expect_source(store, "2001:db9::", REASON_PASS);
}

/*
 * ::ffff:a.b.c.d as the source in an IPv6 header is nobody on a wire, and not a.b.c.d either: what
 * was allowed or banned in IPv4 says nothing of it.
 */
static void a_v4_mapped_source_is_no_ipv4_source(void **state)
{
	static const struct layer layers[] = {
		ETHERNET(), IPV6(.source = "::ffff:10.0.0.1"), TCP(.flags = TCP_SYN), { LAYER_END }
	};
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));
	struct store *store = *state;

	assert_non_null(frame);
	frame_build(frame, layers);
	must_add_role(store, "10.0.0.1", ROLE_ALLOW);
	must_add_role(store, "::5", ROLE_ALLOW); /* so that near it somebody looks */
	run_frame(store, frame);
	assert_int_equal(sum_reason(store, REASON_ALLOWED).packets, 0);
}

/* ---- time ------------------------------------------------------------------- */

/* The program and store_now() may disagree for a moment at the edge of a tick. */
static void wait_until(const struct store *store, uint32_t tick)
{
	while (store_now(store) < tick)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	nanosleep(&(struct timespec){ .tv_nsec = 15000000 }, NULL);
}

/* Only the verdict, because a tick is soon over. `banned` has a B for each that is. */
static void expect_banned(const struct store *store, struct frame *frames, const char *banned)
{
	for (uint32_t i = 0; banned[i]; i++) {
		uint32_t verdict = run_frame(store, &frames[i]);

		if (verdict != (banned[i] == 'B' ? XDP_DROP : XDP_PASS))
			fail_msg("source %u, expected %s: verdict %u", i, banned, verdict);
	}
}

static void p5_a_ban_ends_at_its_tick_though_nobody_sweeps(void **state)
{
	static const struct {
		const char *source;
		uint32_t after; /* ticks */
	} rows[] = {
		{ "192.0.2.1", 0 },   { "192.0.2.2", 1 },
		{ "192.0.2.3", 2 },   { "192.0.2.4", BAN_FOREVER },
		{ "2001:db8::1", 0 }, { "2001:db8::2", 1 },
		{ "2001:db8::3", 2 }, { "2001:db8::4", BAN_FOREVER },
	};
	struct frame *frames = calloc(ARRAY_SIZE(rows), sizeof(*frames));
	struct store *store = *state;
	uint32_t tick;

	assert_non_null(frames);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		build_syn(&frames[i], rows[i].source, 80);
	wait_until(store, store_now(store) + 1); /* the beginning of a tick */
	tick = store_now(store);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t end = rows[i].after == BAN_FOREVER ? BAN_FOREVER : tick + rows[i].after;

		must_ban(store, rows[i].source, end, false);
	}
	expect_banned(store, frames, "-BBB-BBB");
	wait_until(store, tick + 1);
	expect_banned(store, frames, "--BB--BB");
	wait_until(store, tick + 2);
	expect_banned(store, frames, "---B---B");
	free(frames);
}

static void p6_time_in_suspend_counts(void **state)
{
	struct store *store = *state;
	struct filter_state *globals = store->tables.state;
	uint64_t offset = globals->tick_offset;
	uint64_t hour = (uint64_t)globals->jiffies_hz * 3600;
	uint32_t end = store_now(store) + (uint32_t)(hour >> globals->tick_shift);

	must_ban(store, "192.0.2.1", end, false);
	must_ban(store, "192.0.2.2", BAN_FOREVER, false);
	expect_source(store, "192.0.2.1", REASON_BANNED);
	globals->tick_offset = offset + hour / 2;
	expect_source(store, "192.0.2.1", REASON_BANNED);
	globals->tick_offset = offset + hour + (1ULL << globals->tick_shift);
	expect_source(store, "192.0.2.1", REASON_PASS);
	expect_source(store, "192.0.2.2", REASON_BANNED);
	/* Longer than any ban with an end. */
	globals->tick_offset = offset + ((uint64_t)BAN_FOREVER << globals->tick_shift);
	expect_source(store, "192.0.2.2", REASON_BANNED);
	globals->tick_offset = offset;
	expect_source(store, "192.0.2.1", REASON_BANNED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILTER_TEST(a_banned_source_is_dropped_and_its_neighbours_are_not),
		FILTER_TEST(prefixes_hold_from_their_first_to_their_last_address),
		FILTER_TEST(bans_of_one_length_alone_hold),
		FILTER_TEST(a_removed_ban_is_over_and_others_hold),
		FILTER_TEST(p7_a_ban_falls_before_anything_behind_the_address),
		FILTER_TEST(who_wins),
		FILTER_TEST(a_forced_ban_on_a_wider_prefix_is_found_behind_another_ban),
		FILTER_TEST(allow_entries_cover_their_prefix_and_no_more),
		FILTER_TEST(a_v4_mapped_source_is_no_ipv4_source),
		FILTER_TEST(p5_a_ban_ends_at_its_tick_though_nobody_sweeps),
		FILTER_TEST(p6_time_in_suspend_counts),
	};

	return RUN_FILTER_TESTS(tests);
}
