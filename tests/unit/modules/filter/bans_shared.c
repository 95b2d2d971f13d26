// SPDX-License-Identifier: GPL-2.0-or-later
/* Bans while the kernel's program bans as well: what it may leave, and several writers at once. */
#include "../../unit.h"

#include <pthread.h>

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

/* ---- what the kernel's program may leave -------------------------------------------------- */

struct slots {
	struct prefix prefix;
	__u64 *words[4]; /* of the first slots in its home bucket */
	uint64_t word;   /* what says the prefix, without an end */
};

/* A prefix of each table, and where its slots are; `key` also writes the key into them. */
static struct slots slots_of(const struct tables *tables, const char *text, bool key)
{
	struct slots slots = { .prefix = prefix(text) };
	struct filter_key k = key_of(&slots.prefix.address);
	uint64_t seed = tables->state->seed;

	for (size_t i = 0; i < 4; i++) {
		if (strchr(text, '.')) {
			slots.word = (uint32_t)k.low;
			slots.words[i] =
				&tables->bans4[filter_ban4_home((uint32_t)k.low, seed)].slot[i];
		} else if (slots.prefix.length == 64) {
			struct ban6_slot *slot =
				&tables->bans6[filter_ban6_home(k.high, seed)].slot[i];

			slots.word = 64;
			slots.words[i] = &slot->word;
			slot->high = key ? k.high : 0;
		} else {
			uint32_t home = filter_wide_hash(k, slots.prefix.length, seed);
			struct wide_slot *slot =
				&tables->bans_wide[(home + i / 2) % BAN_WIDE_BUCKETS].slot[i % 2];

			slots.word = slots.prefix.length;
			slots.words[i] = &slot->word;
			slot->key = key ? k : (struct filter_key){ 0, 0 };
		}
	}
	return slots;
}

static const char *const one_of_each[] = { "192.0.2.1", "2001:db8::/64", "2001:db8::/48" };

static uint64_t ends_at(uint64_t end)
{
	return end << BAN_END_SHIFT;
}

/* Two CPUs that ban one source at once put it into two slots; one may also be over. */
static void what_stands_twice_is_one_ban(void **state)
{
	struct plain *plain = *state;
	struct tables *tables = &plain->tables;

	for (size_t row = 0; row < ARRAY_SIZE(one_of_each); row++) {
		struct slots slots = slots_of(tables, one_of_each[row], true);
		struct ban found, ban = { slots.prefix, 70, false };
		struct tables_fill fill;
		size_t position = 0;

		*slots.words[0] = slots.word; /* over */
		*slots.words[1] = slots.word | ends_at(100) | BAN_FORCED;
		*slots.words[2] = slots.word | ends_at(80);
		*slots.words[3] = slots.word | ends_at(120);
		assert_row(ban_find(tables, &slots.prefix, 50, &found), one_of_each[row]);
		assert_true(found.end == 120 && found.forced);
		assert_true(ban_find(tables, &slots.prefix, 110, &found));
		assert_true(found.end == 120 && !found.forced);
		assert_true(ban_next(tables, &position, 50, &found));
		assert_true(prefix_equal(&found.prefix, &slots.prefix));
		assert_true(found.end == 120 && found.forced);
		assert_false(ban_next(tables, &position, 50, &found));
		assert_int_equal(ban_count(tables, 50), 1);
		tables_fill(tables, 50, &fill);
		assert_int_equal(fill.bans4.used, row == 0 ? 3 : 0);
		assert_int_equal(fill.bans6.used, row == 1 ? 3 : 0);
		assert_int_equal(fill.bans_wide.used, row == 2 ? 3 : 0);

		/* What is asked for by hand holds exactly, shorter too. */
		assert_ok(ban_add(tables, &ban, 50, NULL));
		assert_true(ban_find(tables, &slots.prefix, 50, &found));
		assert_true(found.end == 70 && !found.forced);
		assert_false(ban_find(tables, &slots.prefix, 70, &found));

		*slots.words[3] = slots.word | ends_at(120);
		assert_ok(ban_remove(tables, &slots.prefix, 50));
		assert_false(ban_find(tables, &slots.prefix, 50, &found));
		assert_int_equal(ban_remove(tables, &slots.prefix, 50), -ENOENT);
		assert_int_equal(ban_count(tables, 50), 0);
		for (size_t i = 0; i < 4; i++)
			assert_row(*slots.words[i], one_of_each[row]);
	}
}

/* Nobody believes what is being written, and nobody else writes there. */
static void a_claimed_slot_is_left_alone(void **state)
{
	struct plain *plain = *state;
	struct tables *tables = &plain->tables;

	for (size_t row = 1; row < ARRAY_SIZE(one_of_each); row++) {
		struct slots slots = slots_of(tables, one_of_each[row], true);
		struct ban found, ban = { slots.prefix, 70, false };

		*slots.words[0] = 7 << 8 | LENGTH_NONE;
		assert_false(ban_find(tables, &slots.prefix, 50, &found));
		assert_int_equal(ban_count(tables, 50), 0);
		assert_int_equal(ban_remove(tables, &slots.prefix, 50), -ENOENT);
		assert_ok(ban_add(tables, &ban, 50, NULL));
		assert_int_equal(*slots.words[0], 7 << 8 | LENGTH_NONE);
		assert_int_equal((uint8_t)*slots.words[1], ban.prefix.length);
		assert_true(ban_find(tables, &slots.prefix, 50, &found));
		assert_int_equal(ban_count(tables, 50), 1);
		assert_ok(ban_remove(tables, &slots.prefix, 50));
	}
}

static void a_change_raises_the_number_in_the_word(void **state)
{
	struct plain *plain = *state;
	struct tables *tables = &plain->tables;

	for (size_t row = 1; row < ARRAY_SIZE(one_of_each); row++) {
		struct slots slots = slots_of(tables, one_of_each[row], false);
		struct ban ban = { slots.prefix, 70, false };
		uint32_t numbers[4];

		*slots.words[0] = 0xfffffeULL << 8 | slots.word;
		for (size_t i = 0; i < 4; i++) {
			numbers[i] = (uint32_t)*slots.words[0] >> 8;
			if (i % 2 == 0)
				assert_ok(ban_add(tables, &ban, 50, NULL));
			else
				assert_ok(ban_remove(tables, &slots.prefix, 50));
		}
		/* The first takes the slot from another key: claimed, then written. */
		assert_int_equal(numbers[0], 0xfffffe);
		assert_int_equal(numbers[1], 0);
		assert_int_equal(numbers[2], 1);
		assert_int_equal(numbers[3], 2);
	}
}

/* By packets without an address yet; its ended word must not say that nothing comes behind. */
static void a_ban_of_no_address_leaves_a_trace(void **state)
{
	struct plain *plain = *state;
	struct slots slots = slots_of(&plain->tables, "0.0.0.0", true);
	struct ban found;

	*slots.words[0] = ends_at(100);
	assert_true(ban_find(&plain->tables, &slots.prefix, 50, &found));
	assert_ok(ban_remove(&plain->tables, &slots.prefix, 50));
	assert_false(ban_find(&plain->tables, &slots.prefix, 50, &found));
	assert_true(*slots.words[0]);
}

/* ---- several writers at once ---------------------------------------------------------------- */

enum { KEYS = 40, WRITERS = 3, STEPS = 60000, NOW = 100 };

/*
 * Bans that fall into one bucket of one table. Of each, everything says which it is: any
 * of 8 ends, and whether by force. They are more than there is room for in bans6 and
 * bans_wide, so that slots change hands. Even ones are written by all, odd ones by one writer.
 */
struct race {
	struct tables *tables;
	struct prefix prefixes[KEYS];
	bool over;
	const char *wrong; /* the first that was; cmocka's own asserts are for one thread */
};

struct writer {
	struct race *race;
	unsigned number;
};

static uint32_t home_of(const struct tables *tables, const struct prefix *wanted)
{
	struct filter_key key = key_of(&wanted->address);
	uint64_t seed = tables->state->seed;

	if (prefix_is_v4(wanted))
		return filter_ban4_home((uint32_t)key.low, seed);
	if (wanted->length == 64)
		return filter_ban6_home(key.high, seed);
	return filter_wide_hash(key, wanted->length, seed) % BAN_WIDE_BUCKETS;
}

/* The last bucket, so that their slots go round to the first. */
static void find_prefixes(struct race *race, uint8_t length, bool v4)
{
	uint64_t high = 0x20010db800000000, low = 0;
	uint32_t last = (length == 128 && !v4 ? BAN_WIDE_BUCKETS : BAN6_BUCKETS) - 1;

	_Static_assert((int)BAN4_BUCKETS == (int)BAN6_BUCKETS, "as many buckets");
	for (unsigned i = 0; i < KEYS;) {
		/* Both halves change: halves of two keys make up no third. */
		struct filter_key key = { high++, length == 64 ? 0 : low++ };

		if (v4)
			key = (struct filter_key){ 0, KEY_V4_LOW | (0x0a000000 + low) };
		race->prefixes[i] = (struct prefix){ address_of(key), length };
		i += home_of(race->tables, &race->prefixes[i]) == last;
	}
}

static void require(struct race *race, bool condition, const char *wrong)
{
	const char *expected = NULL;

	if (!condition)
		__atomic_compare_exchange_n(&race->wrong, &expected, wrong, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST);
}

/* The number of the ban, which must be one of ours and whole. */
static unsigned check_ban(struct race *race, const struct ban *ban)
{
	unsigned i = 0;

	while (i < KEYS && !prefix_equal(&race->prefixes[i], &ban->prefix))
		i++;
	require(race, i < KEYS, "a ban that nobody made");
	require(race, ban->end >= 1000 + 8 * i && ban->end < 1008 + 8 * i, "another's end");
	require(race, ban->forced == (i % 3 == 0), "another's force");
	return i < KEYS ? i : 0;
}

/* What nobody else writes is as it was left. */
static void check_own(struct race *race, const struct ban *ban, bool there)
{
	struct ban found;

	if (!ban_find(race->tables, &ban->prefix, NOW, &found)) {
		require(race, !there, "a ban is gone");
		return;
	}
	require(race, there, "a ban is still there");
	require(race, found.end == ban->end, "a ban has its former end");
}

static void change(struct writer *writer, uint64_t dice)
{
	struct race *race = writer->race;
	unsigned i = dice % KEYS;
	struct ban ban = { race->prefixes[i], 1000 + 8 * i + (dice >> 32) % 8, i % 3 == 0 };
	bool own = i % 2, there = false;

	if (own && i / 2 % WRITERS != writer->number)
		return;
	if ((dice >> 40) % 2)
		there = ban_add(race->tables, &ban, NOW, NULL) == 0;
	else
		ban_remove(race->tables, &ban.prefix, NOW);
	if (own)
		check_own(race, &ban, there);
}

static void *write_bans(void *argument)
{
	struct writer *writer = argument;
	uint64_t seed = writer->number;

	for (int step = 0; step < STEPS; step++)
		change(writer, random_next(&seed));
	return NULL;
}

static void *read_bans(void *argument)
{
	struct race *race = argument;
	struct ban found;

	while (!__atomic_load_n(&race->over, __ATOMIC_ACQUIRE)) {
		size_t position = 0;

		for (unsigned i = 0; i < KEYS; i++)
			if (ban_find(race->tables, &race->prefixes[i], NOW, &found))
				check_ban(race, &found);
		while (ban_next(race->tables, &position, NOW, &found))
			check_ban(race, &found);
	}
	return NULL;
}

static void start_and_wait(struct race *race)
{
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS], reader;

	assert_ok(pthread_create(&reader, NULL, read_bans, race));
	for (unsigned i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ race, i };
		assert_ok(pthread_create(&threads[i], NULL, write_bans, &writers[i]));
	}
	for (unsigned i = 0; i < WRITERS; i++)
		assert_ok(pthread_join(threads[i], NULL));
	__atomic_store_n(&race->over, true, __ATOMIC_RELEASE);
	assert_ok(pthread_join(reader, NULL));
}

/* Once all is quiet: no ban is told twice, every one can be ended, and none leaves a trace. */
static void check_end(struct race *race, unsigned room)
{
	unsigned seen[KEYS] = { 0 };
	size_t position = 0;
	struct ban found;

	while (ban_next(race->tables, &position, NOW, &found))
		assert_int_equal(++seen[check_ban(race, &found)], 1);
	for (unsigned i = 0; i < KEYS; i++) {
		assert_int_equal(ban_find(race->tables, &race->prefixes[i], NOW, &found), seen[i]);
		assert_int_equal(ban_remove(race->tables, &race->prefixes[i], NOW),
				 seen[i] ? 0 : -ENOENT);
		assert_false(ban_find(race->tables, &race->prefixes[i], NOW, &found));
	}
	assert_int_equal(ban_count(race->tables, NOW), 0);
	for (unsigned i = 0; i < KEYS; i++) {
		struct ban ban = { race->prefixes[i], 1000 + 8 * i, i % 3 == 0 };

		assert_int_equal(ban_add(race->tables, &ban, NOW, NULL), i < room ? 0 : -ENOSPC);
	}
	assert_int_equal(ban_count(race->tables, NOW), room < KEYS ? room : KEYS);
}

static void writers_and_readers_do_not_disturb_each_other(void **state)
{
	static const struct {
		uint8_t length;
		bool v4;
		unsigned room;
	} rows[] = { { 128, true, BAN4_PROBES * BAN4_SLOTS },
		     { 64, false, BAN6_PROBES * BAN6_SLOTS },
		     { 128, false, WIDE_PROBES * WIDE_SLOTS } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct plain plain;
		struct race race = { .tables = &plain.tables };

		plain_make(&plain);
		find_prefixes(&race, rows[i].length, rows[i].v4);
		/* Lengths are added by one process at a time. */
		assert_ok(lengths_add(&plain.tables.state->ban_lengths[FAMILY_V6], 128));
		start_and_wait(&race);
		check_end(&race, rows[i].room);
		if (race.wrong)
			fail_msg("length %u: %s", rows[i].length, race.wrong);
		plain_free(&plain);
	}
}

/* A slot that changes hands as fast as it can, as the kernel's program writes it. */
struct flipping {
	__u64 *word;
	__u64 *low;
	bool over;
};

static void *flip(void *argument)
{
	struct flipping *flipping = argument;

	for (uint64_t n = 2; !__atomic_load_n(&flipping->over, __ATOMIC_ACQUIRE); n++) {
		uint64_t number = (n & 0x7fffff) << 9;

		__atomic_store_n(flipping->word, number | LENGTH_NONE, __ATOMIC_SEQ_CST);
		__atomic_store_n(flipping->low, n % 2, __ATOMIC_SEQ_CST);
		__atomic_store_n(flipping->word, ends_at(1000 + n % 2) | number | 1 << 8 | 128,
				 __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void half_a_change_is_never_seen(void **state)
{
	struct plain *plain = *state;
	struct tables *tables = &plain->tables;
	struct prefix host = prefix("2001:db8::");
	struct filter_key key = key_of(&host.address);
	uint32_t home = filter_wide_hash(key, 128, tables->state->seed) % BAN_WIDE_BUCKETS;
	struct wide_slot *slot = &tables->bans_wide[home].slot[0];
	struct flipping flipping = { &slot->word, &slot->key.low, false };
	unsigned seen = 0, wrong = 0;
	pthread_t thread;
	struct ban found;

	slot->key = key;
	assert_ok(pthread_create(&thread, NULL, flip, &flipping));
	for (unsigned i = 0; i < 2000000 || seen < 1000; i++) {
		if (!ban_find(tables, &host, NOW, &found))
			continue;
		seen++;
		wrong += found.end != 1000;
	}
	__atomic_store_n(&flipping.over, true, __ATOMIC_RELEASE);
	assert_ok(pthread_join(thread, NULL));
	assert_int_equal(wrong, 0);
}

/* A ban that is extended as fast as it can be, as the kernel's program does it. */
struct extending {
	__u64 *word;
	bool over;
};

static void *extend(void *argument)
{
	struct extending *extending = argument;

	for (uint64_t n = 0; !__atomic_load_n(&extending->over, __ATOMIC_ACQUIRE); n++) {
		__u64 word = __atomic_load_n(extending->word, __ATOMIC_ACQUIRE);
		uint64_t fresh = filter_next_word(word, ends_at(1000 + n % 1000), (uint8_t)word);

		if (word >> BAN_END_SHIFT)
			__atomic_compare_exchange_n(extending->word, &word, fresh, false,
						    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

enum { EXTENSIONS = 500000 };

/* How often there was no ban that should have been, and one that should not. */
struct wrong {
	unsigned missed;
	unsigned left;
};

static struct wrong find_and_end(struct tables *tables, const struct prefix *wanted)
{
	struct ban ban = { *wanted, 1000, false }, found;
	struct wrong wrong = { 0 };

	for (unsigned i = 0; i < EXTENSIONS; i++) {
		wrong.missed += !ban_find(tables, wanted, NOW, &found);
		if (i % 2)
			continue;
		wrong.left += ban_remove(tables, wanted, NOW) < 0;
		wrong.left += ban_find(tables, wanted, NOW, &found);
		wrong.missed += ban_add(tables, &ban, NOW, NULL) < 0;
	}
	return wrong;
}

static void a_ban_that_is_extended_is_found_and_ended(void **state)
{
	struct plain *plain = *state;

	for (size_t row = 1; row < ARRAY_SIZE(one_of_each); row++) {
		struct slots slots = slots_of(&plain->tables, one_of_each[row], true);
		struct extending extending = { .word = slots.words[0] };
		struct wrong wrong;
		pthread_t thread;

		*slots.words[0] = slots.word | ends_at(1000);
		assert_ok(pthread_create(&thread, NULL, extend, &extending));
		wrong = find_and_end(&plain->tables, &slots.prefix);
		__atomic_store_n(&extending.over, true, __ATOMIC_RELEASE);
		assert_ok(pthread_join(thread, NULL));
		assert_int_equal(wrong.missed, 0);
		assert_int_equal(wrong.left, 0);
		assert_ok(ban_remove(&plain->tables, &slots.prefix, NOW));
	}
}

#define on_tables(test) cmocka_unit_test_setup_teardown(test, make, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_tables(what_stands_twice_is_one_ban),
		on_tables(a_claimed_slot_is_left_alone),
		on_tables(a_change_raises_the_number_in_the_word),
		on_tables(a_ban_of_no_address_leaves_a_trace),
		on_tables(half_a_change_is_never_seen),
		on_tables(a_ban_that_is_extended_is_found_and_ended),
		cmocka_unit_test(writers_and_readers_do_not_disturb_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
