/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "made.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>

#include <jansson.h>

#include "base/duration.h"
#include "modules/syscalls/show.h"

enum { MANY = 1000, BY_ALL = BY_PROCESS | BY_COMMAND | BY_CALL | BY_CGROUP | BY_USER };

/* A view of some calls, and what it is shown with. */
struct scene {
	struct made *made;
	struct books *books;
	struct view view;
	struct show show;
	struct report report;
	char *text; /* what was written */
	size_t size;
};

static void begin(struct scene *scene, unsigned by)
{
	struct made *made = made_new();

	*scene = (struct scene){ .made = made, .books = books_new(MANY) };
	made_latency(made, made_calls(made, made_process(made, 10, 5, "cat"), SYS_read, 0, 1500000),
		     1000, 2);
	made_calls(made, 0, SYS_read, EAGAIN, 1000);
	made_calls(made, 0, SYS_read, EINTR, 3);
	made_calls(made, made_process(made, 11, 5, "a\n\x1b[2J\xed\x95\x9c"), SYS_close, 0, 20);
	made_calls(made, made_process(made, 12, 5, "ls"), SYS_write, 0, 10);
	made->folds.calls[SYS_openat] = 5;
	made->table->seen += 5 + 100;
	made->table->filtered = 100;
	made_add(made, scene->books);
	assert_ok(view_make(scene->books, by, SPAN_ALL, &scene->view));
	scene->show = (struct show){ .hooks = "tp_btf sys_enter",
				     .latency = true,
				     .errors = true,
				     .top = 20,
				     .see_all = "-T 0 shows all",
				     .cgroups = cgroups_new(),
				     .users = users_new() };
	scene->report = (struct report){ .view = &scene->view,
					 .ledger = books_ledger(scene->books),
					 .time = 3661 * NSEC_PER_SEC,
					 .elapsed = 2 * NSEC_PER_SEC,
					 .total = true };
}

static void end(struct scene *scene)
{
	view_free(&scene->view);
	books_free(scene->books);
	cgroups_free(scene->show.cgroups);
	users_free(scene->show.users);
	made_free(scene->made);
	free(scene->text);
}

static void print(struct scene *scene, size_t width)
{
	FILE *out;

	free(scene->text);
	out = open_memstream(&scene->text, &scene->size);
	show_text(&scene->show, &scene->report, width, out);
	fclose(out);
}

static void assert_text(const struct scene *scene, const char *part)
{
	if (!strstr(scene->text, part))
		fail_msg("no '%s' in\n%s", part, scene->text);
}

static void table(void **state)
{
	struct scene scene;

	begin(&scene, BY_ALL);
	print(&scene, 0);
	assert_text(&scene, "system calls in all, 2.00 s to 01:01:01, by tp_btf sys_enter\n");
	assert_text(&scene, "PROCESS  COMMAND");
	assert_text(&scene, "1,500,000");
	assert_text(&scene, "    750 k  "); /* per second */
	assert_text(&scene, "1,003  EAGAIN 1,000, EINTR 3");
	assert_text(&scene, "2.00 us   100.0  1.00 us"); /* of all the time that calls took */
	assert_text(&scene, "1,500,035");                /* all */
	assert_text(&scene, "ledger: 1,500,135 seen = 1,500,035 counted + 100 filtered out; 0 "
			    "missed\n");
	assert_text(&scene,
		    "\ncounted, but not for their process, whose table was full: 5 calls\n");
	assert_text(&scene, "a\\x0a\\x1b[2J\xed\x95\x9c");
	assert_null(strchr(scene.text, '\x1b'));
	end(&scene);
}

static void only_what_was_asked_for(void **state)
{
	struct scene scene;

	begin(&scene, BY_CALL);
	scene.show.latency = scene.show.errors = scene.report.total = false;
	print(&scene, 0);
	assert_text(&scene, "system calls in 2.00 s to 01:01:01, by");
	for (size_t i = 0; i < 6; i++) {
		static const char *const others[] = { "PROCESS", "COMMAND", "USER",
						      "CGROUP",  "MEAN",    "ERRORS" };

		assert_null(strstr(scene.text, others[i]));
	}
	assert_null(strstr(scene.text, "ledger")); /* nothing was missed */
	end(&scene);
}

/* Loss is told of in the same breath, also of an interval. */
static void what_was_missed_is_said(void **state)
{
	struct scene scene;
	struct call_ledger ledger = {
		.seen = 10, .counted = 10, .missed = 3, .untimed = 2, .folded = 7
	};

	begin(&scene, BY_CALL);
	scene.report.total = false;
	scene.report.ledger = &ledger;
	print(&scene, 0);
	assert_text(&scene, "10 seen = 10 counted + 0 filtered out; 3 missed\n");
	assert_text(&scene, "too many under way: how long they took, and with which error, is not "
			    "known of 2 calls\n");
	assert_text(&scene, "7 programs of ended processes are told of together");
	end(&scene);
}

static void first_rows(void **state)
{
	struct scene scene;

	begin(&scene, BY_CALL);
	scene.show.top = 1;
	print(&scene, 0);
	assert_text(&scene, "3 more rows: 35 calls, 0.0 % of the time (-T 0 shows all)\n");
	assert_null(strstr(scene.text, "close"));
	scene.show.latency = false;
	print(&scene, 0);
	assert_text(&scene, "3 more rows: 35 calls, <0.1 % of all (-T 0 shows all)\n");
	scene.show.top = 3;
	print(&scene, 0);
	assert_text(&scene, "1 more row: 5 calls, ");
	assert_text(&scene, "1,500,035"); /* the sum is that of all rows */
	end(&scene);
}

static void nothing_at_all(void **state)
{
	struct view view = { .by = BY_CALL };
	struct scene scene;

	begin(&scene, BY_CALL);
	scene.report.view = &view;
	print(&scene, 0);
	assert_text(&scene, "no calls\n");
	end(&scene);
}

/* At whatever width: no line is longer, and no character is cut in two. */
static void cut_to_the_width(void **state)
{
	struct scene scene;

	begin(&scene, BY_ALL);
	for (size_t width = 1; width < 200; width++) {
		print(&scene, width);
		for (const char *line = scene.text; *line; line = strchr(line, '\n') + 1) {
			const char *last = strchr(line, '\n');
			size_t columns = 0;

			assert_non_null(last);
			for (const char *at = line; at < last; at++)
				columns += (*at & 0xc0) != 0x80;
			assert_true(columns <= width);
			/* The only character of several bytes there has three. */
			if (last > line && (last[-1] & 0x80))
				assert_true(last - line >= 3 && (last[-3] & 0xf0) == 0xe0);
		}
	}
	end(&scene);
}

/* A number is whole or is not there, and then its column is named. */
static void numbers_are_not_cut(void **state)
{
	static const char *const wholes[] = { "1,500,000", "750 k", "2.00 us", "1,003" };
	struct scene scene;

	begin(&scene, BY_ALL);
	for (size_t width = 70; width < 200; width++) {
		print(&scene, width);
		for (size_t i = 0; i < ARRAY_SIZE(wholes); i++)
			if (!strstr(scene.text, wholes[i]))
				assert_text(&scene, "no room for CALLS/s");
	}
	print(&scene, 80);
	assert_text(&scene, "\nno room for CALLS/s, % TIME, MEAN, 99 % UNDER, LONGEST\n");
	assert_text(&scene, "1,500,000");
	assert_text(&scene, "2.00 us");
	assert_text(&scene, "a\\x0a\\x…");
	end(&scene);
}

static void flights_are_told_of(void **state)
{
	struct flights flights = { .count = 1234 };
	struct scene scene;

	for (size_t i = 0; i < FLIGHTS_SHOWN; i++) {
		flights.longest[i].flight =
			(struct flight){ .tgid = 10 + (uint32_t)i, .tid = 20, .call = SYS_read };
		flights.longest[i].lasted = (9 - i) * NSEC_PER_SEC;
	}
	begin(&scene, BY_CALL);
	scene.report.flights = &flights;
	print(&scene, 0);
	assert_text(&scene, "under way for longer: 1,234; read 9.00 s (process 10), read 8.00 s");
	assert_int_equal(flights_shown(&flights), FLIGHTS_SHOWN);
	flights.count = 2;
	assert_int_equal(flights_shown(&flights), 2);
	end(&scene);
}

static void differences(void **state)
{
	const struct call_ledger before = { 1, 2, 3, 4, 5, 6, 7, 8 },
				 now = { 11, 22, 33, 44, 55, 66, 77, 88 },
				 expected = { 10, 20, 30, 40, 50, 60, 70, 80 };
	struct call_ledger difference;

	ledger_subtract(&now, &before, &difference);
	assert_memory_equal(&difference, &expected, sizeof(expected));
}

/* ---- records ---------------------------------------------------------------------------- */

static void write_json(void *context, const struct record *record)
{
	record_write_json(record, context);
}

static void write_csv(void *context, const struct record *record)
{
	if (record->type == &call_record)
		record_write_csv(record, context);
}

static void records(struct scene *scene, void (*write)(void *, const struct record *))
{
	FILE *out;

	free(scene->text);
	out = open_memstream(&scene->text, &scene->size);
	show_records(&scene->show, &scene->report, write, out);
	fclose(out);
}

static json_int_t number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	assert_row(json_is_integer(value), key);
	return json_integer_value(value);
}

static const char *text(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	assert_row(json_is_string(value), key);
	return json_string_value(value);
}

/* One line as an object, and the next. */
static json_t *take_line(const char **cursor)
{
	const char *stop = strchr(*cursor, '\n');
	json_error_t error;
	json_t *object;

	assert_non_null(stop);
	object = json_loadb(*cursor, (size_t)(stop - *cursor), JSON_REJECT_DUPLICATES, &error);
	assert_row(object, error.text);
	*cursor = stop + 1;
	return object;
}

static void json_of_all(void **state)
{
	struct flights flights = { .count = 1 };
	struct scene scene;
	const char *cursor;
	json_t *head, *row;

	flights.longest[0].flight = (struct flight){ .tgid = 10, .tid = 20, .call = SYS_read };
	flights.longest[0].lasted = 1600 * NSEC_PER_SEC / 1000;
	begin(&scene, BY_ALL);
	scene.report.flights = &flights;
	records(&scene, write_json);
	cursor = scene.text;
	head = take_line(&cursor);
	assert_string_equal(text(head, "record"), "syscalls_interval");
	assert_string_equal(text(head, "span"), "all");
	assert_string_equal(text(head, "hooks"), "tp_btf sys_enter");
	assert_int_equal(number(head, "seen"), number(head, "counted") + number(head, "filtered"));
	assert_int_equal(number(head, "rows"), 4);
	assert_int_equal(number(head, "errors"), 1003);
	assert_int_equal(number(head, "process_unknown"), 5);
	row = take_line(&cursor);
	assert_string_equal(text(row, "record"), "syscalls");
	assert_string_equal(text(row, "command"), "cat");
	assert_string_equal(text(row, "call"), "read");
	assert_string_equal(text(row, "user"), "root");
	assert_string_equal(text(row, "cgroup_path"), "/");
	assert_int_equal(number(row, "process"), 10);
	assert_int_equal(number(row, "calls"), 1500000);
	assert_int_equal(number(json_object_get(row, "by_error"), "EAGAIN"), 1000);
	assert_int_equal(number(row, "returned"), 2);
	assert_int_equal(number(row, "total_ns"), 2000);
	assert_int_equal(number(json_object_get(row, "histogram"), "512"), 2);
	json_decref(head);
	json_decref(row);
	row = take_line(&cursor);
	assert_string_equal(text(row, "command"), "a\n\x1b[2J\xed\x95\x9c"); /* JSON has escapes */
	json_decref(row);
	json_decref(take_line(&cursor));
	row = take_line(&cursor); /* of nobody known */
	assert_true(json_is_null(json_object_get(row, "process")));
	assert_true(json_is_null(json_object_get(row, "command")));
	json_decref(row);
	row = take_line(&cursor);
	assert_string_equal(text(row, "record"), "syscalls_under_way");
	assert_int_equal(number(row, "thread"), 20);
	assert_int_equal(number(row, "seconds"), 2);
	json_decref(row);
	assert_string_equal(cursor, "");
	end(&scene);
}

/* What was not counted is not there: 0 would say that there were none. */
static void json_without_errors(void **state)
{
	struct scene scene;
	const char *cursor;
	json_t *head;

	begin(&scene, BY_CALL);
	scene.show.errors = scene.show.latency = false;
	records(&scene, write_json);
	cursor = scene.text;
	head = take_line(&cursor);
	assert_null(json_object_get(head, "errors"));
	json_decref(head);
	head = take_line(&cursor);
	assert_null(json_object_get(head, "errors"));
	assert_null(json_object_get(head, "returned"));
	assert_int_equal(number(head, "elapsed_ns"), 2 * NSEC_PER_SEC);
	json_decref(head);
	end(&scene);
}

static void csv_of_all(void **state)
{
	static const unsigned views[] = { BY_ALL, BY_CALL, BY_PROCESS };
	struct scene scene;

	for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
		begin(&scene, views[i]);
		records(&scene, write_csv);
		for (const char *line = scene.text; *line; line = strchr(line, '\n') + 1) {
			const char *last = strchr(line, '\n');
			size_t commas = 0;
			bool quoted = false;

			for (const char *at = line; at < last; at++) {
				quoted ^= *at == '"';
				commas += *at == ',' && !quoted;
			}
			assert_non_null(strstr(line, ",all,2000000000,"));
			assert_int_equal(commas, 15);
		}
		end(&scene);
	}
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(only_what_was_asked_for),
		cmocka_unit_test(what_was_missed_is_said),
		cmocka_unit_test(first_rows),
		cmocka_unit_test(nothing_at_all),
		cmocka_unit_test(cut_to_the_width),
		cmocka_unit_test(numbers_are_not_cut),
		cmocka_unit_test(flights_are_told_of),
		cmocka_unit_test(differences),
		cmocka_unit_test(json_of_all),
		cmocka_unit_test(json_without_errors),
		cmocka_unit_test(csv_of_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
