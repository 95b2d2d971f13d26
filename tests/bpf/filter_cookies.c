/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SYN cookies: what is answered, what the answer is, and that the host takes it for its own. */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "guarded.h"
#include "network.h"

static const char above_two[] = "[filter]\nsyn-cookies = on\nsyn-cookies-above = 2/h\n";

static int listener;

static int up(void **state)
{
	listener = listen_at(80, 64);
	set_sysctl("tcp_syncookies", "2");
	return filter_up(state);
}

static int down(void **state)
{
	close(listener);
	return filter_down(state);
}

#define COOKIE_TEST(function) cmocka_unit_test_setup_teardown(function, up, down)

/* Runs it; what came of the frame is in it then. */
static uint32_t run_and_look(const struct store *store, struct frame *frame)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->bytes,
		    .data_size_in = (uint32_t)frame->size, .data_out = frame->bytes,
		    .data_size_out = sizeof(frame->bytes), .repeat = 1);

	assert_ok(bpf_prog_test_run_opts(store->program_fd, &options));
	frame->size = options.data_size_out;
	return options.retval;
}

static uint64_t answered(const struct store *store)
{
	return sum_reason(store, REASON_COOKIE).packets;
}

static void use_up(const struct store *store)
{
	assert_int_equal(knock(store, "10.2.0.1", 80, 2), 2);
	assert_int_equal(answered(store), 0);
}

static void syns_above_the_rate_are_answered(void **state)
{
	struct store *store = *state;

	apply(store, above_two, NULL);
	use_up(store);
	assert_int_equal(knock(store, "10.2.0.2", 80, 5), 0);
	assert_int_equal(answered(store), 5);
	assert_int_equal(
		store->counters[filter_counter_index(0, REASON_COOKIE, VERDICT_ANSWERED,
						     IPPROTO_TCP)]
				.packets +
			store->counters[filter_counter_index(1, REASON_COOKIE, VERDICT_ANSWERED,
							     IPPROTO_TCP)]
				.packets,
		5);
	/* No port is open there, so there is nothing to protect; and UDP has no handshake. */
	assert_int_equal(knock(store, "10.2.0.2", 81, 5), 5);
	assert_int_equal(send_datagrams(store, "10.2.0.2", 80, 5), 5);
	assert_int_equal(send_segments(store, "10.2.0.2", 80, 5), 5);
	assert_int_equal(sum_tallies(store).cookies_passed, 5);
	assert_int_equal(sum_attempts(store, FILTER_TCP, 80), 7);
	travel(store, HOURS(1));
	assert_int_equal(knock(store, "10.2.0.2", 80, 5), 2);
}

static uint32_t number32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Which is the SYN-ACK of RFC 9293, to who asked, and no longer than what he sent. */
static void expect_answer(const struct frame *asked, const struct frame *answer, size_t ip_at)
{
	const uint8_t *ip = answer->bytes + ip_at, *was = asked->bytes + ip_at;
	bool v6 = ip[0] >> 4 == 6;
	size_t header = v6 ? 40 : 20, address = v6 ? 8 : 12, size = v6 ? 16 : 4;
	size_t length = v6 ? 40u + ip[4] * 256u + ip[5] : ip[2] * 256u + ip[3];
	const uint8_t *tcp = ip + header, *asked_tcp = was + header;

	assert_true(answer->size == asked->size && length <= answer->size - ip_at);
	assert_memory_equal(answer->bytes, asked->bytes + 6, 6);
	assert_memory_equal(answer->bytes + 6, asked->bytes, 6);
	assert_memory_equal(answer->bytes + 12, asked->bytes + 12, ip_at - 12);
	assert_memory_equal(ip + address, was + address + size, size);
	assert_memory_equal(ip + address + size, was + address, size);
	assert_int_equal(ip[v6 ? 6 : 9], IPPROTO_TCP);
	assert_true(ip[v6 ? 7 : 8] > 30);
	assert_memory_equal(tcp, asked_tcp + 2, 2);
	assert_memory_equal(tcp + 2, asked_tcp, 2);
	assert_int_equal(number32(tcp + 8), number32(asked_tcp + 4) + 1);
	assert_int_equal(tcp[13], TCP_SYN | TCP_ACK);
	assert_int_equal(tcp[12] >> 4, asked_tcp[12] >> 4 > 5 ? 6 : 5);
	assert_int_equal(length, header + (tcp[12] >> 4) * 4u);
	if (!checksums_are_right(ip, length)) {
		frame_print(asked);
		frame_print(answer);
		fail_msg("a checksum is wrong");
	}
	if (tcp[12] >> 4 == 6) {
		assert_int_equal(tcp[20] << 8 | tcp[21], 0x0204);
		assert_in_range(tcp[22] << 8 | tcp[23], 536, v6 ? 1440 : 1460);
	}
}

static const char *const clients[] = { "10.2.0.3", "fd99:2::3" };

static void the_answer_is_a_syn_ack_and_the_host_knows_it(void **state)
{
	CLEANUP_FREE struct frame *asked = malloc(sizeof(*asked));
	CLEANUP_FREE struct frame *answer = malloc(sizeof(*answer));
	struct store *store = *state;

	assert_true(asked && answer);
	apply(store, above_two, NULL);
	use_up(store);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		struct talk talk = {
			.client = clients[i], .from = 40000, .to = 80, .sequence = 77
		};
		int connection;

		build_segment(asked, &talk, TCP_SYN);
		memcpy(answer, asked, sizeof(*answer));
		assert_int_equal(run_and_look(store, answer), XDP_TX);
		expect_answer(asked, answer, 14);
		/* The client's ACK goes to the host, which never saw the SYN. */
		talk.acknowledge = number32(answer->bytes + 14 + (i ? 40 : 20) + 4) + 1;
		talk.sequence++;
		say(&talk, TCP_ACK);
		connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		assert_true(connection >= 0);
		close(connection);
		/* A wrong number opens nothing. */
		talk.from++;
		talk.acknowledge += 99;
		say(&talk, TCP_ACK);
		assert_int_equal(accept(listener, NULL, NULL), -1);
	}
}

static void answers_keep_tags_and_fit_without_options(void **state)
{
	const struct layer tagged[] = { ETHERNET(),
					VLAN(.tpid = 0x88a8),
					VLAN(),
					IPV4(.source = "10.2.0.4", .destination = HOST_V4),
					TCP(.flags = TCP_SYN, .options = 20),
					PADDING(9),
					{ LAYER_END } };
	const struct layer short4[] = { ETHERNET(),
					IPV4(.source = "10.2.0.4", .destination = HOST_V4),
					TCP(.flags = TCP_SYN),
					{ LAYER_END } };
	const struct layer short6[] = { ETHERNET(),
					VLAN(),
					IPV6(.source = "fd99:2::4", .destination = HOST_V6),
					TCP(.flags = TCP_SYN),
					PAYLOAD(30),
					{ LAYER_END } };
	static const size_t at[] = { 22, 14, 18 };
	const struct layer *const rows[] = { tagged, short4, short6 };
	CLEANUP_FREE struct frame *asked = malloc(sizeof(*asked));
	CLEANUP_FREE struct frame *answer = malloc(sizeof(*answer));
	struct store *store = *state;

	assert_true(asked && answer);
	apply(store, above_two, NULL);
	use_up(store);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		frame_build(asked, rows[i]);
		memcpy(answer, asked, sizeof(*answer));
		assert_int_equal(run_and_look(store, answer), XDP_TX);
		expect_answer(asked, answer, at[i]);
	}
}

/* What is not answered goes to the host as it came, to the last byte. */
static void what_is_not_answered_is_not_touched(void **state)
{
	static const struct {
		const char *name;
		struct layer layers[LAYERS_MAX];
	} rows[] = {
#define TO_HOST4 .source = "10.2.0.5", .destination = HOST_V4
		{ "options of IPv4",
		  { ETHERNET(), IPV4(TO_HOST4, .options = 8), TCP(.flags = TCP_SYN) } },
		{ "first fragment",
		  { ETHERNET(), IPV4(TO_HOST4, .more = 1), TCP(.flags = TCP_SYN), PAYLOAD(4) } },
		{ "extension header",
		  { ETHERNET(), IPV6(.source = "fd99:2::5", .destination = HOST_V6), EXTENSION(60),
		    TCP(.flags = TCP_SYN) } },
		{ "closed port", { ETHERNET(), IPV4(TO_HOST4), TCP(.to = 81, .flags = TCP_SYN) } },
	};
	CLEANUP_FREE struct frame *asked = malloc(sizeof(*asked));
	CLEANUP_FREE struct frame *after = malloc(sizeof(*after));
	struct store *store = *state;

	assert_true(asked && after);
	apply(store, above_two, NULL);
	use_up(store);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		frame_build(asked, rows[i].layers);
		memcpy(after, asked, sizeof(*after));
		assert_row(run_and_look(store, after) == XDP_PASS, rows[i].name);
		assert_row(memcmp(after, asked, sizeof(*after)) == 0, rows[i].name);
	}
	assert_int_equal(answered(store), 0);
}

/* What goes on to another host is that host's to answer, though a port here is open for all. */
static void only_what_is_for_this_host_is_answered(void **state)
{
	const struct layer layers[] = { ETHERNET(),
					IPV4(.source = "10.2.0.5", .destination = "198.51.100.9"),
					TCP(.flags = TCP_SYN),
					{ LAYER_END } };
	struct store *store = *state;

	set_sysctl("ip_forward", "1");
	apply(store, above_two, NULL);
	use_up(store);
	assert_int_equal(send_layers(store, layers, 5), 5);
	assert_int_equal(answered(store), 0);
	set_sysctl("ip_forward", "0");
}

static void without_cookies_of_the_host_there_are_none(void **state)
{
	struct store *store = *state;

	set_sysctl("tcp_syncookies", "0");
	apply(store, above_two, NULL);
	use_up(store);
	assert_int_equal(knock(store, "10.2.0.6", 80, 5), 5);
	assert_int_equal(answered(store), 0);
	assert_int_equal(sum_tallies(store).cookies_passed, 5);
}

static void only_what_is_let_in_is_answered(void **state)
{
	struct store *store = *state;

	apply(store,
	      "[filter]\nsyn-cookies = on\nsyn-cookies-above = 2/h\nblock-ports = tcp/8080\n"
	      "allow = 10.2.1.0/24\n"
	      "[guard web]\nports = tcp/80\nper-source = 3/h\n",
	      NULL);
	use_up(store);
	must_ban(store, "10.2.0.7", BAN_FOREVER, false);
	assert_int_equal(knock(store, "10.2.0.7", 80, 3), 0);
	assert_int_equal(answered(store), 0);
	assert_int_equal(knock(store, "10.2.0.8", 80, 9), 0);
	assert_int_equal(answered(store), 3); /* and six were over the limit */
	assert_int_equal(sum_reason(store, REASON_LIMITED).packets, 6);
	assert_int_equal(knock(store, "10.2.1.1", 80, 9), 9);
	set_mode(store, MODE_OBSERVE);
	assert_int_equal(knock(store, "10.2.0.9", 80, 3), 3);
	assert_int_equal(answered(store), 3);
}

/* A guard that only observes changes nothing: also not how many SYNs reach the host. */
static void a_guard_that_observes_does_not_hide_syns_from_cookies(void **state)
{
	struct store *store = *state;

	apply(store,
	      "[filter]\nsyn-cookies = on\nsyn-cookies-above = 2/h\n"
	      "[guard web]\nports = tcp/80\nper-source = 3/h\nmode = observe\n",
	      NULL);
	use_up(store);
	assert_int_equal(knock(store, "10.2.0.10", 80, 9), 0);
	assert_int_equal(answered(store), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		COOKIE_TEST(syns_above_the_rate_are_answered),
		COOKIE_TEST(the_answer_is_a_syn_ack_and_the_host_knows_it),
		COOKIE_TEST(answers_keep_tags_and_fit_without_options),
		COOKIE_TEST(what_is_not_answered_is_not_touched),
		COOKIE_TEST(only_what_is_for_this_host_is_answered),
		COOKIE_TEST(without_cookies_of_the_host_there_are_none),
		COOKIE_TEST(only_what_is_let_in_is_answered),
		COOKIE_TEST(a_guard_that_observes_does_not_hide_syns_from_cookies),
	};

	return RUN_NETWORK_TESTS(tests);
}
