// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include <stdio.h>

#include "plain.h"

static int make(void **state)
{
	static struct plain plain;

	plain_make(&plain);
	*state = &plain;
	return 0;
}

static int destroy(void **state)
{
	plain_free(*state);
	return 0;
}

static int add(struct tables *tables, const char *text, uint32_t end, uint32_t now)
{
	struct ban ban = { .prefix = prefix(text), .end = end };

	return ban_add(tables, &ban, now, NULL);
}

static bool find(struct tables *tables, const char *text, uint32_t now, struct ban *ban)
{
	struct prefix wanted = prefix(text);

	return ban_find(tables, &wanted, now, ban);
}

/* ---- against a plain model ----------------------------------------------------------- */

enum { MODEL = 400 };

struct model {
	struct ban ban;
	bool there;
};

/* A few of each kind, near each other, so that they meet in buckets and hints. */
static struct prefix model_prefix(unsigned i)
{
	static const uint8_t lengths4[] = { 104, 112, 120, 127, 121, 116 };
	static const uint8_t lengths6[] = { 32, 40, 48, 56, 64, 65, 127, 128 };
	struct prefix wanted = prefix(i % 2 ? "10.0.0.0" : "2001:db8::");
	uint8_t *bytes = wanted.address.bytes;

	if (i % 2) {
		bytes[13] = (uint8_t)(i / 12);
		bytes[14] = (uint8_t)(i / 4 % 3);
		bytes[15] = (uint8_t)(i * 2);
		if (i % 4 == 1)
			return wanted;
		return prefix_of(&wanted.address, lengths4[i / 4 % ARRAY_SIZE(lengths4)]);
	}
	bytes[3] = (uint8_t)(i / 64);
	bytes[5] = (uint8_t)i;
	bytes[8] = (uint8_t)(i / 3);
	bytes[15] = (uint8_t)(i * 2);
	return prefix_of(&wanted.address, lengths6[i / 2 % ARRAY_SIZE(lengths6)]);
}

static struct model *find_in_model(struct model *model, const struct prefix *wanted)
{
	for (unsigned i = 0; i < MODEL; i++)
		if (prefix_equal(&model[i].ban.prefix, wanted))
			return &model[i]; /* the first of those that are equal */
	return NULL;
}

static bool in_force(const struct model *model, uint32_t now)
{
	return model->there && (model->ban.end == BAN_FOREVER || now < model->ban.end);
}

static void compare(const struct tables *tables, struct model *model, uint32_t now)
{
	size_t position = 0, count = 0, expected = 0;
	struct ban ban;

	for (unsigned i = 0; i < MODEL; i++) {
		const struct model *row = find_in_model(model, &model[i].ban.prefix);
		bool there = in_force(row, now);

		assert_int_equal(ban_find(tables, &row->ban.prefix, now, &ban), there);
		expected += there && row == &model[i];
		if (!there)
			continue;
		assert_true(prefix_equal(&ban.prefix, &row->ban.prefix));
		assert_int_equal(ban.end, row->ban.end);
		assert_int_equal(ban.forced, row->ban.forced);
		assert_true(hinted(tables, ban.prefix.address));
	}
	while (ban_next(tables, &position, now, &ban)) {
		const struct model *row = find_in_model(model, &ban.prefix);

		assert_non_null(row);
		assert_true(in_force(row, now) && row->ban.end == ban.end &&
			    row->ban.forced == ban.forced);
		count++;
	}
	assert_int_equal(count, expected);
	assert_int_equal(ban_count(tables, now), expected);
}

static void bans_agree_with_a_model(void **state)
{
	struct plain *plain = *state;
	static struct model model[MODEL];
	uint64_t seed = 21;
	uint32_t now = 1000;

	for (unsigned i = 0; i < MODEL; i++)
		model[i].ban.prefix = model_prefix(i);
	for (int step = 0; step < 30000; step++) {
		struct prefix wanted = model_prefix(random_next(&seed) % MODEL);
		struct model *row = find_in_model(model, &wanted);
		uint64_t dice = random_next(&seed) % 100;

		now += dice < 5;
		if (dice < 55) {
			row->ban.end = dice < 15 ? BAN_FOREVER
						 : now + (uint32_t)(random_next(&seed) % 200);
			row->ban.forced = dice % 7 == 0;
			row->there = true;
			assert_ok(ban_add(&plain->tables, &row->ban, now, NULL));
		} else {
			int r = ban_remove(&plain->tables, &wanted, now);

			assert_int_equal(r, in_force(row, now) ? 0 : -ENOENT);
			row->there = false;
		}
		if (step % 3000 == 0)
			compare(&plain->tables, model, now);
	}
	compare(&plain->tables, model, now);
}

static void every_address_can_be_banned_and_unbanned(void **state)
{
	static const char *const texts[] = { "128.0.0.0",       "0.0.0.1",
					     "255.255.255.255", "0.0.0.0/8",
					     "255.0.0.0/8",     "::",
					     "::/32",           "::1",
					     "ffff:ffff::/32",  "127.0.0.0/31",
					     "2001:db8::/127",  "::/64",
					     "2001:db8::/64",   "ffff:ffff:ffff:ffff::/64" };
	struct plain *plain = *state;
	struct ban ban;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct prefix wanted = prefix(texts[i]);

		assert_row(add(&plain->tables, texts[i], 50, 10) == 0, texts[i]);
		assert_row(find(&plain->tables, texts[i], 10, &ban), texts[i]);
		assert_true(prefix_equal(&ban.prefix, &wanted));
		assert_int_equal(ban_count(&plain->tables, 10), i + 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct prefix wanted = prefix(texts[i]);

		assert_row(ban_remove(&plain->tables, &wanted, 10) == 0, texts[i]);
		assert_row(!find(&plain->tables, texts[i], 10, &ban), texts[i]);
		assert_row(ban_remove(&plain->tables, &wanted, 10) == -ENOENT, texts[i]);
		assert_int_equal(ban_count(&plain->tables, 10), ARRAY_SIZE(texts) - i - 1);
	}
}

static void a_ban_ends_at_its_tick(void **state)
{
	static const char *const texts[] = { "192.0.2.1", "192.0.2.0/24", "2001:db8::/64",
					     "2001:db8::/48" };
	struct plain *plain = *state;
	struct ban ban;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct prefix wanted = prefix(texts[i]);

		assert_ok(add(&plain->tables, texts[i], 100, 50));
		assert_true(find(&plain->tables, texts[i], 99, &ban));
		assert_false(find(&plain->tables, texts[i], 100, &ban));
		assert_int_equal(ban_remove(&plain->tables, &wanted, 100), -ENOENT);
		/* Anew, longer, shorter, for ever. */
		assert_ok(add(&plain->tables, texts[i], 300, 200));
		assert_true(find(&plain->tables, texts[i], 299, &ban));
		assert_ok(add(&plain->tables, texts[i], 250, 200));
		assert_false(find(&plain->tables, texts[i], 250, &ban));
		assert_ok(add(&plain->tables, texts[i], BAN_FOREVER, 200));
		assert_true(find(&plain->tables, texts[i], BAN_FOREVER - 1, &ban));
		assert_true(find(&plain->tables, texts[i], UINT32_MAX, &ban));
		assert_int_equal(ban_count(&plain->tables, 300), i + 1);
	}
}

static void a_ban_by_force_is_known_as_such(void **state)
{
	struct plain *plain = *state;
	struct ban ban = { .prefix = prefix("192.0.2.1"), .end = 100 }, found;

	assert_ok(ban_add(&plain->tables, &ban, 50, NULL));
	assert_int_equal(plain->tables.state->forced_bans, 0);
	ban.forced = true;
	assert_ok(ban_add(&plain->tables, &ban, 50, NULL));
	assert_int_equal(plain->tables.state->forced_bans, 1);
	assert_true(ban_find(&plain->tables, &ban.prefix, 50, &found) && found.forced);
}

static void what_cannot_be_banned_is_refused(void **state)
{
	const struct prefix bad[] = { prefix("0.0.0.0/0"), network("10.0.0.0", 103), prefix("::/0"),
				      network("2001:db8::", 31), prefix("0.0.0.0") };
	struct plain *plain = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ban ban = { .prefix = bad[i], .end = 100 };
		struct error error = {};

		assert_int_equal(ban_add(&plain->tables, &ban, 1, &error), -EINVAL);
		assert_error_contains(&error, i < 4 ? "a ban covers at most" : "no host's address");
		assert_int_equal(ban_count(&plain->tables, 1), 0);
	}
	for (size_t i = 0; i < HINT_WORDS; i++)
		assert_true(plain->tables.hints[i] == 0);
}

/* ---- full tables ----------------------------------------------------------------------- */

/* Addresses that hash into one bucket; the seed is known here. */
static uint32_t in_bucket(const struct tables *tables, uint32_t bucket, uint32_t after)
{
	do
		after++;
	while (filter_ban4_home(after, tables->state->seed) != bucket);
	return after;
}

static void a_full_bucket_leaves_all_bans_as_they_are(void **state)
{
	struct plain *plain = *state;
	struct tables *tables = &plain->tables;
	enum { ROOM = BAN4_PROBES * BAN4_SLOTS };
	struct ban bans[ROOM + 1], found;
	struct error error = {};
	uint32_t ip = 0x0a000000;
	char said[64];

	/* The last bucket: probing goes round to the first. */
	for (size_t i = 0; i <= ROOM; i++) {
		ip = in_bucket(tables, BAN4_BUCKETS - 1, ip);
		bans[i] = (struct ban){ .end = 100 + (uint32_t)i };
		bans[i].prefix.length = ADDRESS_BITS;
		bans[i].prefix.address = address_from_v4(__builtin_bswap32(ip));
		assert_int_equal(ban_add(tables, &bans[i], 50, &error), i < ROOM ? 0 : -ENOSPC);
	}
	snprintf(said, sizeof(said), "no room for it (%d bans in force)", ROOM);
	assert_error_contains(&error, said);
	for (size_t i = 0; i < ROOM; i++)
		assert_true(ban_find(tables, &bans[i].prefix, 50, &found) &&
			    found.end == bans[i].end);
	assert_false(ban_find(tables, &bans[ROOM].prefix, 50, &found));
	/* One that is there can be changed, and one that is over makes room. */
	bans[3].end = 1000;
	assert_ok(ban_add(tables, &bans[3], 50, NULL));
	assert_ok(ban_remove(tables, &bans[7].prefix, 50));
	assert_ok(ban_add(tables, &bans[ROOM], 50, NULL));
	assert_int_equal(ban_count(tables, 50), ROOM);
	assert_int_equal(ban_add(tables, &bans[7], 50, NULL), -ENOSPC);
	assert_ok(ban_add(tables, &bans[7], 100, NULL)); /* the first is over by itself */
	assert_false(ban_find(tables, &bans[0].prefix, 99, &found));
	assert_true(ban_find(tables, &bans[ROOM - 1].prefix, 99, &found));
}

/* The next prefix of this length whose home is the last bucket. */
static struct prefix in_last_bucket(const struct tables *tables, uint8_t length,
				    struct filter_key *key)
{
	uint64_t seed = tables->state->seed;

	do {
		key->high += length == 64;
		key->low += length != 64;
	} while (length == 64 ? filter_ban6_home(key->high, seed) != BAN6_BUCKETS - 1
			      : filter_wide_hash(*key, 128, seed) % BAN_WIDE_BUCKETS !=
					BAN_WIDE_BUCKETS - 1);
	return (struct prefix){ address_of(*key), length };
}

_Static_assert((int)(BAN6_PROBES *BAN6_SLOTS) <= (int)(WIDE_PROBES * WIDE_SLOTS),
	       "room for either");

static void the_tables_of_networks_fill_up_too(void **state)
{
	static const struct {
		uint8_t length;
		unsigned room;
	} rows[] = { { 128, WIDE_PROBES * WIDE_SLOTS }, { 64, BAN6_PROBES * BAN6_SLOTS } };
	struct plain *plain = *state;
	struct tables *tables = &plain->tables;
	struct ban bans[WIDE_PROBES * WIDE_SLOTS + 1], found;

	for (size_t row = 0; row < ARRAY_SIZE(rows); row++) {
		struct filter_key key = { 0x20010db800000000, 0 };
		unsigned room = rows[row].room;

		for (unsigned i = 0; i <= room; i++) {
			bans[i] =
				(struct ban){ in_last_bucket(tables, rows[row].length, &key), 100 };
			assert_int_equal(ban_add(tables, &bans[i], 50, NULL),
					 i < room ? 0 : -ENOSPC);
		}
		assert_int_equal(ban_count(tables, 50), room);
		for (unsigned i = 0; i < room; i++)
			assert_true(ban_find(tables, &bans[i].prefix, 50, &found));
		assert_false(ban_find(tables, &bans[room].prefix, 50, &found));
		assert_ok(ban_remove(tables, &bans[5].prefix, 50));
		assert_ok(ban_add(tables, &bans[room], 50, NULL));
		assert_true(ban_find(tables, &bans[room].prefix, 50, &found));
		assert_false(ban_find(tables, &bans[5].prefix, 50, &found));
		assert_int_equal(ban_remove(tables, &bans[5].prefix, 50), -ENOENT);
		for (unsigned i = 0; i <= room; i++)
			assert_int_equal(ban_remove(tables, &bans[i].prefix, 50),
					 i == 5 ? -ENOENT : 0);
	}
}

static void there_is_room_for_as_many_lengths_as_are_said(void **state)
{
	struct plain *plain = *state;
	struct error error = {};

	for (uint8_t length = 32; length < 32 + LENGTHS_MAX + 1; length++) {
		struct ban ban = { .prefix = network("2001:db8::", length), .end = 100 };
		bool fits = length < 32 + LENGTHS_MAX;

		assert_int_equal(ban_add(&plain->tables, &ban, 1, &error), fits ? 0 : -ENOSPC);
	}
	assert_int_equal(plain->tables.state->ban_lengths[FAMILY_V6].count, LENGTHS_MAX);
	assert_int_equal(plain->tables.state->ban_lengths[FAMILY_V4].count, 0);
	/* Every length of IPv4 that can be banned fits. */
	for (uint8_t length = BAN_V4_LENGTH_MIN; length < ADDRESS_BITS; length++) {
		struct ban ban = { .prefix = network("10.0.0.0", length), .end = 100 };

		assert_ok(ban_add(&plain->tables, &ban, 1, &error));
	}
}

/* ---- neighbours ------------------------------------------------------------------------- */

/* What shares a bucket and much of its bits is told apart all the same. */
static void addresses_are_compared_whole(void **state)
{
	struct plain *plain = *state;
	struct tables *tables = &plain->tables;
	struct ban ban = { .prefix = prefix("10.0.0.1"), .end = 100 }, found;
	uint32_t home = filter_ban4_home(0x0a000001, tables->state->seed);
	unsigned neighbours = 0;

	assert_ok(ban_add(tables, &ban, 50, NULL));
	for (uint32_t upper = 0; upper < 65536; upper++) {
		uint32_t other = upper << 16 | 1;
		struct prefix host = { .length = ADDRESS_BITS };

		if (filter_ban4_home(other, tables->state->seed) != home || other == 0x0a000001)
			continue;
		host.address = address_from_v4(__builtin_bswap32(other));
		assert_false(ban_find(tables, &host, 50, &found));
		neighbours++;
	}
	assert_true(neighbours > 0);
}

static void lengths_are_compared_too(void **state)
{
	struct plain *plain = *state;
	struct tables *tables = &plain->tables;
	unsigned neighbours = 0;

	for (uint32_t i = 0; i < 65536 && neighbours < 3; i++) {
		struct filter_key key = { 0x20010db800000000 | i << 16, 0 };
		struct ban ban = { .prefix = { address_of(key), 60 }, .end = 100 }, found;
		uint32_t home = filter_wide_hash(key, 60, tables->state->seed);
		uint32_t other = filter_wide_hash(key, 48, tables->state->seed);

		if ((home - other) % BAN_WIDE_BUCKETS >= WIDE_PROBES)
			continue;
		neighbours++;
		/* The first slots of the other are taken, so that it looks as far as this one. */
		for (uint32_t bucket = other; bucket != home; bucket++)
			for (size_t slot = 0; slot < WIDE_SLOTS; slot++)
				tables->bans_wide[bucket % BAN_WIDE_BUCKETS].slot[slot].word = 1;
		assert_ok(ban_add(tables, &ban, 50, NULL));
		ban.prefix.length = 48;
		assert_false(ban_find(tables, &ban.prefix, 50, &found));
		assert_int_equal(ban_remove(tables, &ban.prefix, 50), -ENOENT);
	}
	assert_int_equal(neighbours, 3);
}

/* ---- fill ------------------------------------------------------------------------------- */

static void it_is_known_how_full_the_tables_are(void **state)
{
	struct plain *plain = *state;
	struct tables *tables = &plain->tables;
	struct tables_fill fill;

	assert_ok(add(tables, "192.0.2.1", 100, 50));
	assert_ok(add(tables, "192.0.2.2", BAN_FOREVER, 50));
	assert_ok(add(tables, "192.0.2.3", 60, 50));
	assert_ok(add(tables, "2001:db8::/64", 60, 50));
	assert_ok(add(tables, "2001:db8:1::/64", 100, 50));
	assert_ok(add(tables, "2001:db8::1", 100, 50));
	assert_ok(add(tables, "2001:db8::/63", 100, 50));
	assert_ok(add(tables, "192.0.2.0/24", 100, 50));
	tables_fill(tables, 60, &fill);
	assert_int_equal(fill.bans4.used, 2);
	assert_int_equal(fill.bans4.capacity, 262144);
	assert_int_equal(fill.bans6.used, 1);
	assert_int_equal(fill.bans6.capacity, 131072);
	assert_int_equal(fill.bans_wide.used, 3);
	assert_int_equal(fill.bans_wide.capacity, 131072);
	assert_int_equal(ban_count(tables, 60), 6);
	/* Packets look at a /64 without being told of its length. */
	assert_int_equal(tables->state->ban_lengths[FAMILY_V6].count, 2);
	assert_int_equal(tables->state->ban_lengths[FAMILY_V4].count, 1);
}

#define on_tables(test) cmocka_unit_test_setup_teardown(test, make, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_tables(bans_agree_with_a_model),
		on_tables(every_address_can_be_banned_and_unbanned),
		on_tables(a_ban_ends_at_its_tick),
		on_tables(a_ban_by_force_is_known_as_such),
		on_tables(what_cannot_be_banned_is_refused),
		on_tables(a_full_bucket_leaves_all_bans_as_they_are),
		on_tables(the_tables_of_networks_fill_up_too),
		on_tables(there_is_room_for_as_many_lengths_as_are_said),
		on_tables(addresses_are_compared_whole),
		on_tables(lengths_are_compared_too),
		on_tables(it_is_known_how_full_the_tables_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
