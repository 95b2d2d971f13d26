// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include "base/timestamp.h"
#include "modules/filter/sources.h"
#include "modules/filter/terms.h"
#include "plain.h"

enum { CPUS = 2, HZ = 250 };

struct scene {
	struct plain plain;
	struct store store;
	struct filter_meter_bucket *meters;
	struct filter_sighting *sightings;
	size_t meter_count, sighting_count;
};

static int make(void **state)
{
	static struct scene scene;

	memset(&scene, 0, sizeof(scene));
	plain_make(&scene.plain);
	scene.meters = calloc(METER_BUCKETS, sizeof(*scene.meters));
	scene.sightings = calloc(CPUS * SIGHTINGS_PER_CPU, sizeof(*scene.sightings));
	scene.store = STORE_NONE;
	scene.store.tables = scene.plain.tables;
	scene.store.meters = scene.meters;
	scene.store.sightings = scene.sightings;
	/* As if the machine had been up for long. */
	scene.store.ticks =
		(struct ticks){ .hz = HZ, .shift = 5, .anchor_jiffies = 100ULL * 86400 * HZ };
	*state = &scene;
	return 0;
}

static int destroy(void **state)
{
	struct scene *scene = *state;

	plain_free(&scene->plain);
	free(scene->meters);
	free(scene->sightings);
	return 0;
}

static uint64_t key(const char *text)
{
	struct address whole = address(text);

	return filter_source_key(address_is_v4(&whole) ? FAMILY_V4 : FAMILY_V6, key_of(&whole));
}

/* A meter that was full again so many seconds ago. */
static void meter(struct scene *scene, uint64_t source, uint32_t id, uint32_t count, int64_t ago)
{
	uint64_t now = terms_meter_time(&scene->store.ticks, timestamp_boottime());
	size_t i = 17 * scene->meter_count++;

	scene->meters[i / METER_SLOTS].slot[i % METER_SLOTS] = (struct filter_meter){
		.key = source,
		.due = now - (uint64_t)(ago * HZ * (1 << METER_SHIFT)),
		.use = id << 24 | count,
	};
}

static void sighting(struct scene *scene, uint32_t cpu, const char *source, uint32_t reason,
		     uint64_t packets, int32_t ago)
{
	struct address whole = address(source);

	scene->sightings[cpu * SIGHTINGS_PER_CPU + 5 * scene->sighting_count++] =
		(struct filter_sighting){ .source = key_of(&whole),
					  .packets = packets,
					  .bytes = 60 * packets,
					  .last = store_now(&scene->store) - (uint32_t)ago,
					  .reason = reason };
}

static void check(const struct source_count *count, const char *source, uint64_t packets)
{
	char text[PREFIX_TEXT];

	assert_string_equal(prefix_format(&count->source, text), source);
	assert_int_equal(count->packets, packets);
}

/* ---- connecting -------------------------------------------------------------------------- */

static void a_source_is_summed_over_guards(void **state)
{
	struct scene *scene = *state;
	struct source_count top[3];

	assert_int_equal(sources_connecting(&scene->store, top, 3), 0);
	meter(scene, key("10.0.0.1"), filter_meter_id(1, METER_CONNECTIONS), 5, -10);
	meter(scene, key("10.0.0.1"), filter_meter_id(0, METER_CONNECTIONS), 7, -10);
	meter(scene, key("10.0.0.1"), filter_meter_id(63, METER_CONNECTIONS), 1, 30);
	meter(scene, key("2001:db8:0:7::1"), filter_meter_id(1, METER_CONNECTIONS), 20, -10);
	meter(scene, key("fd77::1"), filter_meter_id(1, METER_CONNECTIONS), 2, -10);
	meter(scene, key("10.0.0.9"), filter_meter_id(1, METER_CONNECTIONS), 1, -10);
	assert_int_equal(sources_connecting(&scene->store, top, 3), 3);
	check(&top[0], "2001:db8:0:7::/64", 20);
	check(&top[1], "10.0.0.1", 13);
	check(&top[2], "fd77::/64", 2);
}

static void only_attempts_of_the_last_minutes_count(void **state)
{
	struct scene *scene = *state;
	struct source_count top[10];
	static const uint64_t shadow = 1ULL << 63;

	meter(scene, key("10.0.0.1"), filter_meter_id(1, METER_CONNECTIONS), 1, 590);
	meter(scene, key("10.0.0.2"), filter_meter_id(1, METER_CONNECTIONS), 9, 620);
	meter(scene, key("10.0.0.3"), filter_meter_id(1, METER_PACKETS), 9, -10);
	meter(scene, key("10.0.0.4"), filter_meter_id(1, METER_BYTES), 9, -10);
	meter(scene, key("10.0.0.5"), filter_meter_id(1, METER_CONNECTIONS), 0, -10);
	/* What a shadow policy charges. */
	meter(scene, key("10.0.0.6") ^ shadow, filter_meter_id(1, METER_CONNECTIONS), 9, -10);
	meter(scene, key("2001:db8::") ^ shadow, filter_meter_id(1, METER_CONNECTIONS), 9, -10);
	meter(scene, key("fd77::") ^ shadow, filter_meter_id(1, METER_CONNECTIONS), 9, -10);
	meter(scene, key("fe80::"), filter_meter_id(1, METER_CONNECTIONS), 1, -10);
	assert_int_equal(sources_connecting(&scene->store, top, 10), 2);
	check(&top[0], "10.0.0.1", 1);
	check(&top[1], "fe80::/64", 1);
}

/* ---- dropped ------------------------------------------------------------------------------ */

static void a_source_is_summed_over_cpus_and_reasons(void **state)
{
	struct scene *scene = *state;
	struct source_count top[10];

	sighting(scene, 0, "10.0.0.1", REASON_BANNED, 5, 0);
	sighting(scene, 1, "10.0.0.1", REASON_MALFORMED, 8, SIGHTING_IDLE - 2);
	sighting(scene, 1, "2001:db8::1", REASON_SHED, 6, 1);
	sighting(scene, 1, "2001:db8::2", REASON_SHED, 6, 1);
	sighting(scene, 0, "10.0.0.3", REASON_LIMITED, 1, -1); /* a clock ahead of ours */
	assert_int_equal(sources_dropped(&scene->store, top, 2), 2);
	assert_int_equal(sources_dropped(&scene->store, top, 10), 3);
	check(&top[2], "10.0.0.3", 1);
	check(&top[0], "10.0.0.1", 13);
	assert_int_equal(top[0].bytes, 60 * 13);
	assert_int_equal(top[0].reason, REASON_MALFORMED);
	check(&top[1], "2001:db8::/64", 12);
	assert_int_equal(top[1].reason, REASON_SHED);
}

static void what_stopped_or_was_no_drop_is_left_out(void **state)
{
	struct scene *scene = *state;
	struct source_count top[10];

	sighting(scene, 0, "10.0.0.1", REASON_BANNED, 5, SIGHTING_IDLE + 1);
	sighting(scene, 0, "10.0.0.2", SIGHT_WATCHED, 5, 0);
	sighting(scene, 0, "10.0.0.3", REASON_COOKIE, 5, 0);
	sighting(scene, 0, "10.0.0.4", REASON_LIMITED, 1, 0);
	assert_int_equal(sources_dropped(&scene->store, top, 10), 1);
	check(&top[0], "10.0.0.4", 1);
}

/* ---- merging ------------------------------------------------------------------------------ */

static void merging_keeps_the_sum_and_the_order(void **state)
{
	struct source_count rows[400];
	uint64_t seed = 61, total = 0;
	size_t count;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		rows[i] = (struct source_count){
			.source = source_prefix(KEY_V4_LOW | (random_next(&seed) % 50)),
			.packets = random_next(&seed) % 10,
		};
		total += rows[i].packets;
	}
	count = sources_merge(rows, ARRAY_SIZE(rows));
	assert_int_equal(count, 50);
	for (size_t i = 0; i < count; i++) {
		total -= rows[i].packets;
		assert_true(i == 0 || rows[i - 1].packets >= rows[i].packets);
		for (size_t other = 0; other < i; other++)
			assert_false(prefix_equal(&rows[other].source, &rows[i].source));
	}
	assert_int_equal(total, 0);
	assert_int_equal(sources_merge(rows, 0), 0);
}

#define in_a_scene(test) cmocka_unit_test_setup_teardown(test, make, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_scene(a_source_is_summed_over_guards),
		in_a_scene(only_attempts_of_the_last_minutes_count),
		in_a_scene(a_source_is_summed_over_cpus_and_reasons),
		in_a_scene(what_stopped_or_was_no_drop_is_left_out),
		cmocka_unit_test(merging_keeps_the_sum_and_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
