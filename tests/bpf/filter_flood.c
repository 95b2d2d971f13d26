/* SPDX-License-Identifier: GPL-2.0-or-later */
/* P13, P14: tables of a fixed size in a flood of new sources. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "events.h"
#include "guarded.h"

enum { FLOOD = 2000000, OFFENDERS = 64 };

static void set_source(struct frame *frame, uint32_t address)
{
	address = htonl(address);
	memcpy(frame->bytes + 14 + 12, &address, sizeof(address));
}

/* A SYN from each of so many addresses, in no order, none of them one of 10.0.0.0/8. */
static uint64_t flood(const struct store *store, uint32_t first, uint32_t count)
{
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));
	uint64_t passed = 0;

	assert_non_null(frame);
	build_syn(frame, "192.0.2.1", 80);
	for (uint32_t i = first; i < first + count; i++) {
		uint32_t address = i * 0x9e3779b1; /* odd: a bijection */

		if (address >> 24 == 10)
			continue;
		set_source(frame, address);
		passed += run_frame(store, frame) == XDP_PASS;
	}
	return passed;
}

static void from_offender(char text[ADDRESS_TEXT], uint32_t i)
{
	snprintf(text, ADDRESS_TEXT, "10.0.0.%u", i + 1);
}

/*
 * Offenders are known: they used up what they had, and go on. Two million others come, each
 * once. Whoever is known stays known, bans stay bans, and what finds no room is counted.
 */
static void p14_a_flood_pushes_out_no_offender(void **state)
{
	struct store *store = *state;
	char source[ADDRESS_TEXT];
	struct filter_tally tally;
	struct reader reader;
	uint32_t known = 0;
	uint64_t passed;

	apply(store,
	      "[filter]\nunproven-ban = off\n[guard web]\nports = tcp/80\nper-source = 20/h\n",
	      NULL);
	must_ban(store, "10.9.9.9", BAN_FOREVER, false);
	must_ban(store, "10.8.0.0/16", BAN_FOREVER, false);
	for (uint32_t i = 0; i < OFFENDERS; i++) {
		from_offender(source, i);
		assert_int_equal(knock(store, source, 80, 60), 20);
	}
	passed = flood(store, 0, FLOOD);
	tally = sum_tallies(store);
	for (uint32_t i = 0; i < OFFENDERS; i++) {
		from_offender(source, i);
		known += knock(store, source, 80, 1) == 0;
	}
	assert_int_equal(known, OFFENDERS);
	/* The flood is no offence of any of its sources. */
	assert_true(passed > FLOOD - FLOOD / 200 && passed <= FLOOD);
	expect_source(store, "10.9.9.9", REASON_BANNED);
	expect_source(store, "10.8.7.6", REASON_BANNED);
	assert_int_equal(ban_count(&store->tables, packet_tick(store)), 2);
	print_message("# of %d sources %llu found no room\n", FLOOD,
		      (unsigned long long)tally.untracked);
	read_events(store, &reader);
	assert_int_equal(tally.bans, 0);
}

/*
 * A bucket whose four meters are all of known offenders takes nobody in: not limited, and
 * counted. Known offenders are those who came often.
 */
static void p13_a_full_bucket_is_counted_and_refuses_newcomers(void **state)
{
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));
	struct store *store = *state;
	uint64_t seed = store->tables.state->seed;
	uint32_t id, home, address = 0x0a000000, found = 0, sources[METER_SLOTS + 1];
	struct reader reader;

	assert_non_null(frame);
	apply(store, "[guard web]\nports = tcp/80\nper-source = 2/h\n", NULL);
	id = filter_meter_id(guard_number_of(store, "web"), METER_CONNECTIONS);
	home = filter_meter_home(KEY_V4_LOW | address, id, seed);
	for (; found <= METER_SLOTS; address++)
		if (filter_meter_home(KEY_V4_LOW | address, id, seed) == home)
			sources[found++] = address;
	build_syn(frame, "192.0.2.1", 80);
	for (size_t i = 0; i < METER_SLOTS; i++) {
		set_source(frame, sources[i]);
		run_repeatedly(store, frame, 40);
	}
	assert_int_equal(sum_tallies(store).untracked, 0);
	set_source(frame, sources[METER_SLOTS]);
	for (int i = 0; i < 200; i++)
		assert_int_equal(run_frame(store, frame), XDP_PASS);
	assert_int_equal(sum_tallies(store).untracked, 200);
	assert_int_equal(read_kind(store, FILTER_EVENT_FULL, &reader), 1);
	assert_int_equal(reader.events[0].detail, TABLE_METERS);
	for (size_t i = 0; i < METER_SLOTS; i++) {
		set_source(frame, sources[i]);
		assert_int_equal(run_frame(store, frame), XDP_DROP);
	}
	/* When a bucket has filled again its slot is anybody's. */
	travel(store, HOURS(1));
	set_source(frame, sources[METER_SLOTS]);
	for (int i = 0; i < 4; i++)
		assert_int_equal(run_frame(store, frame), i < 2 ? XDP_PASS : XDP_DROP);
}

/* Guards ban until there is no room: told, counted, and every ban that was made holds. */
static void p13_bans_that_find_no_room_are_counted(void **state)
{
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));
	struct store *store = *state;
	uint64_t seed = store->tables.state->seed;
	uint32_t home = filter_ban4_home(0x0a000000, seed), address = 0x0a000000;
	uint32_t now = packet_tick(store), last;
	struct reader reader;

	assert_non_null(frame);
	apply(store, "[guard web]\nports = tcp/80\nper-source = 1/d\nban = 1h\n", NULL);
	for (size_t count = 0; count < BAN4_PROBES * BAN4_SLOTS; address++) {
		struct filter_key key = { 0, KEY_V4_LOW | address };
		struct ban ban = { .prefix = { address_of(key), 128 }, .end = BAN_FOREVER };

		if (filter_ban4_home(address, seed) != home)
			continue;
		assert_ok(ban_add(&store->tables, &ban, now, NULL));
		count++;
	}
	last = address;
	while (filter_ban4_home(last, seed) != home)
		last++;
	build_syn(frame, "192.0.2.1", 80);
	set_source(frame, last);
	assert_int_equal(run_frame(store, frame), XDP_PASS);
	for (int i = 0; i < 5; i++)
		assert_int_equal(run_frame(store, frame), XDP_DROP);
	assert_int_equal(sum_tallies(store).bans_refused, 5);
	assert_int_equal(sum_tallies(store).bans, 0);
	assert_int_equal(sum_reason(store, REASON_LIMITED).packets, 5);
	assert_int_equal(read_kind(store, FILTER_EVENT_FULL, &reader), 1);
	assert_int_equal(reader.events[0].detail, TABLE_BANS4);
	for (uint32_t i = 0x0a000000; i < address; i++) {
		if (filter_ban4_home(i, seed) != home)
			continue;
		set_source(frame, i);
		assert_int_equal(run_frame(store, frame), XDP_DROP);
	}
}

/* P4: no more bans than ban-rate says; what was not made is counted, and dropped all the same. */
static void p4_bans_have_a_rate(void **state)
{
	struct store *store = *state;
	char source[ADDRESS_TEXT];

	apply(store,
	      "[filter]\nban-rate = 10/h\n[guard web]\nports = tcp/80\nper-source = 1/h\nban = "
	      "1h\n",
	      NULL);
	for (uint32_t i = 0; i < 50; i++) {
		snprintf(source, sizeof(source), "10.4.0.%u", i);
		assert_int_equal(knock(store, source, 80, 2), 1);
	}
	assert_int_equal(sum_tallies(store).bans, 10);
	assert_int_equal(sum_tallies(store).bans_withheld, 40);
	assert_int_equal(ban_count(&store->tables, packet_tick(store)), 10);
	travel(store, MINUTES(12));
	for (uint32_t i = 0; i < 50; i++) {
		snprintf(source, sizeof(source), "10.4.0.%u", i);
		knock(store, source, 80, 1);
	}
	assert_int_equal(sum_tallies(store).bans, 12);
}

/* A ban that an operator forced ends, and with it the force: a guard's ban is a guard's. */
static void a_ban_by_a_guard_is_not_forced(void **state)
{
	static const char *const rows[][2] = { { "10.5.0.1", "10.5.0.1" },
					       { "2001:db8:5::/64", "2001:db8:5::1" } };
	struct store *store = *state;

	apply(store,
	      "[filter]\nunproven-ban = 1h\n[guard web]\nports = tcp/80\nper-source = 1/d\nban = "
	      "1h\n",
	      NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ban ban;

		must_ban(store, rows[i][0], packet_tick(store) + 100, true);
		travel(store, MINUTES(1));
		assert_int_equal(knock(store, rows[i][1], 80, 2), 1);
		assert_true(is_banned(store, rows[i][0], &ban));
		assert_false(ban.forced);
		must_add_role(store, rows[i][1], ROLE_GUARDED);
		expect_source(store, rows[i][1], REASON_ALLOWED);
	}
}

/* In IPv6 the slot of a forced ban that ended may be given to another /64. */
static void force_does_not_pass_to_the_next_in_the_slot(void **state)
{
	struct store *store = *state;
	uint64_t seed = store->tables.state->seed, high = 0x20010db800050000, other = high + 1;
	char first[ADDRESS_TEXT], second[ADDRESS_TEXT];
	struct address address;
	struct ban ban = { 0 };

	while (filter_ban6_home(other, seed) != filter_ban6_home(high, seed))
		other++;
	apply(store,
	      "[filter]\nunproven-ban = 1h\n[guard web]\nports = tcp/80\nper-source = 1/d\nban = "
	      "1h\n",
	      NULL);
	address = address_of((struct filter_key){ high, 0 });
	address_format(&address, first);
	ban.prefix = prefix_of(&address, 64);
	ban.end = packet_tick(store) + 100;
	ban.forced = true;
	assert_ok(ban_add(&store->tables, &ban, packet_tick(store), NULL));
	expect_source(store, first, REASON_BANNED);
	travel(store, MINUTES(1));
	address = address_of((struct filter_key){ other, 0 });
	address_format(&address, second);
	assert_int_equal(knock(store, second, 80, 2), 1);
	expect_source(store, second, REASON_BANNED);
	expect_source(store, first, REASON_PASS);
	must_add_role(store, second, ROLE_GUARDED);
	expect_source(store, second, REASON_ALLOWED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILTER_TEST(p14_a_flood_pushes_out_no_offender),
		FILTER_TEST(p13_a_full_bucket_is_counted_and_refuses_newcomers),
		FILTER_TEST(p13_bans_that_find_no_room_are_counted),
		FILTER_TEST(p4_bans_have_a_rate),
		FILTER_TEST(a_ban_by_a_guard_is_not_forced),
		FILTER_TEST(force_does_not_pass_to_the_next_in_the_slot),
	};

	return RUN_FILTER_TESTS(tests);
}
