// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/record.h"

static const struct csv_column columns[] = {
	{ "time", "time" }, { "name", "a \"name\", or two" }, { "source", "source" },
	{ "port", "port" }, { "absent", "absent" },           { "packets", "packets" },
	{ NULL, NULL },
};

static const struct record_type type = {
	.name = "sample",
	.text = "{time} {name}: {source:port} {packets} packets, {absent}, {missing} {bytes}B",
	.csv = columns,
};

static struct address address(const char *text)
{
	struct address parsed;

	assert_ok(address_parse(text, &parsed, NULL));
	return parsed;
}

static void make(struct record *record, const char *name, const char *source)
{
	struct address from = address(source);

	record_begin(record, &type);
	record_time(record, "time", 1795388547123456789);
	record_text(record, "name", name);
	record_address(record, "source", &from);
	record_gauge(record, "port", UNIT_NONE, 8080);
	record_counter(record, "packets", UNIT_PACKETS, 1234567);
	record_gauge(record, "bytes", UNIT_BYTES, 65536);
	record_none(record, "absent");
}

typedef void writer(const struct record *record, FILE *out);

static const char *written(writer *write, const struct record *record)
{
	static char text[16384];
	FILE *memory = fmemopen(text, sizeof(text), "w");

	text[0] = '\0';
	write(record, memory);
	fclose(memory);
	return text;
}

/* ---- text -------------------------------------------------------------------------- */

static void text_follows_the_template(void **state)
{
	struct record record;

	make(&record, "eth0", "192.0.2.1");
	assert_string_equal(written(record_write_text, &record),
			    "2026-11-22 23:02:27 eth0: 192.0.2.1:8080 1,234,567 packets, -, - "
			    "65,536B");
	make(&record, "eth0", "2001:db8::1");
	assert_non_null(strstr(written(record_write_text, &record), " [2001:db8::1]:8080 "));
}

static void endpoints(void **state)
{
	static const struct record_type pair = { .name = "pair", .text = "{a:p}" };
	struct address v4 = address("192.0.2.1"), v6 = address("2001:db8::1");
	struct prefix prefix = { .address = address("2001:db8::"), .length = 32 };
	struct record record;

	record_begin(&record, &pair);
	assert_string_equal(written(record_write_text, &record), "-");
	record_address(&record, "a", &v4);
	assert_string_equal(written(record_write_text, &record), "192.0.2.1");
	record_gauge(&record, "p", UNIT_NONE, 0);
	assert_string_equal(written(record_write_text, &record), "192.0.2.1:0");

	record_begin(&record, &pair);
	record_address(&record, "a", &v6);
	assert_string_equal(written(record_write_text, &record), "2001:db8::1");
	record_none(&record, "p");
	assert_string_equal(written(record_write_text, &record), "2001:db8::1");

	record_begin(&record, &pair);
	record_prefix(&record, "a", &prefix);
	assert_string_equal(written(record_write_text, &record), "2001:db8::/32");
	record_gauge(&record, "p", UNIT_NONE, 65535);
	assert_string_equal(written(record_write_text, &record), "[2001:db8::/32]:65535");

	record_begin(&record, &pair);
	record_none(&record, "a");
	record_gauge(&record, "p", UNIT_NONE, 80);
	assert_string_equal(written(record_write_text, &record), "-:80");
}

static void a_template_may_be_missing(void **state)
{
	static const struct record_type silent = { .name = "silent" };
	struct record record;

	record_begin(&record, &silent);
	assert_string_equal(written(record_write_text, &record), "");
}

static void what_could_forge_a_line_is_escaped(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "a\nsumun: b", "a\\x0asumun: b" }, { "a\r", "a\\x0d" },
		{ "\x1b[31mred", "\\x1b[31mred" },   { "\xff\xfe", "\\xff\\xfe" },
		{ "\xe2\x80\xae", "\\u202e" },       { "back\\slash", "back\\\\slash" },
		{ "\xed\x95\x9c", "\xed\x95\x9c" },  { "", "" },
		{ "{packets}", "{packets}" },        { "%s%n", "%s%n" },
		{ "\xed\x95", "\\xed\\x95" },
	};
	static const struct record_type one = { .name = "one", .text = "<{name}>" };
	char wanted[256];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct record record;

		record_begin(&record, &one);
		record_text(&record, "name", rows[i].text);
		snprintf(wanted, sizeof(wanted), "<%s>", rows[i].shown);
		assert_string_equal(written(record_write_text, &record), wanted);
	}
}

/* ---- CSV ------------------------------------------------------------------------------ */

static void csv_has_a_head_and_a_cell_a_column(void **state)
{
	char text[512] = "";
	FILE *memory = fmemopen(text, sizeof(text), "w");
	struct record record;

	record_write_csv_head(&type, memory);
	fclose(memory);
	assert_string_equal(text, "time,\"a \"\"name\"\", or two\",source,port,absent,packets\n");
	make(&record, "eth0", "2001:db8::1");
	assert_string_equal(written(record_write_csv, &record),
			    "2026-11-22 23:02:27,eth0,2001:db8::1,8080,,1234567\n");
	record_begin(&record, &type);
	assert_string_equal(written(record_write_csv, &record), ",,,,,\n");
}

static void csv_cells_are_quoted(void **state)
{
	static const struct {
		const char *text, *cell;
	} rows[] = {
		{ "plain words", "plain words" },
		{ "a,b", "\"a,b\"" },
		{ "\"", "\"\"\"\"" },
		{ "say \"a\"", "\"say \"\"a\"\"\"" },
		{ "a\nb", "a\\x0ab" },
		{ "a\rb", "a\\x0db" },
		{ "\xff", "\\xff" },
		{ ",", "\",\"" },
	};
	static const struct csv_column name_column[] = { { "name", "name" }, { NULL, NULL } };
	static const struct record_type one = { .name = "one", .csv = name_column };
	char wanted[256];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct record record;

		record_begin(&record, &one);
		record_text(&record, "name", rows[i].text);
		snprintf(wanted, sizeof(wanted), "%s\n", rows[i].cell);
		assert_string_equal(written(record_write_csv, &record), wanted);
	}
}

/* ---- JSON ------------------------------------------------------------------------------- */

static void json_has_the_type_and_all_fields_in_order(void **state)
{
	struct record record;

	make(&record, "eth0", "192.0.2.1");
	record_label(&record, "action", "DROP");
	assert_string_equal(written(record_write_json, &record),
			    "{\"record\":\"sample\",\"time\":\"2026-11-22T23:02:27.123Z\","
			    "\"name\":\"eth0\",\"source\":\"192.0.2.1\",\"port\":8080,"
			    "\"packets\":1234567,\"bytes\":65536,\"absent\":null,"
			    "\"action\":\"DROP\"}\n");
}

static void any_text_makes_valid_json(void **state)
{
	uint64_t seed = 5;

	for (int i = 0; i < 3000; i++) {
		char text[64];
		size_t length = random_next(&seed) % sizeof(text);
		struct record record;
		const char *line;
		json_t *object;

		for (size_t c = 0; c < length; c++)
			text[c] = (char)(1 + random_next(&seed) % 255);
		text[length == sizeof(text) ? length - 1 : length] = '\0';
		record_begin(&record, &type);
		record_text(&record, "name", text);
		line = written(record_write_json, &record);
		assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
		object = json_loads(line, 0, NULL);
		assert_non_null(object);
		assert_non_null(json_object_get(object, "name"));
		json_decref(object);
	}
}

static void text_that_is_not_utf8_is_escaped_in_json(void **state)
{
	struct record record;
	json_t *object;

	record_begin(&record, &type);
	record_text(&record, "name", "a\xff\xed\x95\x9c");
	object = record_json(&record);
	assert_string_equal(json_string_value(json_object_get(object, "name")),
			    "a\\xff\xed\x95\x9c");
	json_decref(object);
}

static void text_that_is_utf8_is_kept_in_json(void **state)
{
	static const char *const texts[] = { "",           "plain",   "a\"b\\c",
					     "line\nline", "\x1b[0m", "\xed\x95\x9c\xea\xb8\x80" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct record record;
		json_t *object;

		record_begin(&record, &type);
		record_text(&record, "name", texts[i]);
		object = record_json(&record);
		assert_string_equal(json_string_value(json_object_get(object, "name")), texts[i]);
		json_decref(object);
	}
}

/* ---- the record itself --------------------------------------------------------------------- */

static void texts_are_copied_and_labels_are_not(void **state)
{
	char text[] = "before";
	struct record record;

	record_begin(&record, &type);
	record_text(&record, "name", text);
	record_label(&record, "label", text);
	memcpy(text, "after!", 6);
	assert_string_equal(record_find(&record, "name")->text, "before");
	assert_string_equal(record_find(&record, "label")->text, "after!");
	assert_int_equal(record_find(&record, "name")->kind, FIELD_TEXT);
	assert_int_equal(record_find(&record, "label")->kind, FIELD_LABEL);
	assert_null(record_find(&record, "nam"));
	assert_null(record_find(&record, "name2"));
}

static void long_texts_are_cut(void **state)
{
	char text[2 * RECORD_ARENA];
	struct record record;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	record_begin(&record, &type);
	record_text(&record, "absent", "first");
	record_text(&record, "name", text);
	assert_string_equal(record_find(&record, "absent")->text, "first");
	assert_int_equal(strlen(record_find(&record, "name")->text),
			 RECORD_ARENA - 1 - sizeof("first"));
	/* A record that is begun again is empty. */
	record_begin(&record, &type);
	assert_null(record_find(&record, "name"));
	record_text(&record, "name", text);
	assert_int_equal(strlen(record_find(&record, "name")->text), RECORD_ARENA - 1);
}

static void a_full_record_is_written_whole(void **state)
{
	static const char *const names[RECORD_FIELDS] = {
		"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l",
		"m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x",
	};
	struct record record;
	json_t *object;

	record_begin(&record, &type);
	for (size_t i = 0; i < RECORD_FIELDS; i++)
		record_counter(&record, names[i], UNIT_NONE, i);
	object = record_json(&record);
	assert_int_equal(json_object_size(object), RECORD_FIELDS);
	assert_int_equal(json_integer_value(json_object_get(object, "x")), RECORD_FIELDS - 1);
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_follows_the_template),
		cmocka_unit_test(endpoints),
		cmocka_unit_test(a_template_may_be_missing),
		cmocka_unit_test(what_could_forge_a_line_is_escaped),
		cmocka_unit_test(csv_has_a_head_and_a_cell_a_column),
		cmocka_unit_test(csv_cells_are_quoted),
		cmocka_unit_test(json_has_the_type_and_all_fields_in_order),
		cmocka_unit_test(any_text_makes_valid_json),
		cmocka_unit_test(text_that_is_not_utf8_is_escaped_in_json),
		cmocka_unit_test(text_that_is_utf8_is_kept_in_json),
		cmocka_unit_test(texts_are_copied_and_labels_are_not),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(a_full_record_is_written_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
