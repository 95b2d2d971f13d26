/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>

#include "core/config.h"
#include "core/pins.h"
#include "dice.h"
#include "fresh.h"
#include "harness.h"
#include "modules/filter/policy.h"
#include "modules/filter/settings.h"

int filter_up(void **state)
{
	struct store *store = malloc(sizeof(*store));
	struct error error = { 0 };

	if (!store || fresh_take(store, &error) < 0) {
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
	fresh_give_back(*state);
	free(*state);
	return 0;
}

/* A network of its own, so that it is nobody's directory. */
int pinned_filter_up(void **state)
{
	struct error error = { 0 };
	char parent[PINS_PATH];

	if (unshare(CLONE_NEWNET) < 0 || filter_up(state) < 0)
		return -1;
	if (pins_directory(true, parent, &error) == 0 && store_pin(*state, parent, &error) == 0)
		return 0;
	fprintf(stderr, "%s\n", error.text);
	return -1;
}

int pinned_filter_down(void **state)
{
	char parent[PINS_PATH];

	if (pins_directory(false, parent, NULL) == 0)
		pins_remove(parent);
	return filter_down(state);
}

/* SUMUN_ORDER: "reverse", or a number that decides. No test may need another before it. */
static void reorder(struct CMUnitTest *tests, size_t count, const char *order)
{
	struct dice dice = { strtoull(order, NULL, 0) };

	for (size_t i = count; i > 1; i--) {
		size_t other = strcmp(order, "reverse") == 0
				       ? (i > (count + 1) / 2 ? count - i : i - 1)
				       : pick(&dice, (uint32_t)i);
		struct CMUnitTest test = tests[i - 1];

		tests[i - 1] = tests[other];
		tests[other] = test;
	}
}

int run_filter_tests(const char *name, const struct CMUnitTest *tests, size_t count,
		     CMFixtureFunction group_up)
{
	CLEANUP_FREE struct CMUnitTest *copy = calloc(count, sizeof(*copy));
	const char *order = getenv("SUMUN_ORDER");

	if (geteuid() != 0) {
		printf("1..0 # SKIP %s: loading BPF programs needs root\n", name);
		return 0;
	}
	if (!copy)
		return 1;
	memcpy(copy, tests, count * sizeof(*copy));
	if (order)
		reorder(copy, count, order);
	return _cmocka_run_group_tests(name, copy, count, group_up, NULL);
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

int run_as_is(const struct store *store, const struct frame *frame)
{
	if (frame->linear)
		return run_frame_split(store, frame, (uint32_t)frame->linear);
	return (int)run_frame(store, frame);
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
	CLEANUP_FREE struct model_policy *policy = calloc(1, sizeof(*policy));
	CLEANUP_FREE struct model_world *world = calloc(1, sizeof(*world));
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));

	assert_true(policy && world && frame);
	for (size_t i = 0; i < count; i++) {
		struct answer answer;

		frame_build(frame, rows[i].layers);
		answer = model_judge(world, policy, frame, false);
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

struct filter_tally sum_tallies(const struct store *store)
{
	struct filter_tally sum = { 0 };

	for (uint32_t cpu = 0; cpu < store->tables.state->cpus; cpu++) {
		const uint64_t *part = (const uint64_t *)&store->tallies[cpu];

		for (size_t i = 0; i < sizeof(sum) / sizeof(*part); i++)
			((uint64_t *)&sum)[i] += part[i];
	}
	return sum;
}

struct filter_guard_counter sum_guard(const struct store *store, const char *name)
{
	uint32_t number = guard_number_of(store, name);
	struct filter_guard_counter sum = { 0 };

	for (uint32_t cpu = 0; cpu < store->tables.state->cpus; cpu++) {
		const struct filter_guard_counter *part =
			&store->guard_counters[cpu].guards[number];

		sum.connections += part->connections;
		sum.limited += part->limited;
		sum.shed += part->shed;
		sum.bans += part->bans;
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
	store_policy(store)->ports[protocol][port] |= PORT_BLOCKED;
}

void set_mode(const struct store *store, enum filter_mode mode)
{
	store_policy(store)->mode = mode;
}

/* ---- configurations ------------------------------------------------------------- */

static void fail_of_problem(void *context, const char *path, unsigned line, const char *text)
{
	fail_msg("%s:%u: %s", path, line, text);
}

void apply(struct store *store, const char *text, const struct peers *peers)
{
	static const struct peers nobody;
	struct setting_table table = { filter_settings, FILTER_SETTINGS, &filter_config,
				       filter_sections };
	const struct filter_config defaults = filter_config;
	struct filter_policy *policy = store_spare_policy(store);
	struct error error = { 0 };

	filter_config.mode = MODE_ENFORCE;
	assert_ok(config_read_text(text, strlen(text), "test", &table, 1, fail_of_problem, NULL));
	if (policy_fill(&store->tables, policy, &filter_config, peers ? peers : &nobody, false,
			&error) < 0)
		fail_msg("%s", error.text);
	store_put_in_force(store, policy, 0);
	filter_config_free(&filter_config);
	filter_config = defaults;
}

uint32_t guard_number_of(const struct store *store, const char *name)
{
	for (uint32_t number = 1; number <= GUARDS_MAX; number++)
		if (strcmp(store->tables.state->guard_names[number], name) == 0)
			return number;
	fail_msg("there is no guard '%s'", name);
	return 0;
}

void travel(const struct store *store, uint64_t nanoseconds)
{
	struct filter_state *state = store->tables.state;

	state->tick_offset +=
		(uint64_t)((unsigned __int128)nanoseconds * state->jiffies_hz / SECONDS(1));
}

uint32_t packet_tick(const struct store *store)
{
	const struct filter_state *state = store->tables.state;
	uint64_t travelled = state->tick_offset - ticks_suspended(&store->ticks);

	return store_now(store) + (uint32_t)(travelled >> state->tick_shift);
}

void pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	assert_ok(pthread_setaffinity_np(pthread_self(), sizeof(set), &set));
}
