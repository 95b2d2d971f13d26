// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include "../../capture.h"
#include "base/timestamp.h"
#include "modules/filter/fills.h"
#include "modules/filter/terms.h"
#include "plain.h"

struct scene {
	struct plain plain;
	struct store store;
	struct filter_meter_bucket *meters;
	struct filter_scanner_group *scanners;
	struct fills_watch watch;
};

static int make(void **state)
{
	static struct scene scene;

	memset(&scene, 0, sizeof(scene));
	plain_make(&scene.plain);
	scene.meters = calloc(METER_BUCKETS, sizeof(*scene.meters));
	scene.scanners = calloc(SCANNER_GROUPS, sizeof(*scene.scanners));
	scene.store = STORE_NONE;
	scene.store.tables = scene.plain.tables;
	scene.store.meters = scene.meters;
	scene.store.scanners = scene.scanners;
	scene.store.ticks = (struct ticks){ .hz = 250, .shift = 5 };
	*state = &scene;
	return 0;
}

static int destroy(void **state)
{
	struct scene *scene = *state;

	plain_free(&scene->plain);
	free(scene->meters);
	free(scene->scanners);
	return 0;
}

/* The first `used` meters owe something, by the clock that packets go by. */
static void use_meters(struct scene *scene, size_t used)
{
	uint64_t now = terms_meter_time(&scene->store.ticks, timestamp_boottime());

	for (size_t i = 0; i < METER_CAPACITY; i++)
		scene->meters[i / METER_SLOTS].slot[i % METER_SLOTS].due =
			i < used ? now + (60ULL * 250 << METER_SHIFT) : now - 1;
}

/* What is said in so many seconds. */
static const char *watch(struct scene *scene, int seconds)
{
	static struct capture capture;

	capture_begin(&capture, STDERR_FILENO);
	for (int i = 0; i < seconds; i++)
		fills_watch(&scene->watch, &scene->store);
	return capture_end(&capture);
}

/* ---- levels ----------------------------------------------------------------------------- */

static void a_level_holds_until_it_is_clearly_over(void **state)
{
	static const struct {
		size_t used; /* of 1000 */
		enum fill_level level;
	} steps[] = {
		{ 0, FILL_FINE },    { 799, FILL_FINE }, { 800, FILL_HIGH }, { 790, FILL_HIGH },
		{ 700, FILL_HIGH },  { 801, FILL_HIGH }, { 989, FILL_HIGH }, { 990, FILL_FULL },
		{ 985, FILL_FULL },  { 700, FILL_FULL }, { 699, FILL_FINE }, { 790, FILL_FINE },
		{ 1000, FILL_FULL }, { 0, FILL_FINE },
	};
	enum fill_level level = FILL_FINE;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct fill fill = { steps[i].used, 1000 };

		level = fill_level(level, &fill);
		if (level != steps[i].level)
			fail_msg("step %zu: %d", i, level);
	}
	assert_int_equal(fill_percent(&(struct fill){ 0, 0 }), 0);
	assert_int_equal(fill_percent(&(struct fill){ 799, 1000 }), 79);
}

/* ---- measuring -------------------------------------------------------------------------- */

static void what_is_over_takes_no_place(void **state)
{
	struct scene *scene = *state;
	uint64_t now = terms_meter_time(&scene->store.ticks, timestamp_boottime());
	struct ban ban = { .prefix = prefix("10.0.0.1"), .end = BAN_FOREVER };
	struct fills fills;

	use_meters(scene, 77);
	scene->scanners[3].slot[2].due = now + (60ULL * 250 << METER_SHIFT);
	scene->scanners[SCANNER_GROUPS - 1].slot[SCANNER_SLOTS - 1].due = UINT64_MAX;
	scene->scanners[4].slot[0].due = now - 1;
	assert_ok(ban_add(&scene->plain.tables, &ban, 1, NULL));
	ban.prefix = prefix("2001:db8::/64");
	assert_ok(ban_add(&scene->plain.tables, &ban, 1, NULL));
	ban.prefix = prefix("2001:db8:1::/64");
	assert_ok(ban_add(&scene->plain.tables, &ban, 1, NULL));
	ban.prefix = prefix("2001:db8::/48");
	assert_ok(ban_add(&scene->plain.tables, &ban, 1, NULL));
	ban.prefix = prefix("10.0.0.2");
	ban.end = 2; /* long ago */
	assert_ok(ban_add(&scene->plain.tables, &ban, 1, NULL));

	fills_measure(&scene->store, &fills);
	assert_int_equal(fills.tables[TABLE_METERS].used, 77);
	assert_int_equal(fills.tables[TABLE_METERS].capacity, METER_CAPACITY);
	assert_int_equal(fills.tables[TABLE_SCANNERS].used, 2);
	assert_int_equal(fills.tables[TABLE_BANS4].used, 1);
	assert_int_equal(fills.tables[TABLE_BANS6].used, 2);
	assert_int_equal(fills.tables[TABLE_BANS_WIDE].used, 1);
	for (enum filter_table table = 0; table < TABLE_COUNT; table++)
		assert_true(fills.tables[table].capacity > 1000);
}

/* ---- watching --------------------------------------------------------------------------- */

static void each_level_is_said_once(void **state)
{
	struct scene *scene = *state;

	use_meters(scene, METER_CAPACITY / 2);
	assert_string_equal(watch(scene, 10), "");
	use_meters(scene, METER_CAPACITY / 10 * 9);
	assert_non_null(strstr(watch(scene, 10), "sources that guards count is filling up"));
	assert_string_equal(watch(scene, 30), "");
	use_meters(scene, METER_CAPACITY);
	assert_non_null(strstr(watch(scene, 10), "is full, 131,072 of 131,072; what then happens"));
	assert_string_equal(watch(scene, 10), "");
	use_meters(scene, METER_CAPACITY / 4 * 3);
	assert_string_equal(watch(scene, 10), "");
	use_meters(scene, METER_CAPACITY / 2);
	assert_non_null(strstr(watch(scene, 10), "has room again"));
	assert_string_equal(watch(scene, 10), "");
}

static void it_looks_every_ten_seconds(void **state)
{
	struct scene *scene = *state;

	watch(scene, 1);
	use_meters(scene, METER_CAPACITY);
	assert_string_equal(watch(scene, 9), "");
	assert_int_equal(occurrences(watch(scene, 1), "\n"), 1);
}

#define in_a_scene(test) cmocka_unit_test_setup_teardown(test, make, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_level_holds_until_it_is_clearly_over),
		in_a_scene(what_is_over_takes_no_place),
		in_a_scene(each_level_is_said_once),
		in_a_scene(it_looks_every_ten_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
