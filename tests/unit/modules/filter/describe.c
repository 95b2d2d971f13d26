// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include <stdio.h>

#include "base/duration.h"
#include "base/timestamp.h"
#include "modules/filter/describe.h"
#include "plain.h"

enum { TICK_MS = 128 }; /* 250 Hz, shift 5 */

struct scene {
	struct plain plain;
	struct store store;
	struct filter_event event;
	struct record record;
	char text[1024];
};

static int make(void **state)
{
	static struct scene scene;

	memset(&scene, 0, sizeof(scene));
	plain_make(&scene.plain);
	scene.store = STORE_NONE;
	scene.store.tables = scene.plain.tables;
	scene.store.ticks = (struct ticks){ .hz = 250, .shift = 5 };
	snprintf(scene.plain.globals->state.lists[7].name, LIST_NAME_SIZE, "drop-v4");
	scene.event = (struct filter_event){
		.header = { .time = 1000 * NSEC_PER_SEC, .kind = FILTER_EVENT_PACKET },
		.source = { 0, KEY_V4_LOW | 0x0a000002 },
		.destination = { 0, KEY_V4_LOW | 0x0a000001 },
		.source_port = 4711,
		.destination_port = 1025,
		.protocol = 6,
		.dropped = 1,
		.bytes = 60,
		.length = 128,
	};
	*state = &scene;
	return 0;
}

static int destroy(void **state)
{
	struct scene *scene = *state;

	plain_free(&scene->plain);
	return 0;
}

static const char *write_with(struct scene *scene, void (*write)(const struct record *, FILE *))
{
	FILE *memory = fmemopen(scene->text, sizeof(scene->text), "w");

	memset(scene->text, 0, sizeof(scene->text));
	write(&scene->record, memory);
	fclose(memory);
	return scene->text;
}

/* The line of text behind the time. */
static const char *text_of(struct scene *scene)
{
	describe_event(&scene->store, &scene->event, &scene->record);
	return write_with(scene, record_write_text) + strlen("2026-11-23 00:41:18 ");
}

/* The line of CSV behind the time. */
static const char *csv_of(struct scene *scene)
{
	describe_event(&scene->store, &scene->event, &scene->record);
	return strchr(write_with(scene, record_write_csv), ',') + 1;
}

/* Whether the line of JSON has this member with this value. */
static bool json_has(struct scene *scene, const char *name, const char *value)
{
	char *found, wanted[128];
	json_t *object;
	bool has;

	describe_event(&scene->store, &scene->event, &scene->record);
	object = json_loads(write_with(scene, record_write_json), 0, NULL);
	assert_non_null(object);
	found = json_dumps(json_object_get(object, name), JSON_ENCODE_ANY);
	snprintf(wanted, sizeof(wanted), "%s", value);
	has = found && strcmp(found, wanted) == 0;
	if (!has)
		print_message("%s is %s, not %s\n", name, found ? found : "missing", value);
	free(found);
	json_decref(object);
	return has;
}

/* ---- packets ---------------------------------------------------------------------------- */

static void a_packet_says_who_drops_it(void **state)
{
	struct scene *scene = *state;
	struct filter_event *event = &scene->event;
	static const char packet[] = "tcp 10.0.0.2:4711 -> 10.0.0.1:1025 on ?";
	char wanted[128];

	event->reason = REASON_BANNED;
	snprintf(event->name, sizeof(event->name), "ssh"); /* of its port, and not the cause */
	snprintf(wanted, sizeof(wanted), "DROP banned: %s", packet);
	assert_string_equal(text_of(scene), wanted);
	assert_true(json_has(scene, "guard", "null") && json_has(scene, "list", "null"));

	event->reason = REASON_LIMITED;
	snprintf(wanted, sizeof(wanted), "DROP limited by ssh: %s", packet);
	assert_string_equal(text_of(scene), wanted);
	assert_true(json_has(scene, "record", "\"filter-event\""));
	assert_true(json_has(scene, "guard", "\"ssh\"") && json_has(scene, "list", "null"));
	memset(event->name, 'x', sizeof(event->name)); /* without an end */
	event->reason = REASON_SHED;
	event->dropped = 0;
	snprintf(wanted, sizeof(wanted), "PASS shed by xxxxxxxxxxxxxxxx: %s", packet);
	assert_string_equal(text_of(scene), wanted);

	event->reason = REASON_LISTED;
	event->detail = 7;
	event->dropped = 1;
	snprintf(wanted, sizeof(wanted), "DROP listed in drop-v4: %s", packet);
	assert_string_equal(text_of(scene), wanted);
	assert_true(json_has(scene, "list", "\"drop-v4\"") && json_has(scene, "guard", "null"));
	event->detail = 8; /* a list that is gone */
	snprintf(wanted, sizeof(wanted), "DROP listed in ?: %s", packet);
	assert_string_equal(text_of(scene), wanted);
}

static void a_watched_packet_is_not_called_dropped(void **state)
{
	struct scene *scene = *state;

	scene->event.reason = SIGHT_WATCHED;
	scene->event.dropped = 0;
	assert_string_equal(text_of(scene), "WATCH tcp 10.0.0.2:4711 -> 10.0.0.1:1025 on ?");
	assert_string_equal(csv_of(scene), "WATCH,10.0.0.2,4711,10.0.0.1,1025,tcp\n");
	assert_true(json_has(scene, "record", "\"filter-watch\""));
	assert_true(json_has(scene, "reason", "\"watched\""));
	assert_int_equal(describe_kind(&scene->event), TOLD_WATCH);
}

static void an_answered_syn_is_not_called_dropped(void **state)
{
	struct scene *scene = *state;

	scene->event.reason = REASON_COOKIE;
	assert_string_equal(text_of(scene),
			    "ANSWER syn-cookie: tcp 10.0.0.2:4711 -> 10.0.0.1:1025 on ?");
}

/* ---- bans ------------------------------------------------------------------------------- */

static void a_ban_says_why_and_how_long(void **state)
{
	struct scene *scene = *state;
	struct filter_event *event = &scene->event;

	/* What the kernel makes of 10m: 4688 ticks, and one that has begun. */
	event->header.kind = FILTER_EVENT_BAN;
	event->until = (uint32_t)(1000 * 1000 / TICK_MS) + 4688 + 1;
	event->count = 2;
	event->proven = 1;
	snprintf(event->name, sizeof(event->name), "ssh");
	assert_string_equal(text_of(scene), "BAN 10.0.0.2 for 10m: guard ssh, 2nd time, proven");
	assert_string_equal(csv_of(scene), "BAN,10.0.0.2,,10.0.0.1,1025,tcp\n");
	assert_true(json_has(scene, "seconds", "600") && json_has(scene, "offences", "2"));
	assert_true(json_has(scene, "guard", "\"ssh\"") && json_has(scene, "origin", "\"guard\""));
	assert_true(json_has(scene, "proof", "\"proven\"") &&
		    json_has(scene, "interface", "\"?\""));
	assert_true(record_find(&scene->record, "until")->number -
			    record_find(&scene->record, "time")->number - 600 * NSEC_PER_SEC <
		    NSEC_PER_SEC);

	event->proven = event->count = 0;
	assert_string_equal(text_of(scene), "BAN 10.0.0.2 for 10m: guard ssh, unproven");
	event->name[0] = '\0';
	assert_string_equal(text_of(scene), "BAN 10.0.0.2 for 10m: scan, unproven");
	assert_true(json_has(scene, "origin", "\"scan\"") && json_has(scene, "guard", "null"));
}

static void a_ban_of_ipv6_is_of_its_network(void **state)
{
	struct scene *scene = *state;
	struct filter_event *event = &scene->event;

	event->header.kind = FILTER_EVENT_BAN;
	event->source = (struct filter_key){ 0x20010db800000007, 0 };
	event->until = (uint32_t)(1000 * 1000 / TICK_MS) + 28125; /* 1 h */
	event->length = 64;
	event->count = 11;
	event->proven = 1;
	snprintf(event->name, sizeof(event->name), "web");
	assert_string_equal(text_of(scene),
			    "BAN 2001:db8:0:7::/64 for 1h: guard web, 11th time, proven");
	event->source.high = 0x20010db800000000;
	event->length = 56;
	assert_string_equal(text_of(scene),
			    "BAN 2001:db8::/56 for 1h: guard web, 11 banned neighbours");
	assert_true(json_has(scene, "neighbours", "11"));
	event->source = (struct filter_key){ 0, KEY_V4_LOW | 0x0a000000 };
	event->length = ADDRESS_V4_OFFSET + 24;
	assert_string_equal(text_of(scene),
			    "BAN 10.0.0.0/24 for 1h: guard web, 11 banned neighbours");
}

static void times_are_counted_as_people_do(void **state)
{
	static const struct {
		uint32_t count;
		const char *text;
	} rows[] = { { 1, " 1st " },   { 3, " 3rd " },     { 4, " 4th " },     { 10, " 10th " },
		     { 11, " 11th " }, { 12, " 12th " },   { 13, " 13th " },   { 21, " 21st " },
		     { 22, " 22nd " }, { 111, " 111th " }, { 113, " 113th " }, { 121, " 121st " } };
	struct scene *scene = *state;

	scene->event.header.kind = FILTER_EVENT_BAN;
	snprintf(scene->event.name, sizeof(scene->event.name), "ssh");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		scene->event.count = rows[i].count;
		assert_row(strstr(text_of(scene), rows[i].text), rows[i].text);
	}
}

/* ---- scans and full tables ---------------------------------------------------------------- */

static void a_scan_says_what_was_tried(void **state)
{
	struct scene *scene = *state;
	struct filter_event *event = &scene->event;

	event->header.kind = FILTER_EVENT_SCAN;
	event->detail = SCAN_PORTS;
	event->count = 12;
	event->ticks = 352; /* 45.056 s */
	event->destination_port = 8081;
	assert_string_equal(text_of(scene), "SCAN ports from 10.0.0.2: 12 ports in 45s, last tcp "
					    "10.0.0.1:8081 on ?");
	assert_string_equal(csv_of(scene), "SCAN,10.0.0.2,4711,10.0.0.1,8081,tcp\n");
	assert_true(json_has(scene, "count", "12") && json_has(scene, "seconds", "45"));
	event->detail = SCAN_HOSTS;
	event->source = (struct filter_key){ 0x20010db800000000, 1 };
	event->destination = (struct filter_key){ 0x20010db800000000, 2 };
	assert_string_equal(text_of(scene),
			    "SCAN hosts from 2001:db8::1: 12 hosts in 45s, last tcp "
			    "[2001:db8::2]:8081 on ?");
	assert_true(json_has(scene, "scan", "\"hosts\""));
	event->detail = 2;
	assert_int_equal(describe_kind(event), TOLD_KINDS);
}

static void a_full_table_says_what_happens_then(void **state)
{
	struct scene *scene = *state;
	struct filter_event *event = &scene->event;

	event->header.kind = FILTER_EVENT_FULL;
	event->detail = TABLE_BANS4;
	assert_string_equal(text_of(scene), "FULL the table of banned IPv4 addresses: a ban was "
					    "refused; there is room again as bans end");
	assert_true(json_has(scene, "table", "\"bans4\"") && json_has(scene, "action", "\"FULL\""));
	/* It is about no packet: not for the CSV. */
	assert_null(scene->record.type->csv);
	for (enum filter_table table = 0; table < TABLE_COUNT; table++) {
		event->detail = table;
		assert_non_null(strstr(text_of(scene), filter_table_holds(table)));
		for (enum filter_table other = 0; other < table; other++)
			assert_string_not_equal(filter_table_name(other), filter_table_name(table));
	}
}

static void a_csv_has_one_head(void **state)
{
	struct scene *scene = *state;
	const struct csv_column *columns = NULL;

	for (int kind = FILTER_EVENT_PACKET; kind <= FILTER_EVENT_SCAN; kind++) {
		scene->event.header.kind = (uint16_t)kind;
		scene->event.reason = REASON_LISTED;
		describe_event(&scene->store, &scene->event, &scene->record);
		if (!columns)
			columns = scene->record.type->csv;
		assert_ptr_equal(scene->record.type->csv, columns);
	}
}

/* ---- counts ------------------------------------------------------------------------------ */

static void counts_say_what_was_done(void **state)
{
	struct scene *scene = *state;
	struct told_count count = { .reason = REASON_LIMITED,
				    .dropped = true,
				    .packets = 1234,
				    .bytes = 99,
				    .source = { 0, KEY_V4_LOW | 0x0a000002 } };

	describe_repeat(&count, &scene->record);
	assert_non_null(strstr(write_with(scene, record_write_text),
			       " DROP limited: 10.0.0.2 1,234 more in the last second"));
	count.reason = SIGHT_WATCHED;
	count.dropped = false;
	describe_rest(&count, &scene->record);
	assert_non_null(strstr(write_with(scene, record_write_text),
			       " WATCH 1,234 from other sources in the last second"));
	describe_notices(75, &scene->record);
	assert_non_null(strstr(write_with(scene, record_write_text), " MORE 75 more bans, scans"));
}

#define in_a_scene(test) cmocka_unit_test_setup_teardown(test, make, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_scene(a_packet_says_who_drops_it),
		in_a_scene(a_watched_packet_is_not_called_dropped),
		in_a_scene(an_answered_syn_is_not_called_dropped),
		in_a_scene(a_ban_says_why_and_how_long),
		in_a_scene(a_ban_of_ipv6_is_of_its_network),
		in_a_scene(times_are_counted_as_people_do),
		in_a_scene(a_scan_says_what_was_tried),
		in_a_scene(a_full_table_says_what_happens_then),
		in_a_scene(a_csv_has_one_head),
		in_a_scene(counts_say_what_was_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
