/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many bans: none is ever pushed out, and a table that is full says so. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include <linux/bpf.h>

#include "harness.h"

enum { MANY = 100000 };

/* Each one different, and in no order: the last step of MurmurHash3 (Appleby), which is a
 * bijection. */
static uint32_t nth_address(uint32_t n)
{
	n++; /* 0.0.0.0 cannot be banned */
	n ^= n >> 16;
	n *= 0x85ebca6b;
	n ^= n >> 13;
	n *= 0xc2b2ae35;
	return n ^ n >> 16;
}

static struct ban ban_of_v4(uint32_t address)
{
	return (struct ban){
		.prefix = { .address = address_from_v4(htonl(address)), .length = 128 },
		.end = BAN_FOREVER,
	};
}

/* Distinct /64s. */
static struct ban ban_of_v6(uint32_t n)
{
	struct filter_key key = { 0x20010db800000000ULL | n, 0 };

	return (struct ban){ .prefix = { .address = address_of(key), .length = 64 },
			     .end = BAN_FOREVER };
}

static void set_source_v4(struct frame *frame, uint32_t address)
{
	address = htonl(address);
	memcpy(frame->bytes + 14 + 12, &address, sizeof(address));
}

/* Writes into the last half of a frame of build_syn(). */
static void set_source_v6(struct frame *frame, uint32_t n)
{
	struct ban ban = ban_of_v6(n);

	memcpy(frame->bytes + 14 + 8, ban.prefix.address.bytes, 16);
	frame->bytes[14 + 8 + 15] = 77;
}

/* With a bad draw of the seed a neighbourhood is full before; then -ENOSPC has said so. */
static void p14_bans_are_never_evicted(void **state)
{
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));
	CLEANUP_FREE bool *banned = calloc(MANY, sizeof(*banned));
	struct store *store = *state;
	uint32_t now = store_now(store);
	size_t refused = 0;

	assert_true(frame && banned);
	for (uint32_t i = 0; i < MANY; i++) {
		struct ban ban = ban_of_v4(nth_address(i));
		int r = ban_add(&store->tables, &ban, now, NULL);

		assert_true(r == 0 || r == -ENOSPC);
		banned[i] = r == 0;
		refused += r != 0;
	}
	assert_in_range(refused, 0, MANY / 1000);
	for (uint32_t i = 0; i < MANY / 4; i++) {
		struct ban ban = ban_of_v6(i);

		assert_ok(ban_add(&store->tables, &ban, now, NULL));
	}
	assert_int_equal(ban_count(&store->tables, now), MANY - refused + MANY / 4);

	build_syn(frame, "192.0.2.1", 80);
	for (uint32_t i = 0; i < 2 * MANY; i++) {
		set_source_v4(frame, nth_address(i));
		if (run_frame(store, frame) != (i < MANY && banned[i] ? XDP_DROP : XDP_PASS))
			fail_msg("address %u of %u", i, MANY);
	}
	build_syn(frame, "2001:db8::1", 80);
	for (uint32_t i = 0; i < MANY / 2; i++) {
		set_source_v6(frame, i);
		if (run_frame(store, frame) != (i < MANY / 4 ? XDP_DROP : XDP_PASS))
			fail_msg("/64 number %u", i);
	}
}

typedef struct ban make_ban(uint32_t n);
typedef void set_source(struct frame *frame, uint32_t n);

/*
 * Bans until one is refused, which happens when the first neighbourhood is full, long
 * before the table is; the others must hold, and the refused one must not be half there.
 */
static void fill(struct store *store, struct frame *frame, make_ban *make, set_source *set,
		 size_t capacity)
{
	uint32_t now = store_now(store), count = 0;
	struct error error = { 0 };
	struct ban ban = make(0), found;

	while (ban_add(&store->tables, &ban, now, &error) == 0)
		ban = make(++count);
	assert_error_contains(&error, "no room");
	assert_int_equal(ban_add(&store->tables, &ban, now, NULL), -ENOSPC);
	assert_in_range(count, capacity / 6, capacity);
	assert_int_equal(ban_count(&store->tables, now), count);
	assert_false(ban_find(&store->tables, &ban.prefix, now, &found));
	set(frame, count);
	assert_int_equal(run_frame(store, frame), XDP_PASS);
	for (uint32_t i = 0; i < count; i++) {
		set(frame, i);
		if (run_frame(store, frame) != XDP_DROP)
			fail_msg("ban %u of %u is gone", i, count);
	}

	/* A ban that is there can be changed, and whoever makes room finds it. */
	ban = make(count / 2);
	ban.forced = true;
	assert_ok(ban_add(&store->tables, &ban, now, NULL));
	for (uint32_t i = 0; i < count; i++) {
		ban = make(i);
		assert_ok(ban_remove(&store->tables, &ban.prefix, now));
	}
	assert_int_equal(ban_count(&store->tables, now), 0);
	ban = make(count);
	assert_ok(ban_add(&store->tables, &ban, now, NULL));
	set(frame, count);
	assert_int_equal(run_frame(store, frame), XDP_DROP);
	set(frame, 0);
	assert_int_equal(run_frame(store, frame), XDP_PASS);
	assert_ok(ban_remove(&store->tables, &ban.prefix, now));
}

static struct ban make_v4(uint32_t n)
{
	return ban_of_v4(nth_address(n));
}

static void set_v4(struct frame *frame, uint32_t n)
{
	set_source_v4(frame, nth_address(n));
}

static void p13_a_full_table_refuses_and_old_bans_hold(void **state)
{
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));
	struct store *store = *state;

	assert_non_null(frame);
	build_syn(frame, "192.0.2.1", 80);
	fill(store, frame, make_v4, set_v4, BAN4_CAPACITY);
	build_syn(frame, "2001:db8::1", 80);
	fill(store, frame, ban_of_v6, set_source_v6, BAN6_CAPACITY);
}

/* Addresses that share one home bucket: the table is full for them long before it is full. */
static void p13_the_last_probe_is_looked_at(void **state)
{
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));
	struct store *store = *state;
	uint64_t seed = store->tables.state->seed;
	uint32_t now = store_now(store), home = filter_ban4_home(0x0a000000, seed);
	uint32_t address = 0x0a000000, banned[BAN4_PROBES * BAN4_SLOTS];
	size_t count = 0;
	struct ban ban;

	assert_non_null(frame);
	build_syn(frame, "192.0.2.1", 80);
	for (; count < ARRAY_SIZE(banned); address++) {
		if (filter_ban4_home(address, seed) != home)
			continue;
		banned[count++] = address;
		ban = ban_of_v4(address);
		assert_ok(ban_add(&store->tables, &ban, now, NULL));
	}
	while (filter_ban4_home(address, seed) != home)
		address++;
	ban = ban_of_v4(address);
	assert_int_equal(ban_add(&store->tables, &ban, now, NULL), -ENOSPC);
	for (size_t i = 0; i < count; i++) {
		set_source_v4(frame, banned[i]);
		if (run_frame(store, frame) != XDP_DROP)
			fail_msg("slot %zu is not looked at", i);
	}
	set_source_v4(frame, address);
	assert_int_equal(run_frame(store, frame), XDP_PASS);
}

static void every_allow_entry_is_found(void **state)
{
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));
	struct store *store = *state;
	struct filter_policy *policy = store_policy(store);
	struct error error = { 0 };
	uint32_t count = 0;
	struct prefix prefix = make_v4(0).prefix;

	assert_non_null(frame);
	while (policy_add_role(&store->tables, policy, &prefix, ROLE_ALLOW, &error) == 0)
		prefix = make_v4(++count).prefix;
	assert_error_contains(&error, "more than 1024 entries");
	assert_int_equal(count, ALLOW_CAPACITY);
	build_syn(frame, "192.0.2.1", 80);
	for (uint32_t i = 0; i <= count; i++) {
		set_v4(frame, i);
		run_frame(store, frame);
	}
	assert_int_equal(sum_reason(store, REASON_ALLOWED).packets, count);
	assert_int_equal(sum_reason(store, REASON_PASS).packets, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILTER_TEST(p14_bans_are_never_evicted),
		FILTER_TEST(p13_a_full_table_refuses_and_old_bans_hold),
		FILTER_TEST(p13_the_last_probe_is_looked_at),
		FILTER_TEST(every_allow_entry_is_found),
	};

	return RUN_FILTER_TESTS(tests);
}
