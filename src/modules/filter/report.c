/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "core/record.h"
#include "modules/filter/report.h"

enum { INTERFACES_SHOWN = 64, TOP_PORTS = 10 };

/* ---- JSON ------------------------------------------------------------------------- */

static json_t *counter_json(const struct filter_counter *counter)
{
	return json_pack("{s:I, s:I}", "packets", (json_int_t)counter->packets, "bytes",
			 (json_int_t)counter->bytes);
}

static json_t *reasons_json(const struct snapshot *now)
{
	json_t *object = json_object();

	for (enum filter_reason reason = 0; reason < REASON_COUNT; reason++) {
		struct filter_counter sum = snapshot_reason(now, reason);
		json_t *row = counter_json(&sum);

		json_object_set_new(
			row, "dropped",
			json_integer((json_int_t)now->reasons[reason][VERDICT_DROPPED].packets));
		json_object_set_new(object, reason_name(reason), row);
	}
	return object;
}

static json_t *protocols_json(const struct snapshot *now)
{
	json_t *object = json_object();
	char name[16];

	for (uint32_t row = 0; row < PROTOCOL_ROWS; row++)
		if (now->protocols[row].packets)
			json_object_set_new(object, protocol_row_name(row, name),
					    counter_json(&now->protocols[row]));
	return object;
}

/* All ports that saw anything, most first. */
static json_t *ports_json(const struct snapshot *now)
{
	size_t size = FILTER_PORT_PROTOCOLS * FILTER_PORTS;
	CLEANUP_FREE struct port_count *ports = NULL;
	json_t *array = json_array();
	size_t count = 0;

	for (size_t i = 0; i < size; i++)
		count += (&now->attempts[0][0])[i] != 0;
	size = count < 100 ? count : 100;
	ports = calloc(size + 1, sizeof(*ports));
	if (!ports)
		return array;
	count = snapshot_top_ports(now, NULL, ports, size);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array,
				      json_pack("{s:i, s:s, s:I}", "port", ports[i].port,
						"protocol", port_protocol_name(ports[i].protocol),
						"connections", (json_int_t)ports[i].attempts));
	return array;
}

json_t *report_interfaces_json(const struct store *store)
{
	struct gate_interface interfaces[INTERFACES_SHOWN];
	size_t count = gate_interfaces(store, interfaces, ARRAY_SIZE(interfaces));
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		char since[TIMESTAMP_TEXT];

		json_array_append_new(
			array, json_pack("{s:s, s:s, s:s}", "name",
					 *interfaces[i].name ? interfaces[i].name : "(gone)",
					 "mode", attach_mode_name(interfaces[i].mode), "since",
					 timestamp_rfc3339(interfaces[i].since, since)));
	}
	return array;
}

json_t *report_json(const struct store *store, const struct snapshot *now)
{
	struct filter_counter dropped = snapshot_dropped(now);

	return json_pack("{s:o, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:I, s:I}", "interfaces",
			 report_interfaces_json(store), "mode",
			 filter_mode_name(store_policy(store)->mode), "packets",
			 (json_int_t)now->total.packets, "bytes", (json_int_t)now->total.bytes,
			 "dropped", counter_json(&dropped), "protocols", protocols_json(now),
			 "reasons", reasons_json(now), "ports", ports_json(now), "bans",
			 (json_int_t)ban_count(&store->tables, store_now(store)), "lost",
			 (json_int_t)now->events_lost);
}

static double per_second(uint64_t now, uint64_t before, double seconds)
{
	return seconds > 0 ? (double)(now - before) / seconds : 0;
}

json_t *report_interval_json(const struct store *store, const struct snapshot *now,
			     const struct snapshot *before)
{
	json_t *object = report_json(store, now);
	char time[TIMESTAMP_TEXT];
	double seconds;

	if (!object)
		return NULL;
	json_object_set_new(object, "time", json_string(timestamp_rfc3339(timestamp_now(), time)));
	if (!before)
		return object;
	seconds = (double)(now->time - before->time) / NSEC_PER_SEC;
	json_object_set_new(object, "seconds", json_real(seconds));
	json_object_set_new(
		object, "packets_per_second",
		json_real(per_second(now->total.packets, before->total.packets, seconds)));
	json_object_set_new(object, "bytes_per_second",
			    json_real(per_second(now->total.bytes, before->total.bytes, seconds)));
	json_object_set_new(object, "dropped_per_second",
			    json_real(per_second(snapshot_dropped(now).packets,
						 snapshot_dropped(before).packets, seconds)));
	return object;
}

/* ---- text --------------------------------------------------------------------------- */

const char *report_interfaces(const struct store *store, char *buffer, size_t size)
{
	struct gate_interface interfaces[INTERFACES_SHOWN];
	size_t count = gate_interfaces(store, interfaces, ARRAY_SIZE(interfaces)), used = 0;

	snprintf(buffer, size, "no interface");
	for (size_t i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(buffer + used, size - used, "%s%s (%s)", i ? ", " : "",
					 *interfaces[i].name ? interfaces[i].name : "gone",
					 attach_mode_name(interfaces[i].mode));
	return buffer;
}

/* Rows of one table: a name, a rate when there is one, and totals. */
struct rows {
	struct table *table;
	double seconds; /* 0: no rates */
};

static void start_rows(struct rows *rows, const char *title, double seconds)
{
	size_t column = 0;

	rows->seconds = seconds;
	rows->table = table_new(seconds > 0 ? 4 : 3);
	table_column(rows->table, column++, title, TABLE_LEFT);
	if (seconds > 0)
		table_column(rows->table, column++, "packets/s", TABLE_RIGHT);
	table_column(rows->table, column++, "packets", TABLE_RIGHT);
	table_column(rows->table, column, "bytes", TABLE_RIGHT);
}

static void add_row(struct rows *rows, const char *name, const struct filter_counter *now,
		    const struct filter_counter *before)
{
	char text[NUMBER_TEXT];

	table_cell(rows->table, "%s", name);
	if (rows->seconds > 0)
		table_cell(rows->table, "%s",
			   rate_format(per_second(now->packets, before->packets, rows->seconds),
				       text));
	table_cell(rows->table, "%s", number_format(now->packets, text));
	table_cell(rows->table, "%s", bytes_format((double)now->bytes, text));
}

static void end_rows(struct rows *rows, FILE *out)
{
	if (table_rows(rows->table))
		table_print(rows->table, out, 2);
	rows->table = table_free(rows->table);
}

static const struct filter_counter none;

static void print_protocols(const struct snapshot *now, const struct snapshot *before,
			    double seconds, FILE *out)
{
	struct rows rows;

	start_rows(&rows, "protocol", seconds);
	for (uint32_t row = 0; row < PROTOCOL_ROWS; row++) {
		char name[16];

		if (now->protocols[row].packets)
			add_row(&rows, protocol_row_name(row, name), &now->protocols[row],
				before ? &before->protocols[row] : &none);
	}
	end_rows(&rows, out);
}

/* Verdict and reason in one: "drop banned", "would drop banned", "pass". */
static void print_reasons(const struct snapshot *now, const struct snapshot *before, double seconds,
			  FILE *out)
{
	struct rows rows;

	start_rows(&rows, "verdict", seconds);
	for (enum filter_reason reason = 0; reason < REASON_COUNT; reason++) {
		for (enum filter_verdict verdict = 0; verdict < VERDICT_COUNT; verdict++) {
			const struct filter_counter *counter = &now->reasons[reason][verdict];
			const char *did = verdict == VERDICT_DROPPED    ? "drop"
					  : reason >= REASON_FIRST_DROP ? "would drop"
									: "pass";
			char name[64];

			if (!counter->packets)
				continue;
			snprintf(name, sizeof(name), "%s%s%s", did,
				 reason == REASON_PASS ? "" : ": ",
				 reason == REASON_PASS ? "" : reason_name(reason));
			add_row(&rows, name, counter,
				before ? &before->reasons[reason][verdict] : &none);
		}
	}
	end_rows(&rows, out);
}

static void print_ports(const struct store *store, const struct snapshot *now,
			const struct snapshot *before, double seconds, FILE *out)
{
	CLEANUP_TABLE struct table *table = table_new(seconds > 0 ? 4 : 3);
	const struct filter_policy *policy = store_policy(store);
	struct port_count ports[TOP_PORTS];
	size_t count = snapshot_top_ports(now, before, ports, TOP_PORTS), column = 0;

	table_column(table, column++, before ? "busiest port" : "top port", TABLE_LEFT);
	if (seconds > 0)
		table_column(table, column++, "attempts/s", TABLE_RIGHT);
	table_column(table, column++, "attempts", TABLE_RIGHT);
	for (size_t i = 0; i < count; i++) {
		bool blocked = policy->blocked[ports[i].protocol][ports[i].port / 64] >>
				       (ports[i].port % 64) &
			       1;
		char text[NUMBER_TEXT];

		table_cell(table, "%s/%u", port_protocol_name(ports[i].protocol), ports[i].port);
		if (seconds > 0)
			table_cell(table, "%s",
				   rate_format((double)ports[i].attempts / seconds, text));
		table_cell(table, "%s", number_format(ports[i].total, text));
		table_cell(table, "%s", blocked ? "blocked" : "");
	}
	if (table_rows(table))
		table_print(table, out, 2);
}

void report_text(const struct store *store, const struct snapshot *now,
		 const struct snapshot *before, FILE *out)
{
	double seconds = before ? (double)(now->time - before->time) / NSEC_PER_SEC : 0;
	char number[NUMBER_TEXT];

	print_protocols(now, before, seconds, out);
	print_reasons(now, before, seconds, out);
	print_ports(store, now, before, seconds, out);
	if (now->events_lost)
		fprintf(out,
			"  lost: %s events that no reader took in time (counters are complete)\n",
			number_format(now->events_lost, number));
}
