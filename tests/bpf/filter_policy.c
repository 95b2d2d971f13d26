/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which policy is in force: deadlines, shadows, and what a change of policy leaves as it was. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include <linux/bpf.h>

#include "guarded.h"
#include "modules/filter/list_store.h"

static struct filter_policy *blocking_policy(struct store *store)
{
	struct filter_policy *policy = store_spare_policy(store);

	policy->mode = MODE_ENFORCE;
	memset(policy->ports, PORT_BLOCKED, sizeof(policy->ports));
	return policy;
}

/* ---- the deadline ---------------------------------------------------------------------- */

/* So many ticks before a deadline, and behind it. */
static void p20_packets_go_back_at_the_deadline(void **state)
{
	struct store *store = *state;
	uint64_t tick = 1ULL << store->tables.state->tick_shift;

	expect_source(store, "10.0.0.1", REASON_PASS);
	store_put_in_force(store, blocking_policy(store), packet_tick(store) + 100);
	expect_source(store, "10.0.0.1", REASON_BLOCKED_PORT);
	store->tables.state->tick_offset += 98 * tick;
	expect_source(store, "10.0.0.1", REASON_BLOCKED_PORT);
	store->tables.state->tick_offset += 3 * tick;
	expect_source(store, "10.0.0.1", REASON_PASS);
	store->tables.state->tick_offset += 1000000 * tick;
	expect_source(store, "10.0.0.1", REASON_PASS);
}

static void p20_a_confirmed_policy_stays(void **state)
{
	struct store *store = *state;
	uint64_t tick = 1ULL << store->tables.state->tick_shift;

	store_put_in_force(store, blocking_policy(store), packet_tick(store) + 100);
	store_confirm(store);
	store->tables.state->tick_offset += 200 * tick;
	expect_source(store, "10.0.0.1", REASON_BLOCKED_PORT);
}

static void p20_a_policy_that_is_taken_back_is_gone(void **state)
{
	struct store *store = *state;

	store_put_in_force(store, blocking_policy(store), packet_tick(store) + 100);
	expect_source(store, "10.0.0.1", REASON_BLOCKED_PORT);
	store_take_back(store);
	expect_source(store, "10.0.0.1", REASON_PASS);
}

/* An interface that came with the change is as if it were not there: not even counted. */
static void p20_new_interfaces_go_back_too(void **state)
{
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));
	struct store *store = *state;
	uint64_t tick = 1ULL << store->tables.state->tick_shift, before;

	assert_non_null(frame);
	build_syn(frame, "10.0.0.1", 80);
	must_ban(store, "10.0.0.1", BAN_FOREVER, false);
	store_put_in_force(store, blocking_policy(store), packet_tick(store) + 100);
	store->tables.state->new_interfaces[NEW_INTERFACES_MAX - 1] = 1; /* that of test runs */
	assert_int_equal(run_frame(store, frame), XDP_DROP);
	store->tables.state->tick_offset += 102 * tick;
	before = sum_counters(store).packets;
	assert_int_equal(run_frame(store, frame), XDP_PASS);
	assert_int_equal(sum_counters(store).packets, before);
	store->tables.state->new_interfaces[NEW_INTERFACES_MAX - 1] = 2;
	assert_int_equal(run_frame(store, frame), XDP_DROP);
	assert_int_equal(sum_counters(store).packets, before + 1);
}

/* P20: at the tick itself, with packets under way on another CPU, there is one change. */
struct judge {
	struct store *store;
	struct frame frame;
	bool stop;
	uint64_t packets, flips;
};

static void *judge_on(void *context)
{
	struct judge *judge = context;
	uint32_t last = 0, verdict;

	pin_to_cpu(1);
	while (!__atomic_load_n(&judge->stop, __ATOMIC_RELAXED)) {
		verdict = run_frame(judge->store, &judge->frame);
		judge->flips += judge->packets && verdict != last;
		last = verdict;
		__atomic_fetch_add(&judge->packets, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void p20_the_deadline_is_one_change_for_packets_under_way(void **state)
{
	CLEANUP_FREE struct judge *judge = calloc(1, sizeof(*judge));
	struct store *store = *state;
	pthread_t thread;
	uint32_t deadline;

	assert_non_null(judge);
	judge->store = store;
	build_syn(&judge->frame, "10.0.0.1", 80);
	deadline = store_now(store) + 1000;
	store_put_in_force(store, blocking_policy(store), deadline);
	assert_int_equal(run_frame(store, &judge->frame), XDP_DROP);
	pin_to_cpu(0);
	assert_ok(pthread_create(&thread, NULL, judge_on, judge));
	while (__atomic_load_n(&judge->packets, __ATOMIC_RELAXED) < 1000)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	/* So that the last ticks pass by themselves. */
	store->tables.state->tick_offset += (uint64_t)(deadline - store_now(store) - 2)
					    << store->tables.state->tick_shift;
	while (packet_tick(store) < deadline + 2)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	__atomic_store_n(&judge->stop, true, __ATOMIC_RELAXED);
	assert_ok(pthread_join(thread, NULL));
	assert_int_equal(judge->flips, 1);
	assert_int_equal(run_frame(store, &judge->frame), XDP_PASS);
}

/* ---- shadows ---------------------------------------------------------------------------- */

static uint64_t pairs(const struct store *store, enum filter_reason real, enum filter_reason other)
{
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < store->tables.state->cpus; cpu++)
		sum += store->shadow_counters[cpu].pairs[real][other].packets;
	return sum;
}

static void a_shadow_is_counted_and_changes_nothing(void **state)
{
	struct filter_policy *shadow;
	struct store *store = *state;

	apply(store, "[guard web]\nports = tcp/80\nper-source = 4/h\nban = 10m\n", NULL);
	shadow = store_copy_policy(store);
	shadow->ports[FILTER_TCP][81] = PORT_BLOCKED;
	shadow->guards[guard_number_of(store, "web")].connections.burst /= 2;
	store_try(store, shadow);
	assert_int_equal(knock(store, "10.0.0.1", 81, 7), 7);
	assert_int_equal(pairs(store, REASON_PASS, REASON_BLOCKED_PORT), 7);
	/* Its meters are its own, and it bans nobody. */
	assert_int_equal(knock(store, "10.0.0.1", 80, 4), 4);
	assert_int_equal(pairs(store, REASON_PASS, REASON_PASS), 2);
	assert_int_equal(pairs(store, REASON_PASS, REASON_LIMITED), 2);
	assert_int_equal(sum_tallies(store).bans, 0);
	assert_int_equal(sum_guard(store, "web").connections, 4);
	assert_int_equal(sum_guard(store, "web").limited, 0);
	assert_int_equal(sum_attempts(store, FILTER_TCP, 80), 4);
	store_try(store, NULL);
	knock(store, "10.0.0.2", 81, 5);
	assert_int_equal(pairs(store, REASON_PASS, REASON_BLOCKED_PORT), 7);
}

/* ---- lists ------------------------------------------------------------------------------- */

static struct list_set set_of(struct ranges *ranges, uint8_t label)
{
	struct list_set set = { .count = 1 };

	set.items[0] =
		(struct list_source){ .label = label, .ranges = ranges_view(ranges), .fd = -1 };
	return set;
}

static void add4(struct ranges *ranges, const char *first, const char *last)
{
	struct prefix from = prefix_from(first), to = prefix_from(last);

	assert_ok(ranges_add4(ranges, (uint32_t)key_of(&from.address).low,
			      (uint32_t)key_of(&to.address).low));
}

static uint64_t labelled(const struct store *store, uint8_t number)
{
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < store->tables.state->cpus; cpu++)
		sum += store->list_counters[cpu].lists[number].packets;
	return sum;
}

static void listed_sources_are_dropped_from_first_to_last(void **state)
{
	CLEANUP_RANGES struct ranges ranges = { 0 };
	struct store *store = *state;
	struct filter_policy *policy = store_spare_policy(store);
	struct prefix guarded = prefix_from("10.7.1.1");
	struct error error = { 0 };
	struct list_set set;

	add4(&ranges, "10.7.0.5", "10.7.3.9");
	add4(&ranges, "255.255.255.255", "255.255.255.255");
	add4(&ranges, "0.0.0.0", "0.0.0.0");
	assert_ok(ranges_add6(&ranges, (struct filter_key){ 0x20010db800000000, 7 },
			      (struct filter_key){ 0x20010db800000001, 2 }));
	assert_ok(ranges_merge(&ranges));
	set = set_of(&ranges, 9);
	policy->mode = MODE_ENFORCE;
	assert_ok(list_store_put(store, policy, &set, &error));
	assert_ok(policy_add_role(&store->tables, policy, &guarded, ROLE_GUARDED, &error));
	store_put_in_force(store, policy, 0);
	expect_source(store, "10.7.0.4", REASON_PASS);
	expect_source(store, "10.7.0.5", REASON_LISTED);
	expect_source(store, "10.7.3.9", REASON_LISTED);
	expect_source(store, "10.7.3.10", REASON_PASS);
	expect_source(store, "255.255.255.255", REASON_LISTED);
	expect_source(store, "255.255.255.254", REASON_PASS);
	expect_source(store, "0.0.0.0", REASON_PASS); /* nobody's */
	expect_source(store, "0.0.0.1", REASON_PASS);
	expect_source(store, "2001:db8::6", REASON_PASS);
	expect_source(store, "2001:db8::7", REASON_LISTED);
	expect_source(store, "2001:db8:0:1::2", REASON_LISTED);
	expect_source(store, "2001:db8:0:1::3", REASON_PASS);
	expect_source(store, "10.7.1.1", REASON_ALLOWED);
	must_ban(store, "10.7.1.2", BAN_FOREVER, false);
	expect_source(store, "10.7.1.2", REASON_BANNED);
	assert_int_equal(labelled(store, 9), 6); /* what was banned is no list's */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILTER_TEST(p20_packets_go_back_at_the_deadline),
		FILTER_TEST(p20_a_confirmed_policy_stays),
		FILTER_TEST(p20_a_policy_that_is_taken_back_is_gone),
		FILTER_TEST(p20_new_interfaces_go_back_too),
		FILTER_TEST(p20_the_deadline_is_one_change_for_packets_under_way),
		FILTER_TEST(a_shadow_is_counted_and_changes_nothing),
		PINNED_TEST(listed_sources_are_dropped_from_first_to_last),
	};

	return RUN_FILTER_TESTS(tests);
}
