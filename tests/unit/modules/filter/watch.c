// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include "watch_scene.h"

/* ---- events ----------------------------------------------------------------------------- */

static void an_event_is_told_with_its_fields(void **state)
{
	struct scene *scene = *state;
	struct filter_event event;
	struct record record;
	char text[512] = "";
	bool quiet = true;
	FILE *memory = fmemopen(text, sizeof(text), "w");

	assert_true(drop(scene, 0, "192.0.2.7", REASON_BANNED, &event));
	assert_true(watch_describe(scene->watch, &event, &record, &quiet));
	assert_false(quiet);
	record_write_text(&record, memory);
	fclose(memory);
	assert_non_null(strstr(text, " DROP banned: tcp 192.0.2.7:1234 -> [2001::1]:22 on ?"));
	assert_int_equal(record_find(&record, "bytes")->number, 60);

	event.source_port = event.destination_port = 0;
	event.dropped = 0;
	event.reason = REASON_BLOCKED_PORT;
	assert_true(watch_describe(scene->watch, &event, &record, &quiet));
	assert_int_equal(record_find(&record, "source_port")->kind, FIELD_NONE);
	assert_string_equal(record_find(&record, "action")->text, "PASS");
	event.reason = 255;
	assert_false(watch_describe(scene->watch, &event, &record, &quiet));
}

static void two_cpus_tell_once(void **state)
{
	struct scene *scene = *state;
	struct filter_event first, other;
	struct record record;
	bool quiet;

	assert_true(drop_and_read(scene, 0, "192.0.2.7", REASON_BANNED));
	assert_false(drop_and_read(scene, 1, "192.0.2.7", REASON_BANNED));
	/* Another source, or another reason, is another story. */
	assert_true(drop_and_read(scene, 1, "192.0.2.8", REASON_BANNED));
	assert_true(drop_and_read(scene, 1, "192.0.2.7", REASON_BLOCKED_PORT));
	/* The ring has them in another order than their clocks. */
	assert_true(drop(scene, 0, "192.0.2.9", REASON_BANNED, &first));
	assert_true(drop(scene, 1, "192.0.2.9", REASON_BANNED, &other));
	assert_true(watch_describe(scene->watch, &other, &record, &quiet));
	assert_false(watch_describe(scene->watch, &first, &record, &quiet));
	/* Long after it is told anew. */
	first.header.time += 10 * NSEC_PER_SEC;
	assert_true(watch_describe(scene->watch, &first, &record, &quiet));
}

static void more_events_than_can_be_read_are_counted(void **state)
{
	struct scene *scene = *state;
	char source[32];
	unsigned told = 0;

	for (unsigned i = 0; i < 500; i++) {
		snprintf(source, sizeof(source), "10.0.%u.%u", i / 250, 1 + i % 250);
		told += drop_and_read(scene, i % 2, source, REASON_BANNED);
	}
	assert_in_range(told, 5, 100);
	assert_int_equal(second(scene), 1);
	assert_int_equal(scene->events + scene->rests, 500);
	/* In the next second there is room again. */
	assert_true(drop_and_read(scene, 0, "192.0.2.7", REASON_MALFORMED));
}

/* ---- seconds ------------------------------------------------------------------------------ */

static void silence_is_silent(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(second(scene), 0);
	drop_and_read(scene, 0, "192.0.2.7", REASON_BANNED);
	assert_int_equal(second(scene), 0); /* one packet: the event told all */
	assert_int_equal(second(scene), 0);
}

static void repeats_are_exact(void **state)
{
	struct scene *scene = *state;

	for (int i = 0; i < 11; i++)
		drop_and_read(scene, 0, "192.0.2.7", REASON_BANNED);
	assert_int_equal(second(scene), 1);
	assert_string_equal(scene->last_repeat, "banned 192.0.2.7 10 bytes 660");
	for (int i = 0; i < 7; i++)
		drop_and_read(scene, 0, "192.0.2.7", REASON_BANNED);
	assert_int_equal(second(scene), 1);
	assert_string_equal(scene->last_repeat, "banned 192.0.2.7 7 bytes 420");
	assert_int_equal(second(scene), 0);
	assert_int_equal(scene->events + scene->repeats + scene->rests, scene->dropped);
}

/* The kernel sends the event of a packet before it counts it. */
static void what_is_told_before_it_is_counted_is_told_once(void **state)
{
	struct scene *scene = *state;
	struct filter_counter *counter =
		&scene->counters[filter_counter_index(0, REASON_BANNED, VERDICT_DROPPED, 6)];

	drop_and_read(scene, 0, "192.0.2.7", REASON_BANNED);
	counter->packets--;
	assert_int_equal(second(scene), 0);
	counter->packets++;
	assert_int_equal(second(scene), 0);
	counter->packets++;
	assert_int_equal(second(scene), 1);
	assert_string_equal(scene->last_rest, "banned 1");
}

static void cpus_are_added_up(void **state)
{
	struct scene *scene = *state;

	for (int i = 0; i < 10; i++)
		drop_and_read(scene, i % 2, "2001:db8::7", REASON_BLOCKED_PORT);
	assert_int_equal(second(scene), 1);
	assert_string_equal(scene->last_repeat, "blocked-port 2001:db8::7 9 bytes 600");
	assert_int_equal(scene->events, 1);
}

static void the_busiest_are_told_and_the_rest_in_one_line(void **state)
{
	struct scene *scene = *state;
	uint64_t others = 0;
	char source[32];

	for (unsigned i = 1; i <= 9; i++) {
		snprintf(source, sizeof(source), "192.0.2.%u", i);
		for (unsigned packet = 0; packet <= i * 10; packet++)
			drop_and_read(scene, 0, source, REASON_BANNED);
		others += i <= 4 ? i * 10 : 0;
	}
	assert_int_equal(second(scene), 6);
	assert_int_equal(scene->events, 9);
	assert_int_equal(scene->rests, others);
	assert_string_equal(scene->last_rest, "banned 100");
	assert_string_equal(scene->last_repeat, "banned 192.0.2.5 50 bytes 3060");
	assert_int_equal(scene->events + scene->repeats + scene->rests, scene->dropped);
}

static void what_has_no_sighting_is_in_the_rest(void **state)
{
	struct scene *scene = *state;

	scene->counters[filter_counter_index(1, REASON_MALFORMED, VERDICT_DROPPED,
					     PROTOCOL_UNKNOWN)]
		.packets = 33;
	scene->counters[filter_counter_index(1, REASON_PASS, VERDICT_PASSED, 6)].packets = 1000;
	assert_int_equal(second(scene), 1);
	assert_string_equal(scene->last_rest, "malformed 33");
	assert_int_equal(second(scene), 0);
}

static void what_was_before_is_not_told(void **state)
{
	struct scene *scene = *state;
	struct filter_event event;

	for (int i = 0; i < 100; i++)
		drop(scene, 0, "192.0.2.7", REASON_BANNED, &event);
	watch_free(scene->watch);
	scene->watch = watch_new(&scene->store, NULL);
	assert_int_equal(second(scene), 0);
	drop(scene, 0, "192.0.2.7", REASON_BANNED, &event);
	assert_int_equal(second(scene), 1);
	assert_string_equal(scene->last_repeat, "banned 192.0.2.7 1 bytes 60");
}

/* The kernel starts an episode by writing its count, and only then its number. */
static void a_sighting_read_while_it_changes_waits(void **state)
{
	struct scene *scene = *state;
	struct filter_sighting *seen;
	struct filter_event event;
	char source[32];

	for (int i = 0; i < 11; i++)
		drop_and_read(scene, 0, "192.0.2.7", REASON_BANNED);
	second(scene);
	scene->tick += 100;
	assert_true(drop(scene, 0, "192.0.2.7", REASON_BANNED, &event));
	for (seen = scene->sightings; !seen->packets; seen++)
		continue;
	seen->episode--;
	for (int i = 0; i < 100; i++) {
		snprintf(source, sizeof(source), "10.0.0.%d", 1 + i % 5);
		drop_and_read(scene, 0, source, REASON_BANNED);
	}
	assert_int_equal(second(scene), 6); /* it takes the line of none of the others */
	assert_string_equal(scene->last_rest, "banned 1");
	seen->episode++;
	assert_int_equal(second(scene), 0);
}

static void what_is_told_adds_up(void **state)
{
	static const uint32_t reasons[] = { REASON_BANNED, REASON_LIMITED, SIGHT_WATCHED };
	struct scene *scene = *state;
	uint64_t seed = 51;
	char source[32];

	for (int round = 0; round < 60; round++) {
		unsigned packets = random_next(&seed) % 500, sources = 1 + random_next(&seed) % 50;

		for (unsigned i = 0; i < packets; i++) {
			unsigned number = random_next(&seed) % sources * (random_next(&seed) % 3);

			snprintf(source, sizeof(source), "10.0.0.%u", 1 + number);
			scene->observes = random_next(&seed) % 2;
			drop_and_read(scene, random_next(&seed) % CPUS, source,
				      reasons[random_next(&seed) % ARRAY_SIZE(reasons)]);
		}
		assert_in_range(second(scene), 0, 10);
		assert_int_equal(scene->events + scene->repeats + scene->rests, scene->dropped);
		if (random_next(&seed) % 8 == 0)
			scene->tick += 100;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_scene(an_event_is_told_with_its_fields),
		in_a_scene(two_cpus_tell_once),
		in_a_scene(more_events_than_can_be_read_are_counted),
		in_a_scene(silence_is_silent),
		in_a_scene(repeats_are_exact),
		in_a_scene(what_is_told_before_it_is_counted_is_told_once),
		in_a_scene(cpus_are_added_up),
		in_a_scene(the_busiest_are_told_and_the_rest_in_one_line),
		in_a_scene(what_has_no_sighting_is_in_the_rest),
		in_a_scene(what_was_before_is_not_told),
		in_a_scene(a_sighting_read_while_it_changes_waits),
		in_a_scene(what_is_told_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
