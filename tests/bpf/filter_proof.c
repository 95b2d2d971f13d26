/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * P4: who is banned for how long, on what evidence. The sockets are real ones; what a
 * forger could write is never taken for proof.
 */
#include <stdlib.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "events.h"
#include "guarded.h"
#include "network.h"

#define SSH "[guard ssh]\nports = tcp/22\nper-source = 20/h\nburst = 4\nban = 10m\nban-max = 30m\n"

static int listener;

static int up(void **state)
{
	listener = listen_at(22, 256);
	return filter_up(state);
}

static int down(void **state)
{
	close(listener);
	return filter_down(state);
}

#define PROOF_TEST(function) cmocka_unit_test_setup_teardown(function, up, down)

/* A whole handshake, at the host and before the filter. */
static void connect_truly(const struct store *store, const char *client, uint16_t from)
{
	struct talk talk = { .client = client, .from = from, .to = 22 };

	ask(&talk);
	talk.sequence--;
	assert_true(judge(store, &talk, TCP_SYN));
	talk.sequence++;
	assert_true(judge(store, &talk, TCP_ACK)); /* as on the wire: before the host has it */
	finish(&talk);
}

/* What the filter said of the ban that it made last. */
static struct filter_event last_ban(struct store *store)
{
	struct reader reader;

	assert_true(read_kind(store, FILTER_EVENT_BAN, &reader) > 0);
	return reader.events[reader.count - 1];
}

static void p4_syns_alone_ban_for_unproven_ban_at_most(void **state)
{
	struct store *store = *state;
	struct filter_event event;

	apply(store, "[guard ssh]\nports = tcp/22\nper-source = 4/h\nban = 10m\nban-max = 30m\n",
	      NULL);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(knock(store, "10.1.1.1", 22, 50), i == 0 ? 4 : 0);
		assert_lasts(store, "10.1.1.1", MINUTES(1));
		event = last_ban(store);
		assert_false(event.proven);
		assert_int_equal(event.count, 0);
		assert_string_equal(event.name, "ssh");
		travel(store, MINUTES(1) + SECONDS(2));
		assert_not_banned(store, "10.1.1.1");
	}
	assert_int_equal(sum_tallies(store).bans, 5);
	assert_int_equal(sum_guard(store, "ssh").bans, 5);
}

static void p4_unproven_ban_off_bans_no_forged_source(void **state)
{
	struct store *store = *state;

	apply(store, "[filter]\nunproven-ban = off\n" SSH, NULL);
	assert_int_equal(knock(store, "10.1.1.1", 22, 50), 4);
	assert_int_equal(knock(store, "2001:db8::1", 22, 50), 4);
	assert_int_equal(sum_tallies(store).bans, 0);
	assert_int_equal(sum_reason(store, REASON_LIMITED).packets, 92);
}

static void p4_completed_handshakes_are_proof_and_bans_double(void **state)
{
	static const struct {
		const char *client, *banned;
	} rows[] = { { "10.1.1.2", "10.1.1.2" }, { "fd99:1::2", "fd99:1::/64" } };
	struct store *store = *state;
	struct filter_event event;

	apply(store, SSH, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		static const uint64_t lengths[] = { MINUTES(10), MINUTES(20), MINUTES(30),
						    MINUTES(30) };

		for (size_t k = 0; k < ARRAY_SIZE(lengths); k++) {
			for (uint16_t n = 0; n < 4; n++)
				connect_truly(store, rows[i].client,
					      (uint16_t)(30000 + k * 10 + n));
			assert_int_equal(knock(store, rows[i].client, 22, 3), 0);
			assert_lasts(store, rows[i].banned, lengths[k]);
			event = last_ban(store);
			assert_true(event.proven);
			assert_int_equal(event.count, k + 1);
			travel(store, HOURS(1));
			assert_not_banned(store, rows[i].banned);
		}
	}
}

/* All but one, and one in sixteen, and more than three: a few forged SYNs must not end in a long
 * ban. */
static void p4_some_handshakes_are_not_enough(void **state)
{
	static const struct {
		const char *client, *rate;
		uint32_t connections, completed;
		bool proven;
	} rows[] = {
		{ "10.1.2.1", "burst = 1", 1, 1, false },
		{ "10.1.2.2", "burst = 3", 3, 3, false },
		{ "10.1.2.3", "burst = 4", 4, 3, false },
		{ "10.1.2.4", "burst = 4", 4, 4, true },
		{ "10.1.2.5", "burst = 16", 16, 14, false },
		{ "10.1.2.6", "burst = 16", 16, 15, true },
		{ "10.1.2.7", "burst = 20", 20, 17, false },
		{ "10.1.2.8", "burst = 20", 20, 18, true },
	};
	struct store *store = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t alone = rows[i].connections - rows[i].completed;
		char text[256];

		snprintf(text, sizeof(text),
			 "[guard n%zu]\nports = tcp/22\nper-source = 20/h\n%s\nban = 10m\n", i,
			 rows[i].rate);
		apply(store, text, NULL);
		for (uint32_t n = 0; n < rows[i].completed; n++)
			connect_truly(store, rows[i].client, (uint16_t)(30000 + n));
		assert_int_equal(knock(store, rows[i].client, 22, alone + 3), alone);
		assert_lasts(store, rows[i].client, rows[i].proven ? MINUTES(10) : MINUTES(1));
	}
}

/* SYN and ACK are easily written; the number in the ACK is what only the receiver knows. */
static void p4_an_ack_with_a_wrong_number_proves_nothing(void **state)
{
	struct store *store = *state;

	apply(store, SSH, NULL);
	for (uint16_t i = 0; i < 4; i++) {
		struct talk talk = { .client = "10.1.1.5",
				     .from = (uint16_t)(31000 + i),
				     .to = 22 };

		ask(&talk); /* the host waits for the ACK now */
		talk.acknowledge += 1;
		assert_true(judge(store, &talk, TCP_SYN));
		assert_true(judge(store, &talk, TCP_ACK));
	}
	assert_int_equal(knock(store, "10.1.1.5", 22, 3), 0);
	assert_lasts(store, "10.1.1.5", MINUTES(1));
}

static void p4_an_ack_with_the_right_number_proves(void **state)
{
	struct store *store = *state;

	apply(store, SSH, NULL);
	for (uint16_t i = 0; i < 4; i++) {
		struct talk talk = { .client = "10.1.1.6",
				     .from = (uint16_t)(31000 + i),
				     .to = 22 };

		ask(&talk);
		assert_true(judge(store, &talk, TCP_SYN));
		assert_true(judge(store, &talk, TCP_ACK));
	}
	assert_int_equal(knock(store, "10.1.1.6", 22, 3), 0);
	assert_lasts(store, "10.1.1.6", MINUTES(10));
}

/* One handshake, and its ACK said a hundred times. */
static void p4_one_handshake_counts_once(void **state)
{
	struct talk talk = { .client = "10.1.1.7", .from = 32000, .to = 22 };
	struct store *store = *state;

	apply(store, SSH, NULL);
	ask(&talk);
	assert_true(judge(store, &talk, TCP_SYN));
	finish(&talk);
	for (int i = 0; i < 100; i++)
		assert_true(judge(store, &talk, TCP_ACK));
	assert_int_equal(knock(store, "10.1.1.7", 22, 9), 3);
	assert_lasts(store, "10.1.1.7", MINUTES(1));
}

/* ACKs of a source that never asked for a connection. */
static void p4_acks_without_a_connection_prove_nothing(void **state)
{
	struct store *store = *state;

	apply(store, "[guard ssh]\nports = tcp/22\npackets-per-source = 10/h\nban = 10m\n", NULL);
	assert_int_equal(send_segments(store, "10.1.1.8", 22, 50), 10);
	assert_lasts(store, "10.1.1.8", MINUTES(1));
}

/*
 * Not even right ones: who knows, or guesses, the port of somebody's connection can write
 * such segments, and a limit of packets is over before anybody could tell.
 */
static void p4_packets_inside_a_connection_prove_nothing(void **state)
{
	struct talk talk = { .client = "10.1.1.9", .from = 33000, .to = 22 };
	struct store *store = *state;
	uint32_t passed = 0;

	apply(store, "[guard ssh]\nports = tcp/22\npackets-per-source = 10/h\nban = 10m\n", NULL);
	ask(&talk);
	finish(&talk);
	for (int i = 0; i < 50; i++)
		passed += judge(store, &talk, TCP_ACK);
	assert_int_equal(passed, 10);
	assert_lasts(store, "10.1.1.9", MINUTES(1));
}

/*
 * SYN and ACK as if of connections of the victim's that stand, by somebody who knows, or
 * guesses, their ports, but sees nothing of them: his numbers are far off.
 */
static void p4_a_forged_handshake_of_a_connection_is_no_proof(void **state)
{
	struct store *store = *state;

	apply(store, SSH, NULL);
	for (uint16_t i = 0; i < 4; i++) {
		struct talk talk = { .client = "10.1.1.11",
				     .from = (uint16_t)(34000 + i),
				     .to = 22 };

		ask(&talk);
		finish(&talk);
		talk.sequence += 0x40000000;
		talk.acknowledge -= 0x40000000;
		judge(store, &talk, TCP_SYN);
		judge(store, &talk, TCP_ACK);
	}
	assert_int_equal(knock(store, "10.1.1.11", 22, 3), 0);
	assert_lasts(store, "10.1.1.11", MINUTES(1));
}

static void p4_udp_proves_nothing(void **state)
{
	struct store *store = *state;

	apply(store, "[guard dns]\nports = udp/53\nper-source = 10/h\nban = 1d\n", NULL);
	assert_int_equal(send_datagrams(store, "10.1.1.12", 53, 100), 10);
	assert_lasts(store, "10.1.1.12", MINUTES(1));
}

/* The host answers with SYN cookies of its own: it remembers nothing, and knows all the same. */
static void p4_an_answer_to_the_hosts_own_cookie_proves(void **state)
{
	struct store *store = *state;

	set_sysctl("tcp_syncookies", "2");
	apply(store, SSH, NULL);
	for (uint16_t i = 0; i < 8; i++) {
		struct talk talk = { .client = i < 4 ? "10.1.1.13" : "10.1.1.14",
				     .from = (uint16_t)(35000 + i),
				     .to = 22 };

		ask(&talk);
		talk.acknowledge += i < 4 ? 0 : 12345;
		talk.sequence--;
		assert_true(judge(store, &talk, TCP_SYN));
		talk.sequence++;
		assert_true(judge(store, &talk, TCP_ACK));
	}
	set_sysctl("tcp_syncookies", "1");
	knock(store, "10.1.1.13", 22, 3);
	knock(store, "10.1.1.14", 22, 3);
	assert_lasts(store, "10.1.1.13", MINUTES(10));
	assert_lasts(store, "10.1.1.14", MINUTES(1));
}

/* ---- neighbours --------------------------------------------------------------------- */

static void offend_truly(const struct store *store, const char *client)
{
	static uint16_t port = 36000;

	for (int i = 0; i < 4; i++)
		connect_truly(store, client, port++);
	assert_int_equal(knock(store, client, 22, 1), 0);
}

static void proven_neighbours_ban_their_network(void **state)
{
	struct store *store = *state;

	apply(store, "[filter]\naggregate-ipv4 = 3\naggregate-ipv6 = 2\n" SSH, NULL);
	offend_truly(store, "10.6.7.1");
	offend_truly(store, "10.6.8.1");
	offend_truly(store, "10.6.7.2");
	expect_source(store, "10.6.7.99", REASON_PASS);
	offend_truly(store, "10.6.7.255");
	expect_source(store, "10.6.7.99", REASON_BANNED);
	expect_source(store, "10.6.7.0", REASON_BANNED);
	expect_source(store, "10.6.6.255", REASON_PASS);
	expect_source(store, "10.6.8.0", REASON_PASS);
	assert_lasts(store, "10.6.7.0/24", MINUTES(10));

	offend_truly(store, "fd99:3:0:100::1");
	expect_source(store, "fd99:3:0:1ff::1", REASON_PASS);
	offend_truly(store, "fd99:3:0:101::1");
	expect_source(store, "fd99:3:0:1ff::1", REASON_BANNED);
	expect_source(store, "fd99:3:0:200::1", REASON_PASS);
	expect_source(store, "fd99:3:0:ff::1", REASON_PASS);
	travel(store, MINUTES(11));
	expect_source(store, "10.6.7.99", REASON_PASS);
	expect_source(store, "fd99:3:0:1ff::1", REASON_PASS);
}

/* Four times as many ban the /48. */
static void proven_networks_ban_their_48(void **state)
{
	struct store *store = *state;
	char client[ADDRESS_TEXT];

	apply(store, "[filter]\naggregate-ipv6 = 2\n" SSH, NULL);
	for (int i = 0; i < 8; i++) {
		expect_source(store, "fd99:4:0:ff00::1", REASON_PASS);
		snprintf(client, sizeof(client), "fd99:4:0:%x00::1", i + 1);
		offend_truly(store, client);
	}
	expect_source(store, "fd99:4:0:ff00::1", REASON_BANNED);
	expect_source(store, "fd99:5::1", REASON_PASS);
}

/* P4: else whoever forges some neighbours bans a network. */
static void p4_forged_neighbours_ban_no_network(void **state)
{
	struct store *store = *state;
	char source[ADDRESS_TEXT];

	apply(store, "[filter]\naggregate-ipv4 = 2\naggregate-ipv6 = 2\n" SSH, NULL);
	for (int i = 1; i < 60; i++) {
		snprintf(source, sizeof(source), "10.6.9.%d", i);
		assert_int_equal(knock(store, source, 22, 9), 4);
		snprintf(source, sizeof(source), "fd99:6:0:%x::1", i);
		assert_int_equal(knock(store, source, 22, 9), 4);
	}
	assert_true(sum_tallies(store).bans >= 100);
	expect_source(store, "10.6.9.99", REASON_PASS);
	expect_source(store, "fd99:6:0:99::1", REASON_PASS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROOF_TEST(p4_syns_alone_ban_for_unproven_ban_at_most),
		PROOF_TEST(p4_unproven_ban_off_bans_no_forged_source),
		PROOF_TEST(p4_completed_handshakes_are_proof_and_bans_double),
		PROOF_TEST(p4_some_handshakes_are_not_enough),
		PROOF_TEST(p4_an_ack_with_a_wrong_number_proves_nothing),
		PROOF_TEST(p4_an_ack_with_the_right_number_proves),
		PROOF_TEST(p4_one_handshake_counts_once),
		PROOF_TEST(p4_acks_without_a_connection_prove_nothing),
		PROOF_TEST(p4_packets_inside_a_connection_prove_nothing),
		PROOF_TEST(p4_a_forged_handshake_of_a_connection_is_no_proof),
		PROOF_TEST(p4_udp_proves_nothing),
		PROOF_TEST(p4_an_answer_to_the_hosts_own_cookie_proves),
		PROOF_TEST(proven_neighbours_ban_their_network),
		PROOF_TEST(proven_networks_ban_their_48),
		PROOF_TEST(p4_forged_neighbours_ban_no_network),
	};

	return RUN_NETWORK_TESTS(tests);
}
