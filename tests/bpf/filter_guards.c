/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits of guards: what they give back and when, whom they concern, and whom they never do. */
#include <stdlib.h>
#include <time.h>

#include <linux/bpf.h>

#include "base/timestamp.h"
#include "guarded.h"

/* ---- token buckets ----------------------------------------------------------------- */

/* P1: nobody but the clock refills a bucket; what is full stays full. */
static void p1_a_bucket_fills_by_itself_and_not_beyond(void **state)
{
	struct store *store = *state;

	apply(store, "[guard ssh]\nports = tcp/22\nper-source = 20/h\nburst = 5\n", NULL);
	assert_int_equal(knock(store, "10.0.0.1", 22, 9), 5);
	travel(store, MINUTES(3) - SECONDS(1));
	assert_int_equal(knock(store, "10.0.0.1", 22, 1), 0);
	travel(store, SECONDS(1));
	assert_int_equal(knock(store, "10.0.0.1", 22, 3), 1);
	travel(store, MINUTES(9));
	assert_int_equal(knock(store, "10.0.0.1", 22, 9), 3);
	travel(store, HOURS(24) * 365);
	assert_int_equal(knock(store, "10.0.0.1", 22, 9), 5);
	assert_int_equal(sum_guard(store, "ssh").connections, 31);
	assert_int_equal(sum_guard(store, "ssh").limited, 17);
	assert_not_banned(store, "10.0.0.1");
}

/* P2: in any window of time no more than burst + rate * window, wherever it begins. */
static void p2_no_window_lets_twice_the_burst_in(void **state)
{
	struct store *store = *state;
	uint64_t random = 2;

	apply(store, "[guard web]\nports = tcp/80\nper-source = 60/h\nburst = 10\n", NULL);
	for (int round = 0; round < 20; round++) {
		uint64_t minutes = 0, passed;

		passed = knock(store, "10.0.0.1", 80, 20);
		for (int i = 0; i < 30; i++) {
			uint64_t step = 1 + random_next(&random) % 3;

			travel(store, MINUTES(step));
			minutes += step;
			passed += knock(store, "10.0.0.1", 80, 5);
			assert_true(passed <= 10 + minutes);
			assert_true(passed + 10 >= minutes);
		}
		travel(store, HOURS(1));
	}
}

/* With the clock as it is: a window of a second that is reset would let 2000 in at its edge. */
static void p2_a_fast_limit_keeps_to_its_rate(void **state)
{
	struct store *store = *state;
	/* jiffies may come late where the machine is busy, and then several at once. */
	const uint64_t slack = SECONDS(1) / 5;
	uint64_t began, least, most = 0, passed = 0, some, longest = 0;

	apply(store, "[guard web]\nports = tcp/80\nper-source = 1000/s\n", NULL);
	began = timestamp_boottime();
	do {
		least = timestamp_boottime() - began;
		longest = least - most > longest ? least - most : longest;
		some = knock(store, "10.0.0.1", 80, 100);
		passed += some;
		most = timestamp_boottime() - began;
	} while (most < SECONDS(3) / 2 || some == 100);
	assert_true(passed <= 1000 + (most + slack) / 1000000);
	/* A bucket that nobody could take from was full in between. */
	if (longest < SECONDS(1) / 4)
		assert_true(passed >= 1000 + (least - slack) / 1000000);
}

static void what_is_limited_takes_nothing(void **state)
{
	struct store *store = *state;

	apply(store, "[guard web]\nports = tcp/80\nper-source = 60/h\nburst = 2\n", NULL);
	assert_int_equal(knock(store, "10.0.0.1", 80, 1000), 2);
	travel(store, MINUTES(1));
	assert_int_equal(knock(store, "10.0.0.1", 80, 1000), 1);
}

static void bytes_count_with_their_headers(void **state)
{
	const struct layer layers[] = { ETHERNET(), VLAN(),       IPV4(),
					TCP(),      PAYLOAD(942), { LAYER_END } };
	struct store *store = *state;

	apply(store, "[guard web]\nports = tcp/80\nbytes-per-source = 1M/d\nburst = 200k\n", NULL);
	/* 14 + 4 + 20 + 20 + 942 */
	assert_int_equal(send_layers(store, layers, 300), 200);
	travel(store, HOURS(24) / 1000 + SECONDS(1));
	assert_int_equal(send_layers(store, layers, 3), 1);
}

/* The same rate as in one policy, now tighter, now looser: what counts is what is in force. */
static void p20_a_looser_limit_holds_at_once(void **state)
{
	struct store *store = *state;

	apply(store, "[guard web]\nports = tcp/80\nper-source = 10/d\n", NULL);
	assert_int_equal(knock(store, "10.0.0.1", 80, 30), 10);
	apply(store, "[guard web]\nports = tcp/80\nper-source = 3600/h\nburst = 10\n", NULL);
	travel(store, SECONDS(11));
	assert_int_equal(knock(store, "10.0.0.1", 80, 30), 10);
}

static void p20_a_looser_total_holds_at_once(void **state)
{
	struct store *store = *state;

	/* As often as there are slots, so that each is used again. */
	for (int i = 0; i < 5; i++) {
		apply(store, "[guard web]\nports = tcp/80\ntotal = 10/d\n", NULL);
		knock(store, "10.0.0.1", 80, 30);
	}
	apply(store, "[guard web]\nports = tcp/80\ntotal = 3600/h\nburst = 10\n", NULL);
	travel(store, SECONDS(11));
	assert_int_equal(knock(store, "10.0.0.1", 80, 30), 10);
}

/* ---- whom they concern --------------------------------------------------------------- */

/* P19: of 2^64 addresses all are one source, and one /64 is not another. */
static void p19_an_ipv6_source_is_its_64(void **state)
{
	struct store *store = *state;

	apply(store, "[guard web]\nports = tcp/80\nper-source = 60/h\nburst = 4\nban = 10m\n",
	      NULL);
	assert_int_equal(knock(store, "2001:db8:0:1::1", 80, 2), 2);
	assert_int_equal(knock(store, "2001:db8:0:1:ffff:ffff:ffff:ffff", 80, 2), 2);
	assert_int_equal(knock(store, "2001:db8:0:2::1", 80, 1), 1);
	assert_int_equal(knock(store, "2001:db8:0:1:abcd::", 80, 2), 0);
	assert_lasts(store, "2001:db8:0:1::/64", MINUTES(1));
	expect_source(store, "2001:db8:0:1::77", REASON_BANNED);
	expect_source(store, "2001:db8:0:0:ffff:ffff:ffff:ffff", REASON_PASS);
	expect_source(store, "2001:db8:0:2::", REASON_PASS);
}

static void ipv4_sources_are_single_addresses(void **state)
{
	struct store *store = *state;

	apply(store, "[guard web]\nports = tcp/80, udp/80\nper-source = 60/h\nburst = 2\n", NULL);
	assert_int_equal(knock(store, "10.0.0.1", 80, 3), 2);
	assert_int_equal(send_datagrams(store, "10.0.0.1", 80, 3), 0);
	assert_int_equal(knock(store, "10.0.0.0", 80, 3), 2);
	assert_int_equal(send_datagrams(store, "10.0.0.2", 80, 3), 2);
	/* What is no new connection is none of its business. */
	assert_int_equal(send_segments(store, "10.0.0.1", 80, 50), 50);
	assert_int_equal(knock(store, "10.0.0.1", 81, 50), 50);
}

/* P3: when all together are too many, new connections are shed, and nobody is banned. */
static void p3_a_total_sheds_and_bans_nobody(void **state)
{
	struct filter_guard_counter counter;
	struct store *store = *state;
	char source[ADDRESS_TEXT];
	uint32_t passed = 0;

	apply(store,
	      "[guard web]\nports = tcp/80\nper-source = 10/h\ntotal = 60/h\nburst = 10\nban = "
	      "10m\n",
	      NULL);
	for (uint32_t i = 0; i < 200; i++) {
		snprintf(source, sizeof(source), "10.0.%u.%u", i / 100, i);
		passed += knock(store, source, 80, 1);
	}
	assert_int_equal(passed, 60);
	counter = sum_guard(store, "web");
	assert_int_equal(counter.shed, 140);
	assert_int_equal(counter.limited, 0);
	assert_int_equal(sum_tallies(store).bans, 0);
	assert_int_equal(ban_count(&store->tables, packet_tick(store)), 0);
	assert_int_equal(sum_reason(store, REASON_SHED).packets, 140);
	/* Those that stand go on. */
	assert_int_equal(send_segments(store, "10.0.1.199", 80, 20), 20);
	travel(store, MINUTES(5));
	assert_int_equal(knock(store, "10.9.9.9", 80, 9), 5);
}

static void p4_allowed_and_guarded_sources_have_no_limits(void **state)
{
	struct peers peers = guard_peer("10.0.0.53", PEER_RESOLVER, 53);
	struct store *store = *state;

	apply(store,
	      "[filter]\nallow = 10.0.1.0/24\n"
	      "[guard other]\nper-source = 2/h\npackets-per-source = 2/h\nban = 10m\n",
	      &peers);
	assert_int_equal(send_datagrams(store, "10.0.0.53", 5000, 100), 100);
	assert_int_equal(knock(store, "10.0.1.7", 80, 100), 100);
	assert_int_equal(sum_tallies(store).bans, 0);
	assert_int_equal(sum_guard(store, "other").connections, 0);
	assert_int_equal(knock(store, "10.0.2.7", 80, 100), 2);
	assert_int_equal(sum_tallies(store).bans, 1);
}

/* The guard without ports: all else, with ports or without. */
static void the_other_guard_takes_what_no_guard_has(void **state)
{
	static const struct layer icmp[] = { ETHERNET(), IPV4(), OTHER(1, 8), { LAYER_END } };
	static const struct layer fragment[] = {
		ETHERNET(), IPV4(.fragment = 9, .type = 6), PAYLOAD(40), { LAYER_END }
	};
	static const struct layer arp[] = { ETHERNET(), ARP(), { LAYER_END } };
	struct store *store = *state;

	apply(store,
	      "[guard web]\nports = tcp/80\npackets-per-source = 5/h\n"
	      "[guard other]\npackets-per-source = 10/h\n",
	      NULL);
	assert_int_equal(knock(store, "192.0.2.1", 81, 4), 4);
	assert_int_equal(send_layers(store, icmp, 3), 3);
	assert_int_equal(send_layers(store, fragment, 9), 3);
	assert_int_equal(send_datagrams(store, "192.0.2.1", 80, 1), 0);
	assert_int_equal(knock(store, "192.0.2.1", 80, 9), 5);
	assert_int_equal(send_layers(store, arp, 30), 30);
	assert_int_equal(sum_guard(store, "other").limited, 7);
	assert_int_equal(sum_guard(store, "web").limited, 4);
}

/* Without these a host loses its link: they are limited by nothing, and nobody's are not banned. */
static void p4_neighbour_discovery_falls_under_no_limit(void **state)
{
	struct store *store = *state;

	apply(store, "[guard other]\npackets-per-source = 3/h\nban = 10m\n", NULL);
	for (uint32_t type = 132; type <= 138; type++) {
		const struct layer layers[] = {
			ETHERNET(),
			IPV6(.source = "fe80::1"),
			{ .kind = LAYER_OTHER, .protocol = 58, .size = 24, .type = EXACTLY(type) },
			{ LAYER_END }
		};

		assert_int_equal(send_layers(store, layers, 5), type == 132   ? 3
								: type == 138 ? 0
									      : 5);
	}
	assert_int_equal(send_datagrams(store, "0.0.0.0", 67, 9), 3);
	assert_int_equal(sum_tallies(store).bans, 0);
	assert_int_equal(ban_count(&store->tables, packet_tick(store)), 0);
	travel(store, HOURS(1));
	assert_int_equal(send_datagrams(store, "0.0.0.0", 67, 9), 3);
}

/* ---- modes --------------------------------------------------------------------------- */

static void a_guard_that_observes_drops_nothing(void **state)
{
	struct store *store = *state;

	apply(store,
	      "[filter]\nblock-ports = tcp/22\n"
	      "[guard web]\nports = tcp/80\nper-source = 2/h\nban = 10m\nmode = observe\n",
	      NULL);
	assert_int_equal(knock(store, "10.0.0.1", 80, 10), 10);
	assert_int_equal(sum_guard(store, "web").limited, 8);
	assert_int_equal(sum_reason(store, REASON_LIMITED).packets, 8);
	assert_int_equal(sum_tallies(store).bans, 0);
	assert_int_equal(knock(store, "10.0.0.1", 22, 10), 0);
	apply(store,
	      "[filter]\nmode = observe\n"
	      "[guard web]\nports = tcp/80\nper-source = 2/h\nban = 10m\n",
	      NULL);
	assert_int_equal(knock(store, "10.0.0.2", 80, 10), 10);
	assert_int_equal(sum_guard(store, "web").limited, 16);
	assert_int_equal(sum_tallies(store).bans, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILTER_TEST(p1_a_bucket_fills_by_itself_and_not_beyond),
		FILTER_TEST(p2_no_window_lets_twice_the_burst_in),
		FILTER_TEST(p2_a_fast_limit_keeps_to_its_rate),
		FILTER_TEST(what_is_limited_takes_nothing),
		FILTER_TEST(bytes_count_with_their_headers),
		FILTER_TEST(p20_a_looser_limit_holds_at_once),
		FILTER_TEST(p20_a_looser_total_holds_at_once),
		FILTER_TEST(p19_an_ipv6_source_is_its_64),
		FILTER_TEST(ipv4_sources_are_single_addresses),
		FILTER_TEST(p3_a_total_sheds_and_bans_nobody),
		FILTER_TEST(p4_allowed_and_guarded_sources_have_no_limits),
		FILTER_TEST(the_other_guard_takes_what_no_guard_has),
		FILTER_TEST(p4_neighbour_discovery_falls_under_no_limit),
		FILTER_TEST(a_guard_that_observes_drops_nothing),
	};

	return RUN_FILTER_TESTS(tests);
}
