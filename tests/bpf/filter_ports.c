/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocked ports, who is exempt from them, attempts to connect, modes, and a change of policy. */
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include <linux/bpf.h>

#include "harness.h"

static void blocked_ports_are_closed_for_their_protocol_only(void **state)
{
	static const struct row rows[] = {
		{ "tcp 22",
		  { ETHERNET(), IPV4(), TCP(.to = 22) },
		  REASON_BLOCKED_PORT,
		  IPPROTO_TCP },
		{ "tcp 22, syn",
		  { ETHERNET(), IPV6(), TCP(.to = 22, .flags = TCP_SYN) },
		  REASON_BLOCKED_PORT,
		  IPPROTO_TCP },
		{ "udp 22", { ETHERNET(), IPV4(), UDP(.to = 22) }, REASON_PASS, IPPROTO_UDP },
		{ "tcp 21", { ETHERNET(), IPV4(), TCP(.to = 21) }, REASON_PASS, IPPROTO_TCP },
		{ "tcp 23", { ETHERNET(), IPV4(), TCP(.to = 23) }, REASON_PASS, IPPROTO_TCP },
		{ "from 22",
		  { ETHERNET(), IPV4(), TCP(.from = 22, .to = 80) },
		  REASON_PASS,
		  IPPROTO_TCP },
		{ "tcp 22 + 64", { ETHERNET(), IPV4(), TCP(.to = 86) }, REASON_PASS, IPPROTO_TCP },
		{ "udp 65535",
		  { ETHERNET(), IPV6(), UDP(.to = 65535) },
		  REASON_BLOCKED_PORT,
		  IPPROTO_UDP },
		{ "tcp 65535", { ETHERNET(), IPV6(), TCP(.to = 65535) }, REASON_PASS, IPPROTO_TCP },
		{ "behind tags",
		  { ETHERNET(), VLAN(.tpid = 0x88a8), VLAN(), IPV4(.options = 8), TCP(.to = 22) },
		  REASON_BLOCKED_PORT,
		  IPPROTO_TCP },
		{ "behind headers",
		  { ETHERNET(), IPV6(), EXTENSION(0), EXTENSION(51, .size = 24), TCP(.to = 22) },
		  REASON_BLOCKED_PORT,
		  IPPROTO_TCP },
		{ "behind a fragment header with a length in it",
		  { ETHERNET(), IPV6(), EXTENSION(FRAGMENT, .header = 1), TCP(.from = 80, .to = 22),
		    PAYLOAD(99) },
		  REASON_BLOCKED_PORT,
		  IPPROTO_TCP },
		{ "first fragment",
		  { ETHERNET(), IPV4(.more = 1), TCP(.to = 22), PAYLOAD(4) },
		  REASON_BLOCKED_PORT,
		  IPPROTO_TCP },
		/* Its first bytes look like a TCP header to port 22. */
		{ "later fragment",
		  { ETHERNET(), IPV4(.fragment = 9, .type = 6), TCP(.to = 22) },
		  REASON_FRAGMENT,
		  IPPROTO_TCP },
		{ "later fragment, 6",
		  { ETHERNET(), IPV6(), EXTENSION(FRAGMENT, .fragment = 9), TCP(.to = 22) },
		  REASON_FRAGMENT,
		  IPPROTO_TCP },
		{ "sctp has ports of its own",
		  { ETHERNET(), IPV4(.type = 132), TCP(.to = 22) },
		  REASON_PASS,
		  IPPROTO_SCTP },
		{ "malformed first",
		  { ETHERNET(), IPV4(), TCP(.to = 22, .header = 4) },
		  REASON_MALFORMED,
		  IPPROTO_TCP },
	};
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));
	struct store *store = *state;

	assert_non_null(frame);
	block_port(store, FILTER_TCP, 22);
	block_port(store, FILTER_UDP, 65535);
	for (enum filter_mode mode = MODE_OBSERVE; mode <= MODE_ENFORCE; mode++) {
		set_mode(store, mode);
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			expect(store, rows[i].name, rows[i].layers, rows[i].reason,
			       rows[i].protocol);
	}
}

/* All ports are blocked; 10.0.0.1 is allowed, .2 guarded for 53, .3 for SSH, .4 for nothing. */
static void only_allow_entries_and_a_peers_own_service_pass_blocked_ports(void **state)
{
#define UDP4(address, ...)                                            \
	{                                                             \
		ETHERNET(), IPV4(.source = address), UDP(__VA_ARGS__) \
	}
#define TCP4(address, ...)                                            \
	{                                                             \
		ETHERNET(), IPV4(.source = address), TCP(__VA_ARGS__) \
	}
	static const struct row rows[] = {
		{ "stranger", UDP4("10.0.0.9", .from = 53, .to = 22), REASON_BLOCKED_PORT,
		  IPPROTO_UDP },
		{ "allow", UDP4("10.0.0.1", .from = 9, .to = 9), REASON_ALLOWED, IPPROTO_UDP },
		{ "allow, tcp", TCP4("10.0.0.1", .to = 9), REASON_ALLOWED, IPPROTO_TCP },
		{ "resolver", UDP4("10.0.0.2", .from = 53, .to = 40000), REASON_ALLOWED,
		  IPPROTO_UDP },
		{ "resolver, tcp", TCP4("10.0.0.2", .from = 53, .to = 40000), REASON_ALLOWED,
		  IPPROTO_TCP },
		{ "resolver as client", UDP4("10.0.0.2", .from = 40000, .to = 53),
		  REASON_BLOCKED_PORT, IPPROTO_UDP },
		{ "resolver, other port", UDP4("10.0.0.2", .from = 54, .to = 40000),
		  REASON_BLOCKED_PORT, IPPROTO_UDP },
		{ "gateway", TCP4("10.0.0.4", .to = 22), REASON_BLOCKED_PORT, IPPROTO_TCP },
		{ "gateway, ping",
		  { ETHERNET(), IPV4(.source = "10.0.0.4"), OTHER(1, 8) },
		  REASON_ALLOWED,
		  IPPROTO_ICMP },
		{ "gateway, fragment",
		  { ETHERNET(), IPV4(.source = "10.0.0.4", .fragment = 3), PAYLOAD(8) },
		  REASON_ALLOWED,
		  253 },
		{ "allow, malformed", TCP4("10.0.0.1", .header = 4), REASON_MALFORMED,
		  IPPROTO_TCP },
		{ "resolver, 6",
		  { ETHERNET(), IPV6(.source = "2001:db8::53"), UDP(.from = 53, .to = 40000) },
		  REASON_ALLOWED,
		  IPPROTO_UDP },
		{ "resolver, 6, other",
		  { ETHERNET(), IPV6(.source = "2001:db8::53"), UDP(.to = 53) },
		  REASON_BLOCKED_PORT,
		  IPPROTO_UDP },
	};
	struct store *store = *state;
	uint64_t from_53 = ROLE_GUARDED | 53ULL << ROLE_SOURCE_PORT_SHIFT;

	memset(store_policy(store)->ports, PORT_BLOCKED, sizeof(store_policy(store)->ports));
	must_add_role(store, "10.0.0.1", ROLE_ALLOW);
	must_add_role(store, "10.0.0.2", from_53);
	must_add_role(store, "10.0.0.4", ROLE_GUARDED);
	must_add_role(store, "2001:db8::53", from_53);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect(store, rows[i].name, rows[i].layers, rows[i].reason, rows[i].protocol);
}

/* P17: answers to our own connections are not attempts. */
static void p17_attempts_are_counted_before_the_port_is_judged(void **state)
{
	static const struct {
		struct row row;
		int tcp, udp; /* attempts at port 7777 */
	} rows[] = {
#define AT_TCP(flags_) { ETHERNET(), IPV4(), TCP(.to = 7777, .flags = (flags_)) }
		{ { "syn", AT_TCP(TCP_SYN), REASON_BLOCKED_PORT, 6 }, 1, 0 },
		{ { "syn, ack", AT_TCP(TCP_SYN | TCP_ACK), REASON_BLOCKED_PORT, 6 }, 0, 0 },
		{ { "ack", AT_TCP(TCP_ACK), REASON_BLOCKED_PORT, 6 }, 0, 0 },
		{ { "rst", AT_TCP(TCP_RST), REASON_BLOCKED_PORT, 6 }, 0, 0 },
		{ { "nothing", AT_TCP(0), REASON_BLOCKED_PORT, 6 }, 0, 0 },
		{ { "syn and all but ack", AT_TCP(0xef), REASON_BLOCKED_PORT, 6 }, 1, 0 },
		{ { "syn6",
		    { ETHERNET(), IPV6(), TCP(.to = 7777, .flags = TCP_SYN) },
		    REASON_BLOCKED_PORT,
		    6 },
		  1,
		  0 },
		{ { "from",
		    { ETHERNET(), IPV6(), TCP(.from = 7777, .flags = TCP_SYN) },
		    REASON_PASS,
		    6 },
		  0,
		  0 },
		{ { "udp", { ETHERNET(), IPV4(), UDP(.to = 7777) }, REASON_PASS, 17 }, 0, 1 },
		{ { "udp6", { ETHERNET(), IPV6(), UDP(.to = 7777) }, REASON_PASS, 17 }, 0, 1 },
		{ { "fragment",
		    { ETHERNET(), IPV4(.fragment = 5, .type = 17), UDP(.to = 7777) },
		    REASON_FRAGMENT,
		    17 },
		  0,
		  0 },
		{ { "malformed",
		    { ETHERNET(), IPV4(), UDP(.to = 7777, .length = 7) },
		    REASON_MALFORMED,
		    17 },
		  0,
		  0 },
		{ { "banned",
		    { ETHERNET(), IPV4(.source = "10.0.0.1"), UDP(.to = 7777) },
		    REASON_BANNED,
		    17 },
		  0,
		  0 },
		{ { "allowed",
		    { ETHERNET(), IPV4(.source = "10.0.0.2"), UDP(.to = 7777) },
		    REASON_ALLOWED,
		    17 },
		  0,
		  1 },
		{ { "sctp", { ETHERNET(), IPV4(.type = 132), UDP(.to = 7777) }, REASON_PASS, 132 },
		  0,
		  0 },
	};
	struct store *store = *state;
	uint64_t tcp = 0, udp = 0;

	block_port(store, FILTER_TCP, 7777);
	must_ban(store, "10.0.0.1", BAN_FOREVER, false);
	must_add_role(store, "10.0.0.2", ROLE_ALLOW);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i].row;

		expect(store, row->name, row->layers, row->reason, row->protocol);
		tcp += (uint64_t)rows[i].tcp;
		udp += (uint64_t)rows[i].udp;
		assert_row(sum_attempts(store, FILTER_TCP, 7777) == tcp, row->name);
		assert_row(sum_attempts(store, FILTER_UDP, 7777) == udp, row->name);
	}
}

static void observing_drops_nothing(void **state)
{
	struct store *store = *state;

	set_mode(store, MODE_OBSERVE);
	block_port(store, FILTER_TCP, 80);
	must_ban(store, "10.0.0.1", BAN_FOREVER, true);
	must_ban(store, "2001:db8::/32", BAN_FOREVER, false);
	expect_source(store, "10.0.0.1", REASON_BANNED);
	expect_source(store, "10.0.0.2", REASON_BLOCKED_PORT);
	expect_source(store, "2001:db8::1", REASON_BANNED);
	assert_int_equal(store->counters[0].packets, 0);
	for (uint32_t cpu = 0; cpu < store->tables.state->cpus; cpu++)
		for (enum filter_reason reason = 0; reason < REASON_COUNT; reason++)
			assert_int_equal(
				store->counters[filter_counter_index(cpu, reason, VERDICT_DROPPED,
								     IPPROTO_TCP)]
					.packets,
				0);
}

/* ---- a change of policy ------------------------------------------------------- */

struct runner {
	struct store *store;
	struct frame frame;
	bool stop;
	uint32_t last;
	uint64_t packets;
	uint64_t flips;
};

static void *run_until_stopped(void *context)
{
	struct runner *runner = context;

	pin_to_cpu(1);
	while (!__atomic_load_n(&runner->stop, __ATOMIC_RELAXED)) {
		uint32_t verdict = run_frame(runner->store, &runner->frame);

		runner->flips += runner->packets && verdict != runner->last;
		runner->last = verdict;
		__atomic_fetch_add(&runner->packets, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void wait_for_packets(const struct runner *runner, uint64_t more)
{
	uint64_t until = __atomic_load_n(&runner->packets, __ATOMIC_RELAXED) + more;

	while (__atomic_load_n(&runner->packets, __ATOMIC_RELAXED) < until)
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
}

/* P20: each change is one flip, with nothing in between, though the slots are used again. */
static void p20_a_policy_is_swapped_as_a_whole(void **state)
{
	CLEANUP_FREE struct runner *runner = calloc(1, sizeof(*runner));
	struct store *store = *state;
	pthread_t thread;

	assert_non_null(runner);
	runner->store = store;
	build_syn(&runner->frame, "10.0.0.1", 80);
	pin_to_cpu(0);
	assert_ok(pthread_create(&thread, NULL, run_until_stopped, runner));
	for (uint32_t i = 1; i <= 40; i++) {
		struct filter_policy *policy, *before = store_policy(store);
		struct prefix prefix = prefix_from("10.0.0.1");
		uint64_t flips;

		wait_for_packets(runner, 50);
		flips = __atomic_load_n(&runner->flips, __ATOMIC_RELAXED);
		assert_int_equal(flips, i - 1);
		policy = store_spare_policy(store);
		assert_ptr_not_equal(policy, before);
		policy->mode = MODE_ENFORCE;
		if (i % 2)
			memset(policy->ports, PORT_BLOCKED, sizeof(policy->ports));
		else
			assert_ok(
				policy_add_role(&store->tables, policy, &prefix, ROLE_ALLOW, NULL));
		wait_for_packets(runner, 50);
		assert_int_equal(__atomic_load_n(&runner->flips, __ATOMIC_RELAXED), flips);
		store_put_in_force(store, policy, 0);
		assert_ptr_equal(store_policy(store), policy);
		assert_int_equal(policy->generation, before->generation + 1);
	}
	wait_for_packets(runner, 50);
	runner->stop = true;
	assert_ok(pthread_join(thread, NULL));
	assert_int_equal(runner->flips, 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILTER_TEST(blocked_ports_are_closed_for_their_protocol_only),
		FILTER_TEST(only_allow_entries_and_a_peers_own_service_pass_blocked_ports),
		FILTER_TEST(p17_attempts_are_counted_before_the_port_is_judged),
		FILTER_TEST(observing_drops_nothing),
		FILTER_TEST(p20_a_policy_is_swapped_as_a_whole),
	};

	return RUN_FILTER_TESTS(tests);
}
