/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's side of what a watch sees, in plain memory: what tests of watch.c share. */
#pragma once

#include <stdio.h>

#include "../../capture.h"
#include "base/duration.h"
#include "base/timestamp.h"
#include "modules/filter/watch.h"
#include "plain.h"

enum { CPUS = 2 };

/* The kernel's side, as filter.h tells of it, in plain memory; and what was told of it. */
struct scene {
	struct plain plain;
	struct store store;
	struct filter_counter *counters;
	struct filter_sighting *sightings;
	uint32_t tick;
	uint64_t time; /* of the next event */
	struct watch *watch;
	struct output *output;

	bool observes; /* what comes now is let through */

	uint64_t dropped;                /* packets, or would be */
	uint64_t events, repeats, rests; /* packets told of */
	uint64_t passed;                 /* of repeats and rests: with the action PASS */
	uint64_t watched;                /* of repeats and rests: with the action WATCH */
	uint64_t notices;                /* that were more than could be told */
	size_t lines;
	char last_repeat[64], last_rest[64];
};

static inline int make(void **state)
{
	static struct scene scene;

	memset(&scene, 0, sizeof(scene));
	plain_make(&scene.plain);
	scene.plain.globals->policies[0].mode = MODE_ENFORCE;
	scene.counters =
		calloc(CPUS * COUNTERS_PER_CPU * PROTOCOL_ROOM, sizeof(struct filter_counter));
	scene.sightings = calloc(CPUS * SIGHTINGS_PER_CPU, sizeof(struct filter_sighting));
	scene.store = STORE_NONE;
	scene.store.tables = scene.plain.tables;
	scene.store.counters = scene.counters;
	scene.store.sightings = scene.sightings;
	scene.tick = 1000;
	scene.store.ticks = (struct ticks){ .hz = 250, .shift = 5 };
	scene.watch = watch_new(&scene.store, NULL);
	scene.time = timestamp_boottime();
	scene.output = output_new(&(struct output_config){}, true, NULL);
	*state = &scene;
	return 0;
}

static inline int destroy(void **state)
{
	struct scene *scene = *state;

	watch_free(scene->watch);
	output_free(scene->output);
	plain_free(&scene->plain);
	free(scene->counters);
	free(scene->sightings);
	return 0;
}

/* A packet is dropped on a CPU: what account.bpf.h does. True when it sends this event. */
static inline bool drop(struct scene *scene, uint32_t cpu, const char *source, uint32_t reason,
			struct filter_event *event)
{
	enum filter_verdict verdict = scene->observes ? VERDICT_PASSED : VERDICT_DROPPED;
	struct address address_of_source = address(source);
	struct filter_key key = key_of(&address_of_source);
	uint32_t slot =
		filter_wide_hash(key, reason, scene->plain.globals->state.seed) % SIGHTINGS_PER_CPU;
	struct filter_sighting *seen = &scene->sightings[cpu * SIGHTINGS_PER_CPU + slot];

	if (reason != SIGHT_WATCHED) {
		scene->dropped++;
		scene->counters[filter_counter_index(cpu, reason, verdict, 6)].packets++;
	}
	if (scene->tick - seen->last < SIGHTING_IDLE) {
		if (seen->source.low == key.low && seen->source.high == key.high &&
		    seen->reason == reason) {
			seen->last = scene->tick;
			seen->packets++;
			seen->bytes += 60;
		}
		return false;
	}
	*seen = (struct filter_sighting){ .source = key,
					  .packets = 1,
					  .bytes = 60,
					  .last = scene->tick,
					  .reason = reason,
					  .episode = seen->episode + 1 };
	*event = (struct filter_event){
		.header = { .time = scene->time++, .module = EVENT_FILTER, .size = sizeof(*event) },
		.source = key,
		.destination = key_of(&(struct address){ { 0x20, 1, [15] = 1 } }),
		.source_port = 1234,
		.destination_port = 22,
		.protocol = 6,
		.reason = (uint8_t)reason,
		.dropped = verdict == VERDICT_DROPPED,
		.bytes = 60,
		.episode = seen->episode,
	};
	return true;
}

/* The event is read at once. True when it was told of. */
static inline bool drop_and_read(struct scene *scene, uint32_t cpu, const char *source,
				 uint32_t reason)
{
	struct filter_event event;
	struct record record;
	bool quiet, told;

	if (!drop(scene, cpu, source, reason, &event))
		return false;
	told = watch_describe(scene->watch, &event, &record, &quiet);
	scene->events += told && reason != SIGHT_WATCHED;
	return told;
}

static inline void count_line(struct scene *scene, const char *line)
{
	json_t *object = json_loads(line, 0, NULL);
	const char *type = json_string_value(json_object_get(object, "record"));
	uint64_t packets = (uint64_t)json_integer_value(json_object_get(object, "packets"));
	const char *source = json_string_value(json_object_get(object, "source"));
	const char *reason = json_string_value(json_object_get(object, "reason"));
	const char *action = json_string_value(json_object_get(object, "action"));

	assert_non_null(type);
	scene->lines++;
	if (strcmp(type, "filter-more") == 0) {
		scene->notices += (uint64_t)json_integer_value(json_object_get(object, "events"));
		json_decref(object);
		return;
	}
	if (strcmp(action, "WATCH") == 0) {
		assert_string_equal(reason, "watched");
		scene->watched += packets;
		json_decref(object);
		return;
	}
	assert_true(strcmp(action, "DROP") == 0 || strcmp(action, "PASS") == 0);
	scene->passed += *action == 'P' ? packets : 0;
	if (strcmp(type, "filter-repeat") == 0) {
		scene->repeats += packets;
		snprintf(scene->last_repeat, sizeof(scene->last_repeat), "%s %s %u bytes %u",
			 reason, source, (unsigned)packets,
			 (unsigned)json_integer_value(json_object_get(object, "bytes")));
	} else {
		assert_string_equal(type, "filter-rest");
		scene->rests += packets;
		snprintf(scene->last_rest, sizeof(scene->last_rest), "%s %u", reason,
			 (unsigned)packets);
	}
	json_decref(object);
}

/* A second goes by. Returns how many lines were told. */
static inline size_t second(struct scene *scene)
{
	static struct capture capture;
	char *cursor, *line;

	scene->lines = 0;
	scene->last_repeat[0] = scene->last_rest[0] = '\0';
	scene->tick += 10;
	scene->time += NSEC_PER_SEC;
	capture_begin(&capture, STDOUT_FILENO);
	watch_second(scene->watch, scene->output);
	capture_end(&capture);
	cursor = capture.text;
	while ((line = strsep(&cursor, "\n")) && *line)
		count_line(scene, line);
	return scene->lines;
}

#define in_a_scene(test) cmocka_unit_test_setup_teardown(test, make, destroy)
