/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bans come and go on one CPU while packets are judged on the other. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include <linux/bpf.h>

#include "harness.h"

enum { ROUNDS_MS = 1500 };

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

static void disturb_while(struct watcher *watcher, void *(*run)(void *), disturb_function *disturb)
{
	struct store *store = watcher->store;
	uint64_t random = 1, until = now_ms() + ROUNDS_MS;
	pthread_t thread;

	pin_to_cpu(0);
	assert_ok(pthread_create(&thread, NULL, run, watcher));
	while (now_ms() < until)
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
	disturb_while(&watcher, watch, disturb);
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
	disturb_while(&watcher, run_fast, take_turns);
	free(watcher.frames);
	assert_int_equal(sum_reason(*state, REASON_BANNED).packets, 0);
	assert_true(sum_reason(*state, REASON_PASS).packets > 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILTER_TEST(a_v4_ban_holds_while_its_neighbours_change),
		FILTER_TEST(a_wide_ban_holds_while_others_change),
		FILTER_TEST(half_of_one_ban_and_half_of_another_are_none),
	};

	return RUN_FILTER_TESTS(tests);
}
