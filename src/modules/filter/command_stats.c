/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "core/arguments.h"
#include "modules/filter/commands.h"
#include "modules/filter/gate.h"
#include "modules/filter/report.h"

static void print_verdict(const char *word, const struct filter_counter *counter)
{
	char packets[NUMBER_TEXT], bytes[NUMBER_TEXT];

	printf("; %s %s, %s", number_format(counter->packets, packets), word,
	       bytes_format((double)counter->bytes, bytes));
}

static void print_totals(const struct store *store, const struct snapshot *now)
{
	char interfaces[512], packets[NUMBER_TEXT], bytes[NUMBER_TEXT], bans[NUMBER_TEXT];
	const struct filter_counter *answered = &now->verdicts[VERDICT_ANSWERED];
	uint64_t next_end = report_next_end(store);
	char left[DURATION_TEXT];

	printf("%s, %s\n", report_interfaces(store, interfaces, sizeof(interfaces)),
	       filter_mode_name(store_policy(store)->mode));
	printf("  %s packets, %s", number_format(now->total.packets, packets),
	       bytes_format((double)now->total.bytes, bytes));
	print_verdict("dropped", &now->verdicts[VERDICT_DROPPED]);
	if (answered->packets)
		print_verdict("answered", answered);
	printf("; %s ban%s", number_format(report_bans(store), bans),
	       report_bans(store) == 1 ? "" : "s");
	if (next_end)
		printf(", the next ends in %s", duration_format_short(next_end, left));
	putchar('\n');
}

int command_stats(int argc, char **argv)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	CLEANUP_FREE struct snapshot *now = NULL;
	struct arguments arguments;
	struct error error = { "" };
	int r;

	arguments_read(argc, argv, ACCEPT_JSON, "", 0, 0,
		       "Show the counters since the filter went up, by protocol, verdict, port, "
		       "guard and list; who is behind them now; and how full the tables are.",
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
		report_details(&store, now, stdout);
	}
	return STATUS_OK;
}
