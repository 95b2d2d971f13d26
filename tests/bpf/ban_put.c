// SPDX-License-Identifier: GPL-2.0-or-later
/* Bans that the kernel puts into each table, by themselves and while user space changes them. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "ban_put.h"
#include "ban_put.skel.h"
#include "harness.h"
#include "modules/filter/tables.h"

enum { NOW = 100 };
#define SEED 0x9a3c81d24e7f5b63

struct kernel {
	struct ban_put_bpf *skeleton;
	struct tables tables;
};

static void *map_memory(const struct bpf_map *map, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	assert_true(memory != MAP_FAILED);
	return memory;
}

enum { BANS4_SIZE = BAN4_BUCKETS * 64, BANS6_SIZE = BAN6_BUCKETS * 64 };
enum { BANS_WIDE_SIZE = BAN_WIDE_BUCKETS * 64 };

static int load(void **state)
{
	static struct kernel kernel;
	struct tables *tables = &kernel.tables;

	kernel.skeleton = ban_put_bpf__open();
	assert_non_null(kernel.skeleton);
	kernel.skeleton->rodata->seed = SEED;
	kernel.skeleton->rodata->tick_shift = TEST_TICK_SHIFT;
	assert_ok(ban_put_bpf__load(kernel.skeleton));
	tables->state = &kernel.skeleton->bss->globals.state;
	tables->state->seed = SEED;
	tables->state->tick_offset = (uint64_t)NOW << TEST_TICK_SHIFT;
	tables->hints = calloc(HINT_WORDS, sizeof(uint64_t));
	assert_non_null(tables->hints);
	tables->bans4 = map_memory(kernel.skeleton->maps.bans4, BANS4_SIZE);
	tables->bans6 = map_memory(kernel.skeleton->maps.bans6, BANS6_SIZE);
	tables->bans_wide = map_memory(kernel.skeleton->maps.bans_wide, BANS_WIDE_SIZE);
	pin_to_cpu(0);
	*state = &kernel;
	return 0;
}

static int unload(void **state)
{
	struct kernel *kernel = *state;

	free(kernel->tables.hints);
	munmap(kernel->tables.bans4, BANS4_SIZE);
	munmap(kernel->tables.bans6, BANS6_SIZE);
	munmap(kernel->tables.bans_wide, BANS_WIDE_SIZE);
	ban_put_bpf__destroy(kernel->skeleton);
	return 0;
}

/* The answer of the last of `times`; a system call that fails is none of them. */
static int put_times(const struct kernel *kernel, const struct prefix *prefix, uint32_t end,
		     uint32_t times)
{
	struct put_request request = { .key = key_of(&prefix->address),
				       .length = prefix->length,
				       .end = end,
				       .times = times };
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &request, .ctx_size_in = sizeof(request));
	int fd = bpf_program__fd(kernel->skeleton->progs.put_bans);

	return bpf_prog_test_run_opts(fd, &options) < 0 ? -EIO : request.result;
}

static int put(const struct kernel *kernel, const struct prefix *prefix, uint32_t end)
{
	return put_times(kernel, prefix, end, 1);
}

/* ---- where it stands --------------------------------------------------------------- */

/* One of each table, of the wide one with either half of the key: what it is of, and its layout. */
struct layout {
	const char *name;
	uint8_t length;
	bool v4; /* the keys differ in `low` */
	uint32_t buckets, probes, slots, keys;
};

static const struct layout layouts[] = {
	{ "bans4", 128, true, BAN4_BUCKETS, BAN4_PROBES, BAN4_SLOTS, 0 },
	{ "bans6", 64, false, BAN6_BUCKETS, BAN6_PROBES, BAN6_SLOTS, 1 },
	{ "bans_wide, IPv6", 56, false, BAN_WIDE_BUCKETS, WIDE_PROBES, WIDE_SLOTS, 2 },
	{ "bans_wide, IPv4", 120, true, BAN_WIDE_BUCKETS, WIDE_PROBES, WIDE_SLOTS, 2 },
};

static uint32_t home_of(const struct layout *layout, struct filter_key key)
{
	if (layout->keys == 0)
		return filter_ban4_home((uint32_t)key.low, SEED);
	if (layout->keys == 1)
		return filter_ban6_home(key.high, SEED);
	return filter_wide_hash(key, layout->length, SEED) % BAN_WIDE_BUCKETS;
}

/* Prefixes whose home is the last bucket, so that their slots go round to the first. */
static void find_prefixes(const struct layout *layout, struct prefix *prefixes, size_t count)
{
	struct filter_key key = { layout->v4 ? 0 : 0x20010db800000000,
				  layout->v4 ? KEY_V4_LOW | 0x01000000 : 0 };
	__u64 *half = layout->v4 ? &key.low : &key.high;

	for (size_t i = 0; i < count;) {
		*half += 1ULL << ((layout->v4 ? 128 : 64) - layout->length);
		if (home_of(layout, key) == layout->buckets - 1)
			prefixes[i++] = (struct prefix){ address_of(key), layout->length };
	}
}

/* The word of the i-th slot that they may stand in. */
static __u64 *word_at(const struct kernel *kernel, const struct layout *layout, uint32_t i)
{
	void *tables[] = { kernel->tables.bans4, kernel->tables.bans6, kernel->tables.bans_wide };
	struct ban_bucket *buckets = tables[layout->keys];
	uint32_t bucket = (layout->buckets - 1 + i / layout->slots) % layout->buckets;

	return &buckets[bucket]
			.words[i % layout->slots * (BUCKET_WORDS / layout->slots) + layout->keys];
}

static uint32_t number_of(uint64_t word)
{
	return word >> 8 & 0xffffff;
}

static void user_adds(struct kernel *kernel, const struct prefix *prefix, uint32_t end, bool forced)
{
	struct ban ban = { *prefix, end, forced };

	assert_ok(ban_add(&kernel->tables, &ban, NOW, NULL));
}

static void user_removes(struct kernel *kernel, const struct prefix *prefix)
{
	assert_ok(ban_remove(&kernel->tables, prefix, NOW));
}

static void expect_ban(const struct kernel *kernel, const struct layout *layout,
		       const struct prefix *prefix, uint32_t end, bool forced)
{
	struct ban found;

	assert_row(ban_find(&kernel->tables, prefix, NOW, &found), layout->name);
	assert_row(found.end == end, layout->name);
	assert_row(found.forced == forced, layout->name);
}

static size_t slots_in_force(const struct kernel *kernel)
{
	struct tables_fill fill;

	tables_fill(&kernel->tables, NOW, &fill);
	return fill.bans4.used + fill.bans6.used + fill.bans_wide.used;
}

/* ---- one writer -------------------------------------------------------------------- */

static void a_ban_is_never_made_shorter_nor_less_forced(struct kernel *kernel,
							const struct layout *layout)
{
	struct prefix prefix;

	find_prefixes(layout, &prefix, 1);
	assert_ok(put(kernel, &prefix, 200));
	expect_ban(kernel, layout, &prefix, 200, false);
	assert_ok(put(kernel, &prefix, 150));
	expect_ban(kernel, layout, &prefix, 200, false);
	assert_ok(put(kernel, &prefix, 300));
	expect_ban(kernel, layout, &prefix, 300, false);
	user_adds(kernel, &prefix, 400, true);
	assert_ok(put(kernel, &prefix, 500));
	expect_ban(kernel, layout, &prefix, 500, true);
	user_adds(kernel, &prefix, BAN_FOREVER, false);
	assert_ok(put(kernel, &prefix, 500));
	expect_ban(kernel, layout, &prefix, BAN_FOREVER, false);

	/* What is over counts for nothing: neither that it was forced ... */
	user_adds(kernel, &prefix, NOW, true);
	assert_ok(put(kernel, &prefix, 101));
	expect_ban(kernel, layout, &prefix, 101, false);
	/* ... nor that it was. */
	user_removes(kernel, &prefix);
	assert_ok(put(kernel, &prefix, 102));
	expect_ban(kernel, layout, &prefix, 102, false);
	assert_int_equal(slots_in_force(kernel), 1);
	assert_int_equal(*word_at(kernel, layout, 1), 0);
}

static void an_entry_behind_a_free_slot_is_found(struct kernel *kernel, const struct layout *layout)
{
	struct prefix prefixes[3];
	uint64_t word;

	find_prefixes(layout, prefixes, 3);
	for (size_t i = 0; i < 3; i++)
		assert_ok(put(kernel, &prefixes[i], 200));
	user_removes(kernel, &prefixes[0]);
	word = *word_at(kernel, layout, 0);
	assert_ok(put(kernel, &prefixes[2], 300));
	expect_ban(kernel, layout, &prefixes[2], 300, false);
	assert_row(*word_at(kernel, layout, 0) == word, layout->name);
	assert_int_equal(slots_in_force(kernel), 2);
	/* Ended itself, it is still where it stood. */
	user_removes(kernel, &prefixes[2]);
	assert_ok(put(kernel, &prefixes[2], 300));
	assert_row(*word_at(kernel, layout, 0) == word, layout->name);
	/* A newcomer takes the free one. */
	user_removes(kernel, &prefixes[1]);
	assert_ok(put(kernel, &prefixes[0], 300));
	assert_row(*word_at(kernel, layout, 0) != word, layout->name);
	expect_ban(kernel, layout, &prefixes[0], 300, false);
	expect_ban(kernel, layout, &prefixes[2], 300, false);
	assert_row(!ban_find(&kernel->tables, &prefixes[1], NOW, &(struct ban){}), layout->name);
}

static void a_full_neighbourhood_refuses(struct kernel *kernel, const struct layout *layout)
{
	uint32_t room = layout->probes * layout->slots;
	CLEANUP_FREE struct prefix *prefixes = calloc(room + 1, sizeof(*prefixes));

	assert_non_null(prefixes);
	find_prefixes(layout, prefixes, room + 1);
	for (uint32_t i = 0; i < room; i++)
		assert_row(put(kernel, &prefixes[i], 200) == 0, layout->name);
	for (uint32_t i = 0; i < room; i++)
		expect_ban(kernel, layout, &prefixes[i], 200, false);
	assert_int_equal(put(kernel, &prefixes[room], 200), -ENOSPC);
	assert_false(ban_find(&kernel->tables, &prefixes[room], NOW, &(struct ban){}));
	assert_int_equal(slots_in_force(kernel), room);
	assert_ok(put(kernel, &prefixes[room - 1], 300));
	expect_ban(kernel, layout, &prefixes[room - 1], 300, false);
	user_removes(kernel, &prefixes[room / 2]);
	assert_ok(put(kernel, &prefixes[room], 200));
	expect_ban(kernel, layout, &prefixes[room], 200, false);
	for (uint32_t i = 0; i <= room; i++)
		if (i != room / 2)
			user_removes(kernel, &prefixes[i]);
	assert_int_equal(slots_in_force(kernel), 0);
}

/* Who was killed while he wrote it leaves it claimed. */
static void a_claimed_slot_is_left_alone(struct kernel *kernel, const struct layout *layout)
{
	uint64_t claimed = 7 << 8 | LENGTH_NONE;
	struct prefix prefix;

	if (!layout->keys)
		return;
	find_prefixes(layout, &prefix, 1);
	*word_at(kernel, layout, 0) = claimed;
	assert_ok(put(kernel, &prefix, 200));
	assert_ok(put(kernel, &prefix, 300));
	assert_row(*word_at(kernel, layout, 0) == claimed, layout->name);
	assert_row(*word_at(kernel, layout, 2) == 0, layout->name);
	expect_ban(kernel, layout, &prefix, 300, false);
}

/* A network and the one around it may have the same key. */
static void another_length_is_another_ban(struct kernel *kernel, const struct layout *layout)
{
	__u64 *word = word_at(kernel, layout, 0);
	struct prefix prefix;
	struct filter_key key;
	uint64_t other;

	if (!layout->keys)
		return;
	find_prefixes(layout, &prefix, 1);
	key = key_of(&prefix.address);
	other = (uint64_t)BAN_FOREVER << BAN_END_SHIFT | (layout->length - 1);
	memcpy(word - layout->keys, &key, layout->keys * sizeof(*word));
	*word = other;
	assert_ok(put(kernel, &prefix, 200));
	assert_row(*word == other, layout->name);
	expect_ban(kernel, layout, &prefix, 200, false);
}

/* By it a reader sees that a key was changed under him; where nothing changes it may stay. */
static void a_change_raises_the_number(struct kernel *kernel, const struct layout *layout)
{
	__u64 *word = word_at(kernel, layout, 0);
	struct prefix prefixes[2];

	if (!layout->keys)
		return;
	find_prefixes(layout, prefixes, 2);
	assert_ok(put(kernel, &prefixes[0], 200));
	user_removes(kernel, &prefixes[0]);
	*word = (*word & ~0xffffff00ULL) | 0xfffffeULL << 8;
	/* Of another key: claimed, then written. */
	assert_ok(put(kernel, &prefixes[1], 200));
	assert_int_equal(number_of(*word), 0);
	expect_ban(kernel, layout, &prefixes[1], 200, false);
	assert_ok(put(kernel, &prefixes[1], 300));
	assert_int_equal(number_of(*word), 1);
	expect_ban(kernel, layout, &prefixes[1], 300, false);
}

/* ---- two writers ------------------------------------------------------------------- */

enum { ROUNDS = 120000, ROUNDS_SLOW = 3000, KEYS = 8 };

static uint32_t rounds = ROUNDS;

/* cmocka's own asserts are for one thread. */
struct race {
	struct kernel *kernel;
	struct prefix kernels[KEYS], users[KEYS];
	struct prefix bystander;
	uint32_t end;
	uint32_t round, done;
	uint32_t wrong;
	bool over;
};

static void require(struct race *race, bool condition)
{
	__atomic_fetch_add(&race->wrong, !condition, __ATOMIC_RELAXED);
}

static void require_ban(struct race *race, const struct prefix *prefix, uint32_t end)
{
	struct ban found;

	require(race, ban_find(&race->kernel->tables, prefix, NOW, &found) && found.end == end);
}

static void require_no_ban(struct race *race, const struct prefix *prefix)
{
	struct ban found;

	require(race, !ban_find(&race->kernel->tables, prefix, NOW, &found));
}

static void *put_and_remove(void *argument)
{
	struct race *race = argument;

	pin_to_cpu(1);
	for (uint32_t i = 0; i < rounds; i++) {
		const struct prefix *prefix = &race->kernels[i % KEYS];

		require(race, put_times(race->kernel, prefix, 1000, 2) == 0);
		require_ban(race, prefix, 1001);
		require(race, ban_remove(&race->kernel->tables, prefix, NOW) == 0);
		require_no_ban(race, prefix);
	}
	__atomic_store_n(&race->over, true, __ATOMIC_RELEASE);
	return NULL;
}

static void add_and_remove(struct race *race)
{
	struct tables *tables = &race->kernel->tables;

	for (uint32_t i = 0; !__atomic_load_n(&race->over, __ATOMIC_ACQUIRE); i++) {
		struct ban ban = { race->users[i % KEYS], 2000, true };

		require(race, ban_add(tables, &ban, NOW, NULL) == 0);
		require_ban(race, &ban.prefix, 2000);
		require(race, ban_remove(tables, &ban.prefix, NOW) == 0);
		/* While others take its slot. */
		for (int look = 0; look < 8; look++)
			require_no_ban(race, &ban.prefix);
		require_ban(race, &race->bystander, BAN_FOREVER);
	}
}

/* What the kernel bans and unbans, and what user space does, pass each other their slots. */
static void who_takes_a_slot_has_it_alone(struct kernel *kernel, const struct layout *layout)
{
	struct race race = { .kernel = kernel };
	struct prefix prefixes[2 * KEYS + 1];
	pthread_t thread;

	find_prefixes(layout, prefixes, ARRAY_SIZE(prefixes));
	memcpy(race.kernels, prefixes, sizeof(race.kernels));
	memcpy(race.users, prefixes + KEYS, sizeof(race.users));
	race.bystander = prefixes[2 * KEYS];
	user_adds(kernel, &prefixes[0], 1000, false);
	user_adds(kernel, &race.bystander, BAN_FOREVER, true);
	user_removes(kernel, &prefixes[0]);
	assert_ok(pthread_create(&thread, NULL, put_and_remove, &race));
	add_and_remove(&race);
	assert_ok(pthread_join(thread, NULL));
	assert_row(race.wrong == 0, layout->name);
	assert_int_equal(slots_in_force(kernel), 1);
	expect_ban(kernel, layout, &race.bystander, BAN_FOREVER, true);
}

/* Each a little longer than the other's last, and at least so long it then is. */
static void *put_longer(void *argument)
{
	struct race *race = argument;
	struct ban found;

	for (uint32_t i = 0; i < rounds; i++) {
		uint32_t end = __atomic_add_fetch(&race->end, 1, __ATOMIC_RELAXED);

		require(race, put(race->kernel, &race->kernels[0], end) == 0);
		require(race, ban_find(&race->kernel->tables, &race->kernels[0], NOW, &found) &&
				      found.end >= end);
	}
	return NULL;
}

static void *put_longer_there(void *argument)
{
	pin_to_cpu(1);
	return put_longer(argument);
}

static void two_cpus_put_one_ban(struct kernel *kernel, const struct layout *layout)
{
	struct race race = { .kernel = kernel, .end = 1000 };
	pthread_t thread;

	find_prefixes(layout, race.kernels, 1);
	assert_ok(pthread_create(&thread, NULL, put_longer_there, &race));
	put_longer(&race);
	assert_ok(pthread_join(thread, NULL));
	assert_row(race.wrong == 0, layout->name);
	assert_int_equal(ban_count(&kernel->tables, NOW), 1);
	expect_ban(kernel, layout, &race.kernels[0], 1000 + 2 * rounds, false);
	user_removes(kernel, &race.kernels[0]);
	assert_int_equal(slots_in_force(kernel), 0);
}

static void *put_when_told(void *argument)
{
	struct race *race = argument;

	pin_to_cpu(1);
	for (uint32_t i = 1; i <= rounds / 10; i++) {
		while (__atomic_load_n(&race->round, __ATOMIC_ACQUIRE) != i)
			sched_yield();
		require(race, put(race->kernel, &race->kernels[i % KEYS], 1000) == 0);
		__atomic_store_n(&race->done, i, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* It may stand twice then; it is one ban that ends later, and is ended at once. */
static void two_cpus_make_one_ban(struct kernel *kernel, const struct layout *layout)
{
	struct race race = { .kernel = kernel };
	pthread_t thread;

	find_prefixes(layout, race.kernels, KEYS);
	assert_ok(pthread_create(&thread, NULL, put_when_told, &race));
	for (uint32_t i = 1; i <= rounds / 10; i++) {
		const struct prefix *prefix = &race.kernels[i % KEYS];

		__atomic_store_n(&race.round, i, __ATOMIC_RELEASE);
		require(&race, put(kernel, prefix, 1001) == 0);
		while (__atomic_load_n(&race.done, __ATOMIC_ACQUIRE) != i)
			sched_yield();
		require_ban(&race, prefix, 1001);
		require(&race, ban_remove(&kernel->tables, prefix, NOW) == 0);
		require_no_ban(&race, prefix);
	}
	assert_ok(pthread_join(thread, NULL));
	assert_row(race.wrong == 0, layout->name);
	assert_int_equal(slots_in_force(kernel), 0);
}

/* ---- each of them, in each table ------------------------------------------------------ */

typedef void table_test(struct kernel *kernel, const struct layout *layout);

static void try_each(struct kernel *kernel, table_test *test)
{
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		memset(kernel->tables.bans4, 0, BANS4_SIZE);
		memset(kernel->tables.bans6, 0, BANS6_SIZE);
		memset(kernel->tables.bans_wide, 0, BANS_WIDE_SIZE);
		test(kernel, &layouts[i]);
	}
}

#define IN_EACH_TABLE(test)                   \
	static void each_##test(void **state) \
	{                                     \
		try_each(*state, test);       \
	}

IN_EACH_TABLE(a_ban_is_never_made_shorter_nor_less_forced)
IN_EACH_TABLE(an_entry_behind_a_free_slot_is_found)
IN_EACH_TABLE(a_full_neighbourhood_refuses)
IN_EACH_TABLE(a_claimed_slot_is_left_alone)
IN_EACH_TABLE(another_length_is_another_ban)
IN_EACH_TABLE(a_change_raises_the_number)
IN_EACH_TABLE(who_takes_a_slot_has_it_alone)
IN_EACH_TABLE(two_cpus_put_one_ban)
IN_EACH_TABLE(two_cpus_make_one_ban)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_a_ban_is_never_made_shorter_nor_less_forced),
		cmocka_unit_test(each_an_entry_behind_a_free_slot_is_found),
		cmocka_unit_test(each_a_full_neighbourhood_refuses),
		cmocka_unit_test(each_a_claimed_slot_is_left_alone),
		cmocka_unit_test(each_another_length_is_another_ban),
		cmocka_unit_test(each_a_change_raises_the_number),
		cmocka_unit_test(each_who_takes_a_slot_has_it_alone),
		cmocka_unit_test(each_two_cpus_put_one_ban),
		cmocka_unit_test(each_two_cpus_make_one_ban),
	};

	if (geteuid() != 0) {
		printf("1..0 # SKIP ban_put: loading BPF programs needs root\n");
		return 0;
	}
	if (getenv("SUMUN_SLOW")) /* as an emulated machine is */
		rounds = ROUNDS_SLOW;
	return cmocka_run_group_tests(tests, load, unload);
}
