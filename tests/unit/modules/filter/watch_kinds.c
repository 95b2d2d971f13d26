// SPDX-License-Identifier: GPL-2.0-or-later
/* The part of watch.c that is about more than drops, and about being asked for a part. */
#include "../../unit.h"

#include "watch_scene.h"

/* ---- what is no drop ---------------------------------------------------------------------- */

static void watched_ports_are_told_beside_the_drops(void **state)
{
	struct scene *scene = *state;

	for (int i = 0; i < 11; i++)
		drop_and_read(scene, i % 2, "192.0.2.7", SIGHT_WATCHED);
	for (int i = 0; i < 5; i++)
		drop_and_read(scene, 0, "192.0.2.7", REASON_BANNED);
	assert_int_equal(second(scene), 2);
	assert_int_equal(scene->watched, 10);
	assert_string_equal(scene->last_repeat, "banned 192.0.2.7 4 bytes 300");
	assert_int_equal(scene->events + scene->repeats + scene->rests, scene->dropped);
	assert_int_equal(second(scene), 0);
}

static void more_watched_than_can_be_read_are_counted(void **state)
{
	struct scene *scene = *state;
	unsigned told = 0, slots = 0;
	char source[32];

	for (unsigned i = 0; i < 200; i++) {
		snprintf(source, sizeof(source), "10.0.0.%u", i);
		told += drop_and_read(scene, 0, source, SIGHT_WATCHED);
	}
	for (unsigned i = 0; i < SIGHTINGS_PER_CPU; i++)
		slots += scene->sightings[i].packets != 0;
	assert_in_range(told, 5, 100);
	assert_int_equal(second(scene), 1);
	assert_int_equal(told + scene->watched, slots);
	assert_int_equal(scene->events + scene->repeats + scene->rests, 0);
}

static void an_answered_syn_is_no_drop(void **state)
{
	struct scene *scene = *state;

	scene->counters[filter_counter_index(0, REASON_COOKIE, VERDICT_ANSWERED, 6)].packets = 9;
	scene->counters[filter_counter_index(0, REASON_COOKIE, VERDICT_PASSED, 6)].packets = 9;
	assert_int_equal(second(scene), 0);
}

/* One guard observes, another does not: the same reason, both verdicts. */
static void both_verdicts_of_a_reason_add_up(void **state)
{
	struct scene *scene = *state;
	struct filter_counter *unseen =
		&scene->counters[filter_counter_index(1, REASON_LIMITED, VERDICT_PASSED, 17)];

	for (int i = 0; i < 11; i++) {
		scene->observes = i % 2;
		drop_and_read(scene, 0, i % 2 ? "192.0.2.7" : "192.0.2.8", REASON_LIMITED);
	}
	unseen->packets += 3;
	scene->dropped += 3;
	assert_int_equal(second(scene), 3);
	assert_int_equal(scene->passed, 4 + 3);
	assert_int_equal(scene->repeats, 4 + 5);
	assert_int_equal(scene->events + scene->repeats + scene->rests, scene->dropped);
	/* All of them are of one kind now, whatever the first packet was. */
	for (int observes = 0; observes < 2; observes++) {
		scene->observes = observes;
		for (int i = 0; i < 5; i++)
			drop_and_read(scene, 0, "192.0.2.7", REASON_LIMITED);
		assert_int_equal(second(scene), 1);
		assert_int_equal(scene->passed, 4 + 3 + (observes ? 5 : 0));
	}
}

/* ---- bans, scans, full tables ----------------------------------------------------------- */

static struct filter_event notice(struct scene *scene, enum filter_event_kind kind)
{
	return (struct filter_event){
		.header = { .time = scene->time++,
			    .module = EVENT_FILTER,
			    .kind = kind,
			    .size = sizeof(struct filter_event) },
		.source = { 0, KEY_V4_LOW | 0x0a000001 },
		.length = 128,
	};
}

static void bans_scans_and_full_tables_are_told(void **state)
{
	struct scene *scene = *state;
	static const char *const names[] = { "filter-ban", "filter-scan", "filter-full" };

	for (int i = 0; i < 3; i++) {
		struct filter_event event = notice(scene, FILTER_EVENT_BAN + i);
		struct record record;
		bool quiet = true;

		assert_true(watch_describe(scene->watch, &event, &record, &quiet));
		assert_string_equal(record.type->name, names[i]);
		assert_false(quiet);
	}
	assert_int_equal(second(scene), 0);
}

static void the_logs_get_more_bans_than_can_be_read(void **state)
{
	struct scene *scene = *state;
	struct record record;
	unsigned shown = 0;

	for (int i = 0; i < 100; i++) {
		struct filter_event event = notice(scene, FILTER_EVENT_BAN);
		bool quiet;

		assert_true(watch_describe(scene->watch, &event, &record, &quiet));
		shown += !quiet;
	}
	assert_in_range(shown, 5, 50);
	/* Bans take no line from drops. */
	assert_true(drop_and_read(scene, 0, "192.0.2.7", REASON_BANNED));
	assert_int_equal(second(scene), 1);
	assert_int_equal(scene->notices, 100 - shown);
	assert_int_equal(second(scene), 0);
}

static void unknown_events_are_not_told(void **state)
{
	struct scene *scene = *state;
	struct filter_event event = notice(scene, 77), full = notice(scene, FILTER_EVENT_FULL);
	struct record record;
	bool quiet;

	full.detail = TABLE_COUNT;
	assert_false(watch_describe(scene->watch, &event, &record, &quiet));
	assert_false(watch_describe(scene->watch, &full, &record, &quiet));
}

/* ---- with a selection ----------------------------------------------------------------------- */

static void select_from(struct scene *scene, const struct selection *selection)
{
	watch_free(scene->watch);
	scene->watch = watch_new(&scene->store, selection);
	scene->time = timestamp_boottime();
}

static void a_selection_has_no_limit_and_nothing_old(void **state)
{
	struct scene *scene = *state;
	static const struct selection all;
	struct filter_event event;
	struct record record;
	unsigned slots = 0;
	char source[32];
	bool quiet;

	select_from(scene, &all);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(source, sizeof(source), "10.0.0.%u", i);
		drop_and_read(scene, 0, source, REASON_BANNED);
	}
	for (unsigned i = 0; i < SIGHTINGS_PER_CPU; i++)
		slots += scene->sightings[i].packets != 0;
	assert_in_range(slots, 100, 200);
	assert_int_equal(scene->events, slots);
	second(scene);
	assert_int_equal(scene->events + scene->repeats + scene->rests, scene->dropped);
	drop(scene, 0, "192.0.2.7", REASON_BANNED, &event);
	event.header.time = 1;
	assert_false(watch_describe(scene->watch, &event, &record, &quiet));
}

static void a_selection_tells_every_ban(void **state)
{
	struct scene *scene = *state;
	static const struct selection all;
	struct record record;

	select_from(scene, &all);
	for (int i = 0; i < 100; i++) {
		struct filter_event event = notice(scene, FILTER_EVENT_BAN);
		bool quiet;

		assert_true(watch_describe(scene->watch, &event, &record, &quiet));
		assert_false(quiet);
	}
	assert_int_equal(second(scene), 0);
}

static void counts_are_selected_as_well(void **state)
{
	struct scene *scene = *state;
	struct selection selection = { .has_source = true, .source = prefix("192.0.2.7") };

	select_from(scene, &selection);
	for (int i = 0; i < 300; i++) {
		char source[32];

		snprintf(source, sizeof(source), "10.0.0.%d", i % 20);
		drop_and_read(scene, 0, source, REASON_BANNED);
	}
	assert_int_equal(scene->events, 0);
	for (int i = 0; i < 3; i++)
		drop_and_read(scene, 0, "192.0.2.7", REASON_BANNED);
	/* Less than the others, but asked for; and no rest, which is of others. */
	assert_int_equal(second(scene), 1);
	assert_string_equal(scene->last_repeat, "banned 192.0.2.7 2 bytes 180");

	selection = (struct selection){ .reasons = 1 << REASON_SHED };
	select_from(scene, &selection);
	scene->counters[filter_counter_index(0, REASON_SHED, VERDICT_DROPPED, 6)].packets = 3;
	scene->counters[filter_counter_index(0, REASON_LISTED, VERDICT_DROPPED, 6)].packets = 7;
	assert_int_equal(second(scene), 1);
	assert_string_equal(scene->last_rest, "shed 3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_scene(watched_ports_are_told_beside_the_drops),
		in_a_scene(more_watched_than_can_be_read_are_counted),
		in_a_scene(an_answered_syn_is_no_drop),
		in_a_scene(both_verdicts_of_a_reason_add_up),
		in_a_scene(bans_scans_and_full_tables_are_told),
		in_a_scene(the_logs_get_more_bans_than_can_be_read),
		in_a_scene(unknown_events_are_not_told),
		in_a_scene(a_selection_has_no_limit_and_nothing_old),
		in_a_scene(a_selection_tells_every_ban),
		in_a_scene(counts_are_selected_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
