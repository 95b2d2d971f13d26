/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/timestamp.h"
#include "core/record.h"

/* Two paths, one behind the other, and all of it to be escaped. */
enum { VALUE_TEXT = 4 * 2 * 4096 + 1024 };

const struct csv_column security_columns[] = {
	{ "time", "time" },
	{ "action", "action" },
	{ "source", "source" },
	{ "source_port", "source port" },
	{ "destination", "destination" },
	{ "destination_port", "destination port" },
	{ "protocol", "protocol" },
	{ NULL, NULL },
};

void record_begin(struct record *record, const struct record_type *type)
{
	record->type = type;
	record->count = 0;
	record->arena_used = 0;
}

static struct field *add(struct record *record, const char *name, enum field_kind kind,
			 enum field_unit unit)
{
	struct field *field;

	if (record->count == RECORD_FIELDS)
		abort();
	field = &record->fields[record->count++];
	*field = (struct field){ .name = name, .kind = kind, .unit = unit };
	return field;
}

void record_counter(struct record *record, const char *name, enum field_unit unit, uint64_t value)
{
	add(record, name, FIELD_COUNTER, unit)->number = value;
}

void record_gauge(struct record *record, const char *name, enum field_unit unit, uint64_t value)
{
	add(record, name, FIELD_GAUGE, unit)->number = value;
}

void record_label(struct record *record, const char *name, const char *word)
{
	add(record, name, FIELD_LABEL, UNIT_NONE)->text = word;
}

void record_time(struct record *record, const char *name, uint64_t time)
{
	add(record, name, FIELD_TIME, UNIT_NONE)->number = time;
}

void record_address(struct record *record, const char *name, const struct address *address)
{
	struct prefix prefix = { .address = *address, .length = ADDRESS_BITS };

	record_prefix(record, name, &prefix);
}

void record_prefix(struct record *record, const char *name, const struct prefix *prefix)
{
	add(record, name, FIELD_ADDRESS, UNIT_NONE)->address = *prefix;
}

void record_text(struct record *record, const char *name, const char *text)
{
	size_t room = RECORD_ARENA - record->arena_used;
	char *copy = record->arena + record->arena_used;

	if (room == 0)
		abort();
	snprintf(copy, room, "%s", text);
	record->arena_used += strlen(copy) + 1;
	add(record, name, FIELD_TEXT, UNIT_NONE)->text = copy;
}

void record_counts(struct record *record, const char *name, const struct named_count *counts,
		   size_t count)
{
	struct field *field = add(record, name, FIELD_COUNTS, UNIT_NONE);

	field->counts = counts;
	field->count_of_counts = count;
}

void record_text_kept(struct record *record, const char *name, const char *text)
{
	add(record, name, FIELD_TEXT, UNIT_NONE)->text = text;
}

void record_none(struct record *record, const char *name)
{
	add(record, name, FIELD_NONE, UNIT_NONE);
}

const struct field *record_find(const struct record *record, const char *name)
{
	for (size_t i = 0; i < record->count; i++)
		if (strcmp(record->fields[i].name, name) == 0)
			return &record->fields[i];
	return NULL;
}

/* ---- JSON ---------------------------------------------------------------------- */

/* JSON strings are UTF-8; what is not is written escaped. */
static json_t *json_text(const char *text)
{
	json_t *value = json_string(text);
	char escaped[VALUE_TEXT];

	return value ? value : json_string(text_escape(text, escaped, sizeof(escaped)));
}

static json_t *counts_json(const struct field *field)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < field->count_of_counts; i++)
		json_object_set_new(object, field->counts[i].name,
				    json_integer((json_int_t)field->counts[i].value));
	return object;
}

static json_t *field_json(const struct field *field)
{
	char buffer[VALUE_TEXT];

	switch (field->kind) {
	case FIELD_COUNTER:
	case FIELD_GAUGE:
		return json_integer((json_int_t)field->number);
	case FIELD_TIME:
		return json_string(timestamp_rfc3339(field->number, buffer));
	case FIELD_ADDRESS:
		return json_string(prefix_format(&field->address, buffer));
	case FIELD_LABEL:
	case FIELD_TEXT:
		return json_text(field->text);
	case FIELD_COUNTS:
		return counts_json(field);
	case FIELD_NONE:
		break;
	}
	return json_null();
}

json_t *record_json(const struct record *record)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < record->count; i++)
		json_object_set_new(object, record->fields[i].name, field_json(&record->fields[i]));
	return object;
}

void json_write_line(json_t *object, FILE *out)
{
	json_dumpf(object, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(object);
}

void record_write_json(const struct record *record, FILE *out)
{
	json_t *line = json_object(), *fields = record_json(record);

	json_object_set_new(line, "record", json_string(record->type->name));
	json_object_update(line, fields);
	json_decref(fields);
	json_write_line(line, out);
}

/* ---- text and CSV ---------------------------------------------------------------- */

/* What does not fit is left out whole. */
static const char *counts_text(const struct field *field, const char *between, const char *behind,
			       char buffer[VALUE_TEXT])
{
	size_t used = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < field->count_of_counts; i++) {
		char one[COUNT_NAME + NUMBER_TEXT + 8];
		int length = snprintf(one, sizeof(one), "%s%s%s%llu", i ? behind : "",
				      field->counts[i].name, between,
				      (unsigned long long)field->counts[i].value);

		if (used + (size_t)length >= VALUE_TEXT)
			break;
		memcpy(buffer + used, one, (size_t)length + 1);
		used += (size_t)length;
	}
	return buffer;
}

static const char *field_text(const struct field *field, char buffer[VALUE_TEXT])
{
	switch (field->kind) {
	case FIELD_COUNTER:
	case FIELD_GAUGE:
		snprintf(buffer, VALUE_TEXT, "%llu", (unsigned long long)field->number);
		return buffer;
	case FIELD_TIME:
		return timestamp_local(field->number, buffer);
	case FIELD_ADDRESS:
		return prefix_format(&field->address, buffer);
	case FIELD_LABEL:
	case FIELD_TEXT:
		return text_escape(field->text, buffer, VALUE_TEXT);
	case FIELD_COUNTS:
		return counts_text(field, "=", " ", buffer);
	case FIELD_NONE:
		break;
	}
	return "";
}

/* People read 1,234; programs that read CSV do not. */
static const char *field_for_people(const struct field *field, char buffer[VALUE_TEXT])
{
	if (field->kind == FIELD_NONE)
		return "-";
	if (field->kind == FIELD_COUNTS)
		return counts_text(field, " ", ", ", buffer);
	if (field->kind == FIELD_COUNTER || field->unit != UNIT_NONE)
		return number_format(field->number, buffer);
	return field_text(field, buffer);
}

/* "10.0.0.1:80", "[2001:db8::1]:80", without the port where there is none. */
static void write_endpoint(const struct field *address, const struct field *port, FILE *out)
{
	bool has_port = port && port->kind != FIELD_NONE;
	bool v6 = address && address->kind == FIELD_ADDRESS && !prefix_is_v4(&address->address);
	char buffer[VALUE_TEXT];

	fprintf(out, has_port && v6 ? "[%s]" : "%s",
		address ? field_for_people(address, buffer) : "-");
	if (has_port)
		fprintf(out, ":%s", field_for_people(port, buffer));
}

void record_write_text(const struct record *record, FILE *out)
{
	const char *at = record->type->text;

	while (at && *at) {
		char name[64], buffer[VALUE_TEXT], *second;
		const struct field *field;
		size_t length;

		if (*at != '{') {
			fputc(*at++, out);
			continue;
		}
		length = strcspn(++at, "}");
		snprintf(name, sizeof(name), "%.*s", (int)length, at);
		at += length + 1;
		second = strchr(name, ':');
		if (second) {
			*second++ = '\0';
			write_endpoint(record_find(record, name), record_find(record, second), out);
			continue;
		}
		field = record_find(record, name);
		fputs(field ? field_for_people(field, buffer) : "-", out);
	}
}

static void write_csv_cell(const char *text, FILE *out)
{
	if (!strpbrk(text, ",\"\n\r")) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

void record_write_csv(const struct record *record, FILE *out)
{
	for (const struct csv_column *column = record->type->csv; column->field; column++) {
		const struct field *field = record_find(record, column->field);
		char buffer[VALUE_TEXT];

		if (column != record->type->csv)
			fputc(',', out);
		if (field)
			write_csv_cell(field_text(field, buffer), out);
	}
	fputc('\n', out);
}

void record_write_csv_head(const struct record_type *type, FILE *out)
{
	for (const struct csv_column *column = type->csv; column->field; column++) {
		if (column != type->csv)
			fputc(',', out);
		write_csv_cell(column->title, out);
	}
	fputc('\n', out);
}
