/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bans come and go on one CPU while packets are judged on the other. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include <linux/bpf.h>

#include "harness.h"
#include "modules/filter/list_store.h"

enum { ROUNDS_MS = 1500, PATIENCE_MS = 120000 };

/* Runs its frames in turn; the first `dropped` of them must be dropped, the others must pass. */
struct watcher {
	struct store *store;
	struct frame *frames;
	size_t count;
	size_t dropped;
	bool stop;
	uint64_t packets;
	uint64_t wrong;
	size_t which; /* the last that was wrong */
};

static void *watch(void *context)
{
	struct watcher *watcher = context;

	pin_to_cpu(1);
	while (!__atomic_load_n(&watcher->stop, __ATOMIC_RELAXED)) {
		size_t i = watcher->packets++ % watcher->count;
		uint32_t expected = i < watcher->dropped ? XDP_DROP : XDP_PASS;

		if (run_frame(watcher->store, &watcher->frames[i]) != expected) {
			watcher->wrong++;
			watcher->which = i;
		}
	}
	return NULL;
}

/* In the kernel as fast as it can; what went wrong is in the counters. */
static void *run_fast(void *context)
{
	struct watcher *watcher = context;

	pin_to_cpu(1);
	while (!__atomic_load_n(&watcher->stop, __ATOMIC_RELAXED))
		run_repeatedly(watcher->store, watcher->frames, 10000);
	return NULL;
}

typedef void disturb_function(struct store *store, uint64_t *random);

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* For so long, and on a slow machine until so many packets were judged, within reason. */
static void disturb_while(struct watcher *watcher, void *(*run)(void *), uint64_t least,
			  disturb_function *disturb)
{
	struct store *store = watcher->store;
	uint64_t random = 1, until = now_ms() + ROUNDS_MS;
	pthread_t thread;

	pin_to_cpu(0);
	assert_ok(pthread_create(&thread, NULL, run, watcher));
	while (now_ms() < until ||
	       (sum_counters(store).packets <= least && now_ms() < until + PATIENCE_MS))
		disturb(store, &random);
	__atomic_store_n(&watcher->stop, true, __ATOMIC_RELAXED);
	assert_ok(pthread_join(thread, NULL));
}

static void watch_while(struct store *store, const char *const *sources, size_t count,
			size_t dropped, disturb_function *disturb)
{
	struct watcher watcher = { .store = store, .count = count, .dropped = dropped };

	watcher.frames = calloc(count, sizeof(*watcher.frames));
	assert_non_null(watcher.frames);
	for (size_t i = 0; i < count; i++)
		build_syn(&watcher.frames[i], sources[i], 80);
	disturb_while(&watcher, watch, 11000, disturb);
	free(watcher.frames);
	if (watcher.wrong)
		fail_msg("%lu wrong verdicts of %lu, the last on %s", watcher.wrong,
			 watcher.packets, sources[watcher.which]);
	assert_true(watcher.packets > 10000);
}

/* Addresses whose home is that of 10.0.0.1, so that their slots are next to its own. */
static struct prefix near_v4(const struct store *store, uint64_t *random)
{
	uint64_t seed = store->tables.state->seed;
	uint32_t home = filter_ban4_home(0x0a000001, seed), address;

	do
		address = 0x0a000003 + (uint32_t)(random_next(random) % 0x1000000);
	while (filter_ban4_home(address, seed) != home);
	return (struct prefix){ .address =
					address_of((struct filter_key){ 0, KEY_V4_LOW | address }),
				.length = 128 };
}

static void add_and_remove_v4(struct store *store, uint64_t *random)
{
	uint32_t now = store_now(store);
	struct prefix prefixes[20];

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		struct ban ban = { .end = BAN_FOREVER };

		ban.prefix = prefixes[i] = near_v4(store, random);
		assert_ok(ban_add(&store->tables, &ban, now, NULL));
	}
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		ban_remove(&store->tables, &prefixes[i], now);
}

static void a_v4_ban_holds_while_its_neighbours_change(void **state)
{
	static const char *const sources[] = { "10.0.0.1", "10.0.0.2" };

	must_ban(*state, "10.0.0.1", BAN_FOREVER, false);
	watch_while(*state, sources, 2, 1, add_and_remove_v4);
}

/* A slot is taken again and again for one prefix after another, of every length. */
static void add_and_remove_wide(struct store *store, uint64_t *random)
{
	static const uint8_t lengths[] = { 48, 56, 64, 96, 127, 128 };
	uint32_t now = store_now(store);
	struct prefix prefixes[64];

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		struct filter_key key = { 0x20010db800010000 + random_next(random) % 0x1000000,
					  random_next(random) };
		struct address address = address_of(key);
		struct ban ban = { .end = BAN_FOREVER };

		ban.prefix = prefix_of(&address, lengths[i % ARRAY_SIZE(lengths)]);
		prefixes[i] = ban.prefix;
		assert_ok(ban_add(&store->tables, &ban, now, NULL));
	}
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		ban_remove(&store->tables, &prefixes[i], now);
}

static void a_wide_ban_holds_while_others_change(void **state)
{
	static const char *const sources[] = { "2001:db8::1", "2001:db8:0:5::77", "10.1.2.3",
					       "2001:db8::2", "2001:db8:0:6::77", "10.2.2.3" };

	must_ban(*state, "2001:db8::1", BAN_FOREVER, false);
	must_ban(*state, "2001:db8:0:5::/64", BAN_FOREVER, false);
	must_ban(*state, "10.1.0.0/16", BAN_FOREVER, false);
	watch_while(*state, sources, 6, 3, add_and_remove_wide);
}

/*
 * One slot is taken by two bans in turn. The high half of one and the low half of the
 * other make an address that looks into the same slot and must never be banned.
 */
static struct prefix turn[2];

static void take_turns(struct store *store, uint64_t *random)
{
	for (size_t i = 0; i < ARRAY_SIZE(turn); i++) {
		struct ban ban = { .prefix = turn[i], .end = BAN_FOREVER };

		assert_ok(ban_add(&store->tables, &ban, 1, NULL));
		assert_ok(ban_remove(&store->tables, &turn[i], 1));
	}
}

static uint32_t wide_home(const struct store *store, struct filter_key key)
{
	return filter_wide_hash(key, 128, store->tables.state->seed) % BAN_WIDE_BUCKETS;
}

static void half_of_one_ban_and_half_of_another_are_none(void **state)
{
	struct filter_key mixed = { 0x20010db8aaaa0000, 1 }, first = mixed, second = mixed;
	struct address address = address_of(mixed);
	struct watcher watcher = { .store = *state };
	uint32_t home = wide_home(*state, mixed);
	char text[ADDRESS_TEXT];

	do
		first.low++;
	while (wide_home(*state, first) != home);
	do
		second.high++;
	while (wide_home(*state, second) != home);
	turn[0] = (struct prefix){ .address = address_of(first), .length = 128 };
	turn[1] = (struct prefix){ .address = address_of(second), .length = 128 };
	watcher.frames = malloc(sizeof(*watcher.frames));
	assert_non_null(watcher.frames);
	build_syn(watcher.frames, address_format(&address, text), 80);
	disturb_while(&watcher, run_fast, 100000, take_turns);
	free(watcher.frames);
	assert_int_equal(sum_reason(*state, REASON_BANNED).packets, 0);
	assert_true(sum_reason(*state, REASON_PASS).packets > 100000);
}

/* ---- two writers ----------------------------------------------------------------- */

/*
 * Changing a ban is no moment without it: now longer, now shorter, now forced; of an address,
 * a /64 and a network.
 */
static void change_bans(struct store *store, uint64_t *random)
{
	static const char *const prefixes[] = { "10.0.0.1", "2001:db8:0:5::/64", "10.1.0.0/16",
						"2001:db8::1" };
	uint32_t now = store_now(store);

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		struct ban ban = { .prefix = prefix_from(prefixes[i]),
				   .end = random_next(random) % 2 ? BAN_FOREVER : now + 1000,
				   .forced = random_next(random) % 2 };

		assert_ok(ban_add(&store->tables, &ban, now, NULL));
	}
}

static void a_ban_holds_while_it_is_changed(void **state)
{
	static const char *const sources[] = {
		"10.0.0.1",    "2001:db8:0:5::77", "10.1.2.3",
		"2001:db8::1", "10.0.0.2",         "2001:db8:0:6::77"
	};
	uint64_t random = 1;

	change_bans(*state, &random);
	watch_while(*state, sources, 6, 4, change_bans);
}

/*
 * The kernel bans on one CPU what user space bans and unbans on the other, in the same
 * buckets. `victims` send too much, again and again.
 */
struct offence {
	struct store *store;
	struct frame *frames;
	size_t count;
	bool stop;
};

static void *offend(void *context)
{
	struct offence *offence = context;

	pin_to_cpu(1);
	for (size_t i = 0; !__atomic_load_n(&offence->stop, __ATOMIC_RELAXED); i++)
		run_frame(offence->store, &offence->frames[i % offence->count]);
	return NULL;
}

static void ban_and_unban(struct store *store, const struct prefix *prefixes, size_t count)
{
	uint32_t now = packet_tick(store);

	for (size_t i = 0; i < count; i++) {
		struct ban ban = { .prefix = prefixes[i], .end = BAN_FOREVER };
		struct ban found;

		assert_ok(ban_add(&store->tables, &ban, now, NULL));
		/* The kernel's ban of the same address is shorter, and changes nothing. */
		assert_true(ban_find(&store->tables, &prefixes[i], now, &found));
		assert_true(found.end == BAN_FOREVER);
	}
	for (size_t i = 0; i < count; i++)
		ban_remove(&store->tables, &prefixes[i], now);
}

static struct prefix offender(const struct store *store, bool v6, uint64_t *random)
{
	uint64_t seed = store->tables.state->seed, high = 0x20010db800000000;
	struct filter_key key = { 0, 0 };
	struct address address;

	if (!v6)
		return near_v4(store, random);
	do
		key.high = high + random_next(random) % 0x100000000;
	while (filter_ban6_home(key.high, seed) != filter_ban6_home(high, seed));
	address = address_of(key);
	return prefix_of(&address, 64);
}

enum { OFFENDERS = 8 };

static void set_up_offences(struct store *store, struct offence *offence, struct prefix *prefixes)
{
	uint64_t random = 7;

	offence->store = store;
	offence->count = OFFENDERS;
	offence->frames = calloc(OFFENDERS, sizeof(*offence->frames));
	assert_non_null(offence->frames);
	for (size_t i = 0; i < OFFENDERS; i++) {
		char text[ADDRESS_TEXT];

		prefixes[i] = offender(store, i % 2, &random);
		build_syn(&offence->frames[i], address_format(&prefixes[i].address, text), 80);
	}
}

static void kernel_and_user_space_ban_at_once(void **state)
{
	struct prefix prefixes[OFFENDERS];
	struct store *store = *state;
	struct offence offence = { 0 };
	uint64_t until = now_ms() + ROUNDS_MS;
	struct ban ban;
	pthread_t thread;

	apply(store,
	      "[filter]\nban-rate = 1G/s\n"
	      "[guard web]\nports = tcp/80\nper-source = 1/d\nban = 1h\n",
	      NULL);
	must_ban(store, "10.0.0.1", BAN_FOREVER, false);
	set_up_offences(store, &offence, prefixes);
	pin_to_cpu(0);
	assert_ok(pthread_create(&thread, NULL, offend, &offence));
	while (now_ms() < until ||
	       (sum_tallies(store).bans <= OFFENDERS && now_ms() < until + PATIENCE_MS))
		ban_and_unban(store, prefixes, OFFENDERS);
	__atomic_store_n(&offence.stop, true, __ATOMIC_RELAXED);
	assert_ok(pthread_join(thread, NULL));
	assert_true(sum_tallies(store).bans > OFFENDERS);
	assert_int_equal(sum_tallies(store).bans_refused, 0);

	/* Whoever offends now is banned; and everything can be taken away again. */
	for (size_t i = 0; i < OFFENDERS; i++) {
		run_frame(store, &offence.frames[i]);
		run_frame(store, &offence.frames[i]);
		assert_true(ban_find(&store->tables, &prefixes[i], packet_tick(store), &ban));
		assert_false(ban.forced);
		assert_true(ban.end != BAN_FOREVER);
		assert_ok(ban_remove(&store->tables, &prefixes[i], packet_tick(store)));
	}
	expect_source(store, "10.0.0.1", REASON_BANNED);
	assert_int_equal(ban_count(&store->tables, packet_tick(store)), 1);
	free(offence.frames);
}

/* Two CPUs ban the same sources, round after round; each is banned, and one unban ends it. */
static void two_cpus_ban_at_once(void **state)
{
	struct prefix prefixes[OFFENDERS];
	struct store *store = *state;
	struct offence offence = { 0 };
	struct filter_guard_counter counter;
	pthread_t thread;

	apply(store,
	      "[filter]\nban-rate = 1G/s\n"
	      "[guard web]\nports = tcp/80\nper-source = 1/d\nban = 1h\n",
	      NULL);
	set_up_offences(store, &offence, prefixes);
	pin_to_cpu(0);
	for (int round = 0; round < 40; round++) {
		offence.stop = false;
		assert_ok(pthread_create(&thread, NULL, offend, &offence));
		for (size_t i = 0; i < 200; i++)
			run_frame(store, &offence.frames[i % OFFENDERS]);
		__atomic_store_n(&offence.stop, true, __ATOMIC_RELAXED);
		assert_ok(pthread_join(thread, NULL));
		assert_int_equal(ban_count(&store->tables, packet_tick(store)), OFFENDERS);
		for (size_t i = 0; i < OFFENDERS; i++)
			assert_ok(ban_remove(&store->tables, &prefixes[i], packet_tick(store)));
		assert_int_equal(ban_count(&store->tables, packet_tick(store)), 0);
	}
	counter = sum_guard(store, "web");
	assert_int_equal(counter.bans, sum_tallies(store).bans);
	free(offence.frames);
}

/* ---- lists ------------------------------------------------------------------------- */

static void put_list(struct store *store, bool second)
{
	CLEANUP_RANGES struct ranges ranges = { 0 };
	struct filter_policy *policy = store_spare_policy(store);
	struct list_set set = { .count = 1 };
	struct error error = { 0 };

	/* 10.1/16 is in both, and much else that only makes them different. */
	assert_ok(ranges_add4(&ranges, 0x0a010000, 0x0a01ffff));
	for (uint32_t i = 0; i < 200; i++)
		assert_ok(
			ranges_add4(&ranges, 0x14000000 + i * 512 + second, 0x14000080 + i * 512));
	assert_ok(ranges_add4(&ranges, second ? 0x0a020000 : 0x0a030000,
			      second ? 0x0a02ffff : 0x0a03ffff));
	assert_ok(ranges_add6(&ranges, (struct filter_key){ 0x20010db800010000, 0 },
			      (struct filter_key){ 0x20010db80001ffff, ~0ULL }));
	assert_ok(ranges_merge(&ranges));
	set.items[0] = (struct list_source){ .label = 1, .ranges = ranges_view(&ranges), .fd = -1 };
	policy->mode = MODE_ENFORCE;
	if (list_store_put(store, policy, &set, &error) < 0)
		fail_msg("%s", error.text);
	store_put_in_force(store, policy, 0);
	list_store_tidy(store);
}

static void swap_lists(struct store *store, uint64_t *random)
{
	put_list(store, (*random)++ % 2);
}

static void p20_lists_are_swapped_as_a_whole(void **state)
{
	static const char *const sources[] = { "10.1.2.3", "2001:db8:1:2::3", "10.1.255.255",
					       "10.4.0.1", "2001:db8:2::3",   "10.0.255.255" };
	struct store *store = *state;
	struct filter_counter listed;

	put_list(store, false);
	watch_while(store, sources, 6, 3, swap_lists);
	put_list(store, false);
	expect_source(store, "10.2.0.1", REASON_PASS);
	expect_source(store, "10.3.0.1", REASON_LISTED);
	put_list(store, true);
	expect_source(store, "10.2.0.1", REASON_LISTED);
	expect_source(store, "10.3.0.1", REASON_PASS);
	listed = sum_reason(store, REASON_LISTED);
	assert_int_equal(sum_counters(store).packets,
			 listed.packets + sum_reason(store, REASON_PASS).packets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILTER_TEST(a_v4_ban_holds_while_its_neighbours_change),
		FILTER_TEST(a_wide_ban_holds_while_others_change),
		FILTER_TEST(half_of_one_ban_and_half_of_another_are_none),
		FILTER_TEST(a_ban_holds_while_it_is_changed),
		FILTER_TEST(kernel_and_user_space_ban_at_once),
		FILTER_TEST(two_cpus_ban_at_once),
		PINNED_TEST(p20_lists_are_swapped_as_a_whole),
	};

	return RUN_FILTER_TESTS(tests);
}
