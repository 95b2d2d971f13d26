/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A record: a name and typed fields. Whatever sumun has to tell becomes one, and each
 * way of writing it (text, JSON, CSV) is written once, for all records.
 *
 *   record_begin(&record, &type); record_text(&record, "reason", "banned"); ...
 *
 * A field's name is that of the JSON member; its kind and unit say what it is.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "base/address.h"

enum field_kind {
	FIELD_COUNTER, /* only ever grows */
	FIELD_GAUGE,   /* a number of now */
	FIELD_LABEL,   /* one of a few words */
	FIELD_TIME,    /* wall clock, nanoseconds since 1970 */
	FIELD_ADDRESS,
	FIELD_TEXT,   /* from outside: escaped wherever it is shown */
	FIELD_COUNTS, /* counters by name: an object in JSON */
	FIELD_NONE,   /* known to be absent: null in JSON, "-" in text, empty in CSV */
};

enum field_unit { UNIT_NONE, UNIT_PACKETS, UNIT_BYTES, UNIT_SECONDS };

enum { COUNT_NAME = 24 };

/* One of several counters in a field. */
struct named_count {
	char name[COUNT_NAME];
	uint64_t value;
};

enum { RECORD_FIELDS = 24, RECORD_ARENA = 512 };

struct record_type {
	const char *name;
	/*
	 * How a line of text is made; NULL when never shown so. {field} stands for its value,
	 * {address:port} for two fields as one endpoint.
	 */
	const char *text;
	/* Columns for CSV, by field name and title; ends with a NULL field. NULL: not for CSV. */
	const struct csv_column {
		const char *field;
		const char *title;
	} * csv;
};

/* Of all security events, of whatever module: the CSV log has one head, so it takes only these. */
extern const struct csv_column security_columns[];

struct field {
	const char *name;
	enum field_kind kind;
	enum field_unit unit;
	union {
		uint64_t number;  /* counter, gauge, time */
		const char *text; /* label, text: lives as long as the record */
		struct prefix address;
		struct {
			const struct named_count *counts;
			size_t count_of_counts;
		};
	};
};

struct record {
	const struct record_type *type;
	size_t count;
	struct field fields[RECORD_FIELDS];
	size_t arena_used;
	char arena[RECORD_ARENA];
};

/* The record must have room; a program that adds more than RECORD_FIELDS is wrong and aborts. */
void record_begin(struct record *record, const struct record_type *type);
void record_counter(struct record *record, const char *name, enum field_unit unit, uint64_t value);
void record_gauge(struct record *record, const char *name, enum field_unit unit, uint64_t value);
void record_label(struct record *record, const char *name, const char *word); /* not copied */
void record_time(struct record *record, const char *name, uint64_t time);
void record_address(struct record *record, const char *name, const struct address *address);
void record_prefix(struct record *record, const char *name, const struct prefix *prefix);
void record_text(struct record *record, const char *name, const char *text); /* copied */
/* Not copied; "ENOENT 3, EAGAIN 1" in text, "ENOENT=3 EAGAIN=1" in CSV. */
void record_counts(struct record *record, const char *name, const struct named_count *counts,
		   size_t count);
/* Of any length; not copied: it must live as long as the record. */
void record_text_kept(struct record *record, const char *name, const char *text);
void record_none(struct record *record, const char *name);

const struct field *record_find(const struct record *record, const char *name);

/* An object of all fields, in order; NULL when out of memory. The caller owns it. */
json_t *record_json(const struct record *record);

/* One line, without the line end, by the type's template. */
void record_write_text(const struct record *record, FILE *out);

/* One line of JSON: {"record": <type>, ...}, with line end. */
void record_write_json(const struct record *record, FILE *out);

/* RFC 4180 with "\n" line ends. */
void record_write_csv(const struct record *record, FILE *out);
void record_write_csv_head(const struct record_type *type, FILE *out);

/* Writes `object` as one line and drops the reference. */
void json_write_line(json_t *object, FILE *out);
