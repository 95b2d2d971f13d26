/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "core/arguments.h"
#include "modules/filter/commands.h"
#include "modules/filter/gate.h"
#include "modules/filter/report.h"

enum { INTERFACES_SHOWN = 64 };

/* ---- status ------------------------------------------------------------------------ */

static void print_ports_of(const struct filter_policy *policy, FILE *out)
{
	enum port_protocol protocol = 0;
	struct port_range range;
	struct port_set set;
	uint32_t port = 0;
	size_t count = 0;

	memcpy(set.bits, policy->blocked, sizeof(set.bits));
	while (port_set_next(&set, &protocol, &port, &range)) {
		char text[PORT_RANGE_TEXT];

		fprintf(out, "%s%s", count++ ? ", " : "", port_range_format(&range, text));
	}
	fputs(count ? "\n" : "none\n", out);
}

static void print_entries(const struct filter_policy *policy, uint64_t role_wanted, FILE *out)
{
	struct prefix prefix;
	size_t position = 0, count = 0;
	uint64_t role;

	while (policy_next(policy, &position, &prefix, &role)) {
		char text[PREFIX_TEXT];

		if (role & role_wanted)
			fprintf(out, "%s%s", count++ ? ", " : "", prefix_format(&prefix, text));
	}
	fputs(count ? "\n" : "none\n", out);
}

static void print_status(const struct store *store)
{
	const struct filter_policy *policy = store_policy(store);
	struct gate_interface interfaces[INTERFACES_SHOWN];
	size_t count = gate_interfaces(store, interfaces, ARRAY_SIZE(interfaces));
	CLEANUP_TABLE struct table *table = table_new(3);
	char time[TIMESTAMP_TEXT], number[NUMBER_TEXT];

	printf("filter: %s, policy %u since %s\n",
	       policy->mode == MODE_ENFORCE ? "enforce" : "observe (drops nothing)",
	       policy->generation, timestamp_local(policy->applied, time));
	table_column(table, 0, "interface", TABLE_LEFT);
	table_column(table, 1, "mode", TABLE_LEFT);
	table_column(table, 2, "attached since", TABLE_LEFT);
	for (size_t i = 0; i < count; i++) {
		table_cell(table, "%s", *interfaces[i].name ? interfaces[i].name : "(gone)");
		table_cell(table, "%s", attach_mode_name(interfaces[i].mode));
		table_cell(table, "%s", timestamp_local(interfaces[i].since, time));
	}
	if (count)
		table_print(table, stdout, 2);
	else
		printf("  attached to no interface\n");
	printf("  blocked ports  ");
	print_ports_of(policy, stdout);
	printf("  allowed        ");
	print_entries(policy, ROLE_ALLOW, stdout);
	printf("  guarded        ");
	print_entries(policy, ROLE_GUARDED, stdout);
	printf("  bans           %s\n",
	       number_format(ban_count(&store->tables, store_now(store)), number));
	printf("  kept           %s\n", gate_is_kept(store) ? "yes, until 'sumun down'"
							    : "no, goes with the last 'sumun run'");
}

static json_t *entries_json(const struct filter_policy *policy, uint64_t role_wanted)
{
	json_t *array = json_array();
	struct prefix prefix;
	size_t position = 0;
	uint64_t role;

	while (policy_next(policy, &position, &prefix, &role)) {
		char text[PREFIX_TEXT];

		if (role & role_wanted)
			json_array_append_new(array, json_string(prefix_format(&prefix, text)));
	}
	return array;
}

static json_t *blocked_json(const struct filter_policy *policy)
{
	json_t *array = json_array();
	enum port_protocol protocol = 0;
	struct port_range range;
	struct port_set set;
	uint32_t port = 0;

	memcpy(set.bits, policy->blocked, sizeof(set.bits));
	while (port_set_next(&set, &protocol, &port, &range)) {
		char text[PORT_RANGE_TEXT];

		json_array_append_new(array, json_string(port_range_format(&range, text)));
	}
	return array;
}

static json_t *status_json(const struct store *store)
{
	const struct filter_policy *policy = store_policy(store);
	char time[TIMESTAMP_TEXT];

	return json_pack("{s:s, s:i, s:s, s:o, s:o, s:o, s:o, s:I, s:b}", "mode",
			 filter_mode_name(policy->mode), "policy", policy->generation, "since",
			 timestamp_rfc3339(policy->applied, time), "interfaces",
			 report_interfaces_json(store), "block-ports", blocked_json(policy),
			 "allow", entries_json(policy, ROLE_ALLOW), "guarded",
			 entries_json(policy, ROLE_GUARDED), "bans",
			 (json_int_t)ban_count(&store->tables, store_now(store)), "kept",
			 gate_is_kept(store));
}

int command_status(int argc, char **argv)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	struct arguments arguments;
	struct error error = { "" };
	int r;

	arguments_read(argc, argv, ACCEPT_JSON, "", 0, 0,
		       "Show what is attached where, in which mode and since when, and the policy "
		       "in force.",
		       &arguments);
	r = gate_open(STORE_READ, &store, &error);
	if (r < 0) {
		log_error("%s", error.text);
		return status_of(r);
	}
	if (arguments.json)
		json_write_line(status_json(&store), stdout);
	else
		print_status(&store);
	return STATUS_OK;
}

/* ---- stats ----------------------------------------------------------------------------- */

static void print_totals(const struct store *store, const struct snapshot *now)
{
	struct filter_counter dropped = snapshot_dropped(now);
	char interfaces[512], packets[NUMBER_TEXT], bytes[NUMBER_TEXT], lost[NUMBER_TEXT];

	printf("%s, %s\n", report_interfaces(store, interfaces, sizeof(interfaces)),
	       filter_mode_name(store_policy(store)->mode));
	printf("  %s packets, %s", number_format(now->total.packets, packets),
	       bytes_format((double)now->total.bytes, bytes));
	printf("; %s dropped, %s", number_format(dropped.packets, packets),
	       bytes_format((double)dropped.bytes, bytes));
	printf("; %s bans\n", number_format(ban_count(&store->tables, store_now(store)), lost));
}

int command_stats(int argc, char **argv)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	CLEANUP_FREE struct snapshot *now = NULL;
	struct arguments arguments;
	struct error error = { "" };
	int r;

	arguments_read(argc, argv, ACCEPT_JSON, "", 0, 0,
		       "Show the counters since the filter went up: by protocol, verdict, reason "
		       "and port.",
		       &arguments);
	r = gate_open(STORE_READ, &store, &error);
	if (r == 0) {
		now = snapshot_take(&store);
		r = now ? 0 : error_set(&error, -ENOMEM, "out of memory");
	}
	if (r < 0) {
		log_error("%s", error.text);
		return status_of(r);
	}
	if (arguments.json) {
		json_write_line(report_json(&store, now), stdout);
	} else {
		print_totals(&store, now);
		report_text(&store, now, NULL, stdout);
	}
	return STATUS_OK;
}
