/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <stdio.h>

#include "base/duration.h"
#include "event.h"
#include "modules/opens/describe.h"

static struct open_names names;
static struct open_paths paths;
static struct open_view view;

static int set_up(void **state)
{
	int r = open_names_make(&names);

	names.mount_namespace = 77;
	return r;
}

static int tear_down(void **state)
{
	open_names_free(&names);
	return 0;
}

static void make_view(struct made *made)
{
	made->event.mount_namespace = 77;
	assert_true(path_read(&made->event, &paths));
	open_view_make(&made->event, &paths, &names, &view);
	view.time = 1700000000 * NSEC_PER_SEC + 7 * NSEC_PER_MSEC;
}

static const char *json_of(struct record *record)
{
	static char text[65536];
	FILE *out = fmemopen(text, sizeof(text), "w");

	record_write_json(record, out);
	fclose(out);
	return text;
}

static void records(void **state)
{
	struct made made = make_event("/new", NULL, "new", 5);
	struct record record;

	made.event.flags = 0101;
	made.event.mode = 0640;
	made.event.cgroup = 1;
	make_view(&made);
	open_describe(&view, &names, &record);
	assert_string_equal(
		json_of(&record),
		"{\"record\":\"open\",\"time\":\"2023-11-14T22:13:20.007Z\",\"process\":10,"
		"\"thread\":11,\"command\":\"cat\",\"user\":\"root\",\"cgroup\":\"/\","
		"\"call\":\"openat\",\"flags\":\"WRONLY|CREAT\",\"mode\":\"0640\","
		"\"descriptor\":5,\"slot\":null,\"error\":null,\"path\":\"/new\",\"opened\":null,"
		"\"complete\":\"yes\",\"where\":null,\"count\":1}\n");
}

/* Longer than what a record holds by itself, and all of it to be escaped. */
static void the_longest_path(void **state)
{
	static char asked[OPEN_PATH];
	struct made made;
	struct record record;
	const char *text;

	memset(asked, '\xff', OPEN_PATH - 1);
	asked[0] = '/';
	made = make_event(asked, NULL, "", -ENOENT);
	make_view(&made);
	open_describe(&view, &names, &record);
	text = json_of(&record);
	/* Each is \xff, whose backslash JSON doubles. */
	assert_true(strlen(text) > 5 * (OPEN_PATH - 2));
	assert_non_null(strstr(text, "\\\\xff\",\"opened\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(the_longest_path),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
