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

static const char *line(size_t width)
{
	static char text[16384];
	FILE *out = fmemopen(text, sizeof(text), "w");

	open_write_line(&view, &names, width, out);
	fclose(out);
	return text;
}

static void lines(void **state)
{
	struct made made = make_event("/etc/../lib/x", NULL, "x/lib/usr", 5);

	made.event.flags = 02000000;
	make_view(&made);
	assert_string_equal(line(0), "22:13:20.007      10 cat             root       5         "
				     "RDONLY|CLOEXEC   /etc/../lib/x -> /usr/lib/x\n");
	made = make_event("/a\n\033[2J", NULL, "", -ENOENT);
	make_view(&made);
	assert_string_equal(line(0), "22:13:20.007      10 cat             root       ENOENT    "
				     "RDONLY           /a\\x0a\\x1b[2J\n");
	view.count = 1204;
	view.elapsed = 5 * NSEC_PER_SEC;
	view.event = &made.event;
	made.event.mount_namespace = 78;
	assert_non_null(strstr(line(0), " (other mount namespace)  ×1,204 in 5s\n"));
}

/* Characters, not bytes, and never half of one. */
static void lines_that_fit(void **state)
{
	struct made made = make_event("/ééééééééé", NULL, "", -ENOENT);
	char expected[256] = "";

	make_view(&made);
	assert_in_range(strlen(line(0)), 1, sizeof(expected) - 1);
	strcpy(expected, line(0));
	assert_string_equal(line(120), expected);
	assert_string_equal(line(200), expected);
	assert_string_equal(line(80),
			    "22:13:20      10 cat      root   ENOENT RDONLY /ééééééééé\n");
	assert_string_equal(line(50), "22:13:20      10 cat      root   ENOENT RDONLY /é…\n");
	for (size_t width = 40; width < 200; width++) {
		const char *text = line(width);
		size_t characters = 0;

		for (; *text != '\n'; text++)
			characters += ((unsigned char)*text & 0xc0) != 0x80;
		assert_true(characters <= width);
	}
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
		cmocka_unit_test(lines),
		cmocka_unit_test(lines_that_fit),
		cmocka_unit_test(records),
		cmocka_unit_test(the_longest_path),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
