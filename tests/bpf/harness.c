/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>

#include "harness.h"

int filter_up(void **state)
{
	struct store *store = malloc(sizeof(*store));
	struct error error = { 0 };

	if (!store || store_create(store, &error) < 0) {
		fprintf(stderr, "%s\n", error.text);
		free(store);
		return -1;
	}
	store_policy(store)->mode = MODE_ENFORCE;
	*state = store;
	return 0;
}

int filter_down(void **state)
{
	store_close(*state);
	free(*state);
	return 0;
}

int run_filter_tests(const char *name, const struct CMUnitTest *tests, size_t count)
{
	if (geteuid() != 0) {
		printf("1..0 # SKIP %s: loading BPF programs needs root\n", name);
		return 0;
	}
	return _cmocka_run_group_tests(name, tests, count, NULL, NULL);
}

/* ---- running ----------------------------------------------------------------- */

uint32_t run_frame(const struct store *store, const struct frame *frame)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->bytes,
		    .data_size_in = (uint32_t)frame->size, .repeat = 1);
	int r = bpf_prog_test_run_opts(store->program_fd, &options);

	if (r < 0)
		fail_msg("the kernel does not run a frame of %zu bytes: %s", frame->size,
			 strerror(-r));
	return options.retval;
}

int run_frame_split(const struct store *store, const struct frame *frame, uint32_t linear)
{
	struct xdp_md context = { .data_end = linear };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->bytes,
		    .data_size_in = (uint32_t)frame->size, .repeat = 1, .ctx_in = &context,
		    .ctx_size_in = sizeof(context));

	if (bpf_prog_test_run_opts(store->program_fd, &options) < 0)
		return -1;
	return (int)options.retval;
}

void run_repeatedly(const struct store *store, const struct frame *frame, int times)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->bytes,
		    .data_size_in = (uint32_t)frame->size, .repeat = times);

	assert_ok(bpf_prog_test_run_opts(store->program_fd, &options));
}

static bool is_drop(const struct store *store, enum filter_reason reason)
{
	return reason >= REASON_FIRST_DROP && store_policy(store)->mode == MODE_ENFORCE;
}

/* The only counter that differs between the snapshot and now. */
static void expect_one_change(const struct store *store, const struct filter_counter *before,
			      const char *name, uint32_t expected, size_t bytes)
{
	const uint32_t rows = filter_counter_index(1, 0, 0, 0); /* of one CPU */

	for (uint32_t i = 0; i < store->tables.state->cpus * rows; i++) {
		uint32_t row = i % rows;
		uint64_t packets = store->counters[i].packets - before[i].packets;

		if (packets == 0 && store->counters[i].bytes == before[i].bytes)
			continue;
		if (row != expected)
			fail_msg("'%s': counted as %s, verdict %u, protocol %u; not as %s, %u, %u",
				 name, reason_name(row / PROTOCOL_ROOM / VERDICT_COUNT),
				 row / PROTOCOL_ROOM % VERDICT_COUNT, row % PROTOCOL_ROOM,
				 reason_name(expected / PROTOCOL_ROOM / VERDICT_COUNT),
				 expected / PROTOCOL_ROOM % VERDICT_COUNT,
				 expected % PROTOCOL_ROOM);
		assert_int_equal(packets, 1);
		assert_int_equal(store->counters[i].bytes - before[i].bytes, bytes);
	}
}

void expect_frame(const struct store *store, const char *name, const struct frame *frame,
		  enum filter_reason reason, uint32_t protocol)
{
	size_t size = store->mappings[STORE_COUNTERS].size;
	CLEANUP_FREE struct filter_counter *before = malloc(size);
	uint64_t packets = sum_counters(store).packets;
	bool drop = is_drop(store, reason);
	uint32_t verdict;

	assert_non_null(before);
	memcpy(before, store->counters, size);
	verdict = run_frame(store, frame);
	expect_one_change(store, before, name, filter_counter_index(0, reason, drop, protocol),
			  frame->size);
	if (sum_counters(store).packets != packets + 1)
		fail_msg("'%s': %llu packets were counted, not one", name,
			 (unsigned long long)(sum_counters(store).packets - packets));
	if (verdict != (drop ? XDP_DROP : XDP_PASS))
		fail_msg("'%s': verdict %u", name, verdict);
}

void expect(const struct store *store, const char *name, const struct layer *layers,
	    enum filter_reason reason, uint32_t protocol)
{
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));

	assert_non_null(frame);
	frame_build(frame, layers);
	expect_frame(store, name, frame, reason, protocol);
}

void build_syn(struct frame *frame, const char *source, uint16_t port)
{
	bool v6 = strchr(source, ':');
	const struct layer v4_layers[] = {
		ETHERNET(), IPV4(.source = source), TCP(.to = port, .flags = TCP_SYN), { LAYER_END }
	};
	const struct layer v6_layers[] = {
		ETHERNET(), IPV6(.source = source), TCP(.to = port, .flags = TCP_SYN), { LAYER_END }
	};

	frame_build(frame, v6 ? v6_layers : v4_layers);
}

void expect_source(const struct store *store, const char *source, enum filter_reason reason)
{
	struct frame *frame = malloc(sizeof(*frame));

	assert_non_null(frame);
	build_syn(frame, source, 80);
	expect_frame(store, source, frame, reason, IPPROTO_TCP);
	free(frame);
}

void expect_rows(const struct store *store, const struct row *rows, size_t count)
{
	CLEANUP_FREE struct model *model = calloc(1, sizeof(*model));
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));

	assert_non_null(model);
	assert_non_null(frame);
	for (size_t i = 0; i < count; i++) {
		struct answer answer;

		frame_build(frame, rows[i].layers);
		answer = model_judge(model, frame);
		assert_row(answer.reason == rows[i].reason, rows[i].name);
		assert_row(answer.protocol == rows[i].protocol, rows[i].name);
		set_mode(store, MODE_ENFORCE);
		expect_frame(store, rows[i].name, frame, rows[i].reason, rows[i].protocol);
		set_mode(store, MODE_OBSERVE);
		expect_frame(store, rows[i].name, frame, rows[i].reason, rows[i].protocol);
	}
	set_mode(store, MODE_ENFORCE);
}

/* ---- sums --------------------------------------------------------------------- */

struct filter_counter sum_counters(const struct store *store)
{
	struct filter_counter sum = { 0 };

	for (enum filter_reason reason = 0; reason < REASON_ROOM; reason++) {
		struct filter_counter part = sum_reason(store, reason);

		sum.packets += part.packets;
		sum.bytes += part.bytes;
	}
	return sum;
}

struct filter_counter sum_reason(const struct store *store, enum filter_reason reason)
{
	struct filter_counter sum = { 0 };

	for (uint32_t cpu = 0; cpu < store->tables.state->cpus; cpu++) {
		for (uint32_t row = 0; row < VERDICT_COUNT * PROTOCOL_ROOM; row++) {
			uint32_t index = filter_counter_index(cpu, reason, 0, row);

			sum.packets += store->counters[index].packets;
			sum.bytes += store->counters[index].bytes;
		}
	}
	return sum;
}

uint64_t sum_attempts(const struct store *store, int protocol, uint16_t port)
{
	uint64_t sum = 0;

	for (uint32_t bank = 0; bank < store->tables.state->port_banks; bank++)
		sum += store->ports[(bank * FILTER_PORT_PROTOCOLS + (uint32_t)protocol) *
					    FILTER_PORTS +
				    port];
	return sum;
}

struct filter_losses sum_losses(const struct store *store)
{
	struct filter_losses sum = { 0 };

	for (uint32_t cpu = 0; cpu < store->tables.state->cpus; cpu++) {
		sum.events_sent += store->losses[cpu].events_sent;
		sum.events_lost += store->losses[cpu].events_lost;
	}
	return sum;
}

/* ---- policy and bans ----------------------------------------------------------- */

struct prefix prefix_from(const char *text)
{
	struct error error = { 0 };
	struct prefix prefix;

	if (prefix_parse(text, &prefix, &error) < 0)
		fail_msg("%s", error.text);
	return prefix;
}

void must_ban(const struct store *store, const char *prefix, uint32_t end, bool forced)
{
	struct ban ban = { .prefix = prefix_from(prefix), .end = end, .forced = forced };
	struct tables tables = store->tables;
	struct error error = { 0 };

	if (ban_add(&tables, &ban, store_now(store), &error) < 0)
		fail_msg("%s: %s", prefix, error.text);
}

void must_add_role(const struct store *store, const char *prefix, uint64_t role)
{
	struct prefix parsed = prefix_from(prefix);
	struct tables tables = store->tables;
	struct error error = { 0 };

	if (policy_add_role(&tables, store_policy(store), &parsed, role, &error) < 0)
		fail_msg("%s: %s", prefix, error.text);
}

void block_port(const struct store *store, int protocol, uint16_t port)
{
	store_policy(store)->blocked[protocol][port / 64] |= 1ULL << (port % 64);
}

void set_mode(const struct store *store, enum filter_mode mode)
{
	store_policy(store)->mode = mode;
}

void pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	assert_ok(pthread_setaffinity_np(pthread_self(), sizeof(set), &set));
}
