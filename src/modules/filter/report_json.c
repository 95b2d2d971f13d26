/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <net/if.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "modules/filter/describe.h"
#include "modules/filter/fills.h"
#include "modules/filter/list_store.h"
#include "modules/filter/readers.h"
#include "modules/filter/report.h"
#include "modules/filter/sources.h"
#include "modules/filter/terms.h"

enum { INTERFACES_SHOWN = 64, PORTS_SHOWN = 100 };

static void set_number(json_t *object, const char *name, uint64_t number)
{
	json_object_set_new(object, name, json_integer((json_int_t)number));
}

static json_t *counter_json(const struct filter_counter *counter)
{
	json_t *object = json_object();

	set_number(object, "packets", counter->packets);
	set_number(object, "bytes", counter->bytes);
	return object;
}

/* ---- packets ---------------------------------------------------------------------------- */

static json_t *reasons_json(const struct snapshot *now)
{
	json_t *object = json_object();

	for (enum filter_reason reason = 0; reason < REASON_COUNT; reason++) {
		struct filter_counter sum = snapshot_reason(now, reason);
		json_t *row = counter_json(&sum);

		set_number(row, "dropped", now->reasons[reason][VERDICT_DROPPED].packets);
		set_number(row, "answered", now->reasons[reason][VERDICT_ANSWERED].packets);
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

/* The ports that saw most, most first. */
static json_t *ports_json(const struct snapshot *now)
{
	struct port_count ports[PORTS_SHOWN];
	size_t count = snapshot_top_ports(now, NULL, ports, PORTS_SHOWN);
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array,
				      json_pack("{s:i, s:s, s:I}", "port", ports[i].port,
						"protocol", port_protocol_name(ports[i].protocol),
						"connections", (json_int_t)ports[i].attempts));
	return array;
}

/* ---- guards, lists, sources ---------------------------------------------------------------- */

/* Those of the policy in force, by name, whether or not they did anything. */
static json_t *guards_json(const struct store *store, const struct snapshot *now)
{
	const struct filter_policy *policy = store_policy(store);
	json_t *array = json_array();

	for (uint32_t i = 1; i <= GUARDS_MAX; i++) {
		const struct filter_guard *guard = &policy->guards[i];
		char limits[GUARD_TEXT];
		json_t *row;

		if (!*guard->name)
			continue;
		row = json_pack("{s:s, s:s}", "name", guard_name(store, i), "limits",
				terms_limits(&store->ticks, guard, config_in_force(store), limits));
		set_number(row, "connections", now->guards[i].connections);
		set_number(row, "limited", now->guards[i].limited);
		set_number(row, "shed", now->guards[i].shed);
		set_number(row, "bans", now->guards[i].bans);
		json_array_append_new(array, row);
	}
	return array;
}

static json_t *lists_json(const struct store *store, const struct snapshot *now)
{
	struct list_facts facts[LISTS_MAX + 1];
	json_t *array = json_array();

	list_store_facts(store, facts);
	for (uint32_t i = 1; i <= LISTS_MAX; i++) {
		const char *kind = list_kind(store_policy(store), i);
		char loaded[TIMESTAMP_TEXT];
		json_t *row;

		if (!kind)
			continue;
		row = counter_json(&now->lists[i]);
		json_object_set_new(row, "name", json_string(list_name(store, i)));
		json_object_set_new(row, "kind", json_string(kind));
		set_number(row, "entries", facts[i].entries[0] + facts[i].entries[1]);
		json_object_set_new(row, "loaded",
				    json_string(timestamp_rfc3339(facts[i].loaded, loaded)));
		json_array_append_new(array, row);
	}
	return array;
}

static json_t *connecting_json(const struct store *store)
{
	struct source_count sources[REPORT_SOURCES];
	size_t count = sources_connecting(store, sources, REPORT_SOURCES);
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		char text[PREFIX_TEXT];

		json_array_append_new(array,
				      json_pack("{s:s, s:I}", "source",
						prefix_format(&sources[i].source, text),
						"connections", (json_int_t)sources[i].packets));
	}
	return array;
}

static json_t *dropped_json(const struct store *store)
{
	struct source_count sources[REPORT_SOURCES];
	size_t count = sources_dropped(store, sources, REPORT_SOURCES);
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		char text[PREFIX_TEXT];

		json_array_append_new(array, json_pack("{s:s, s:s, s:I, s:I}", "source",
						       prefix_format(&sources[i].source, text),
						       "reason", reason_name(sources[i].reason),
						       "packets", (json_int_t)sources[i].packets,
						       "bytes", (json_int_t)sources[i].bytes));
	}
	return array;
}

/* ---- the filter itself ------------------------------------------------------------------- */

/* An interface may be called by any bytes, and JSON is UTF-8. */
static json_t *interface_json(const char *name)
{
	char escaped[4 * IF_NAMESIZE];
	json_t *text = json_string(*name ? name : "(gone)");

	return text ? text : json_string(text_escape(name, escaped, sizeof(escaped)));
}

json_t *report_interfaces_json(const struct store *store)
{
	struct gate_interface interfaces[INTERFACES_SHOWN];
	size_t count = gate_interfaces(store, interfaces, ARRAY_SIZE(interfaces));
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		char since[TIMESTAMP_TEXT];

		json_array_append_new(array,
				      json_pack("{s:o, s:s, s:s}", "name",
						interface_json(interfaces[i].name), "mode",
						attach_mode_name(interfaces[i].mode), "since",
						timestamp_rfc3339(interfaces[i].since, since)));
	}
	return array;
}

static json_t *next_end_json(const struct store *store)
{
	uint64_t left = report_next_end(store);
	char time[TIMESTAMP_TEXT];

	return left ? json_string(timestamp_rfc3339(timestamp_now() + left, time)) : json_null();
}

static json_t *tables_json(const struct store *store)
{
	json_t *object = json_object();
	struct fills fills;

	fills_measure(store, &fills);
	for (enum filter_table table = 0; table < TABLE_COUNT; table++) {
		json_t *row = json_object();

		set_number(row, "used", fills.tables[table].used);
		set_number(row, "capacity", fills.tables[table].capacity);
		json_object_set_new(object, filter_table_name(table), row);
	}
	return object;
}

/* A ring that nobody reads is full: that nothing more goes in is no loss. */
static json_t *events_json(const struct store *store, const struct snapshot *now)
{
	json_t *object = json_object(), *readers = json_array();

	set_number(object, "sent", now->tally.events_sent);
	for (size_t i = 0; i < EVENT_RINGS; i++) {
		json_t *row;

		if (!reader_is_there(store, i))
			continue;
		row = json_object();
		set_number(row, "ring", i);
		set_number(row, "lost", now->tally.events_lost[i]);
		json_array_append_new(readers, row);
	}
	json_object_set_new(object, "readers", readers);
	return object;
}

static json_t *actions_json(const struct filter_tally *tally)
{
	json_t *object = json_object();

	set_number(object, "bans", tally->bans);
	set_number(object, "bans_withheld", tally->bans_withheld);
	set_number(object, "bans_refused", tally->bans_refused);
	set_number(object, "scans", tally->scans);
	set_number(object, "sources_untracked", tally->untracked);
	set_number(object, "scanners_untracked", tally->scanners_untracked);
	set_number(object, "cookies_not_sent", tally->cookies_passed);
	return object;
}

static json_t *shadow_json(const struct store *store, const struct snapshot *now)
{
	json_t *object, *differ = json_array();
	struct filter_counter agree = { 0, 0 };

	if (!store_shadow(store)) {
		json_decref(differ);
		return json_null();
	}
	for (uint32_t is = 0; is < REASON_COUNT; is++) {
		agree.packets += now->shadow[is][is].packets;
		agree.bytes += now->shadow[is][is].bytes;
		for (uint32_t would = 0; would < REASON_COUNT; would++) {
			json_t *row;

			if (is == would || !now->shadow[is][would].packets)
				continue;
			row = counter_json(&now->shadow[is][would]);
			json_object_set_new(row, "now", json_string(reason_name(is)));
			json_object_set_new(row, "shadow", json_string(reason_name(would)));
			json_array_append_new(differ, row);
		}
	}
	object = json_object();
	json_object_set_new(object, "agree", counter_json(&agree));
	json_object_set_new(object, "differ", differ);
	return object;
}

json_t *report_pending_json(const struct store *store)
{
	uint64_t left = report_pending(store);
	char until[TIMESTAMP_TEXT];
	json_t *object;

	if (!left)
		return json_null();
	object = json_object();
	/* To the nearest: the deadline is a tick, which is a little late. */
	set_number(object, "seconds", (left + NSEC_PER_SEC / 2) / NSEC_PER_SEC);
	json_object_set_new(object, "until",
			    json_string(timestamp_rfc3339(timestamp_now() + left, until)));
	return object;
}

json_t *report_json(const struct store *store, const struct snapshot *now)
{
	json_t *object = json_object();

	json_object_set_new(object, "interfaces", report_interfaces_json(store));
	json_object_set_new(object, "mode",
			    json_string(filter_mode_name(store_policy(store)->mode)));
	set_number(object, "packets", now->total.packets);
	set_number(object, "bytes", now->total.bytes);
	json_object_set_new(object, "passed", counter_json(&now->verdicts[VERDICT_PASSED]));
	json_object_set_new(object, "dropped", counter_json(&now->verdicts[VERDICT_DROPPED]));
	json_object_set_new(object, "answered", counter_json(&now->verdicts[VERDICT_ANSWERED]));
	json_object_set_new(object, "protocols", protocols_json(now));
	json_object_set_new(object, "reasons", reasons_json(now));
	json_object_set_new(object, "ports", ports_json(now));
	json_object_set_new(object, "guards", guards_json(store, now));
	json_object_set_new(object, "lists", lists_json(store, now));
	json_object_set_new(object, "sources",
			    json_pack("{s:o, s:o}", "connecting", connecting_json(store), "dropped",
				      dropped_json(store)));
	set_number(object, "bans", report_bans(store));
	json_object_set_new(object, "next_end", next_end_json(store));
	json_object_set_new(object, "actions", actions_json(&now->tally));
	json_object_set_new(object, "tables", tables_json(store));
	json_object_set_new(object, "events", events_json(store, now));
	set_number(object, "lost", now->tally.events_lost[0]);
	json_object_set_new(object, "pending", report_pending_json(store));
	json_object_set_new(object, "shadow", shadow_json(store, now));
	return object;
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
