/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "modules/filter/cookies.h"
#include "modules/filter/describe.h"
#include "modules/filter/fills.h"
#include "modules/filter/list_store.h"
#include "modules/filter/readers.h"
#include "modules/filter/report.h"
#include "modules/filter/sources.h"
#include "modules/filter/terms.h"

enum { INTERFACES_SHOWN = 64, TOP_PORTS = 10 };

static double per_second(uint64_t now, uint64_t before, double seconds)
{
	return seconds > 0 ? (double)(now - before) / seconds : 0;
}

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

uint64_t report_pending(const struct store *store)
{
	uint32_t deadline = store_pending(store);
	uint64_t end = ticks_boottime(&store->ticks, deadline), now = timestamp_boottime();

	return deadline && end > now ? end - now : 0;
}

size_t report_bans(const struct store *store)
{
	return ban_count(&store->tables, store_now(store)) + policy_ban_count(store_policy(store));
}

uint64_t report_next_end(const struct store *store)
{
	uint32_t first = BAN_FOREVER, tick = store_now(store);
	uint64_t end, now = timestamp_boottime();
	size_t position = 0;
	struct ban ban;

	while (ban_next(&store->tables, &position, tick, &ban))
		if (ban.end < first)
			first = ban.end;
	end = ticks_boottime(&store->ticks, first);
	return first != BAN_FOREVER && end > now ? end - now : 0;
}

/* Prints a table that has rows, and frees it. */
static void end_table(struct table *table, FILE *out)
{
	if (table_rows(table))
		table_print(table, out, 2);
	table_free(table);
}

static void add_number(struct table *table, uint64_t number)
{
	char text[NUMBER_TEXT];

	table_cell(table, "%s", number_format(number, text));
}

static void add_bytes(struct table *table, uint64_t bytes)
{
	char text[NUMBER_TEXT];

	table_cell(table, "%s", bytes_format((double)bytes, text));
}

/* The first column on the left, the numbers behind it on the right, words at the end. */
static struct table *begin_table(const char *const *titles, size_t count, size_t numbers)
{
	struct table *table = table_new(count);

	for (size_t i = 0; i < count; i++)
		table_column(table, i, titles[i], i > 0 && i <= numbers ? TABLE_RIGHT : TABLE_LEFT);
	return table;
}

/* ---- packets ---------------------------------------------------------------------------- */

/* Rows of one table: a name, a rate when there is one, and totals. */
struct rows {
	struct table *table;
	double seconds; /* 0: no rates */
};

static void start_rows(struct rows *rows, const char *title, double seconds)
{
	const char *const titles[] = { title, "packets/s", "packets", "bytes" };
	const char *const totals[] = { title, "packets", "bytes" };

	rows->seconds = seconds;
	rows->table = seconds > 0 ? begin_table(titles, 4, 3) : begin_table(totals, 3, 2);
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
	add_number(rows->table, now->packets);
	add_bytes(rows->table, now->bytes);
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
	end_table(rows.table, out);
}

static const char *what_was_done(enum filter_reason reason, enum filter_verdict verdict)
{
	if (verdict == VERDICT_DROPPED)
		return "drop";
	if (verdict == VERDICT_ANSWERED)
		return "answer";
	return reason_drops(reason) ? "would drop" : "pass";
}

/* Verdict and reason in one: "drop: banned", "would drop: banned", "pass". */
static void print_reasons(const struct snapshot *now, const struct snapshot *before, double seconds,
			  FILE *out)
{
	struct rows rows;

	start_rows(&rows, "verdict", seconds);
	for (enum filter_reason reason = 0; reason < REASON_COUNT; reason++) {
		for (enum filter_verdict verdict = 0; verdict < VERDICT_COUNT; verdict++) {
			const struct filter_counter *counter = &now->reasons[reason][verdict];
			char name[64];

			if (!counter->packets)
				continue;
			snprintf(name, sizeof(name), "%s%s%s", what_was_done(reason, verdict),
				 reason == REASON_PASS ? "" : ": ",
				 reason == REASON_PASS ? "" : reason_name(reason));
			add_row(&rows, name, counter,
				before ? &before->reasons[reason][verdict] : &none);
		}
	}
	end_table(rows.table, out);
}

/*
 * What the policy says of a port: "blocked", "watched", "guard ssh". A packet to a blocked port
 * is dropped before its guard counts it.
 */
static const char *port_remark(const struct store *store, const struct port_count *port,
			       char text[64])
{
	uint8_t action = store_policy(store)->ports[port->protocol][port->port];
	uint32_t guard = action & PORT_BLOCKED ? 0 : action & PORT_GUARD_MASK;

	snprintf(text, 64, "%s%s%s%s",
		 action & PORT_BLOCKED   ? "blocked"
		 : action & PORT_WATCHED ? "watched"
					 : "",
		 guard && action & PORT_WATCHED ? ", " : "", guard ? "guard " : "",
		 guard ? guard_name(store, guard) : "");
	return text;
}

static void print_ports(const struct store *store, const struct snapshot *now,
			const struct snapshot *before, double seconds, FILE *out)
{
	const char *const rates[] = { "busiest port", "attempts/s", "attempts", NULL };
	const char *const totals[] = { "top port", "attempts", NULL };
	struct table *table = seconds > 0 ? begin_table(rates, 4, 2) : begin_table(totals, 3, 1);
	struct port_count ports[TOP_PORTS];
	size_t count = snapshot_top_ports(now, before, ports, TOP_PORTS);

	for (size_t i = 0; i < count; i++) {
		char text[64];

		table_cell(table, "%s/%u", port_protocol_name(ports[i].protocol), ports[i].port);
		if (seconds > 0)
			table_cell(table, "%s",
				   rate_format((double)ports[i].attempts / seconds, text));
		add_number(table, ports[i].total);
		table_cell(table, "%s", port_remark(store, &ports[i], text));
	}
	end_table(table, out);
}

/* ---- guards and lists ---------------------------------------------------------------------- */

static void print_guards(const struct store *store, const struct snapshot *now,
			 const struct snapshot *before, FILE *out)
{
	static const char *const titles[] = { "guard", "attempts", "limited",
					      "shed",  "bans",     "limits" };
	struct table *table = begin_table(titles, ARRAY_SIZE(titles), 4);

	for (uint32_t i = 1; i <= GUARDS_MAX; i++) {
		const struct filter_guard *guard = &store_policy(store)->guards[i];
		const struct filter_guard_counter *counter = &now->guards[i];
		char limits[GUARD_TEXT];

		/* While watching: those that something came to. */
		if (!*guard->name ||
		    (before && memcmp(counter, &before->guards[i], sizeof(*counter)) == 0))
			continue;
		table_cell(table, "%s", guard_name(store, i));
		add_number(table, counter->connections);
		add_number(table, counter->limited);
		add_number(table, counter->shed);
		add_number(table, counter->bans);
		table_cell(table, "%s%s",
			   terms_limits(&store->ticks, guard, config_in_force(store), limits),
			   guard->mode == MODE_OBSERVE ? " (observes)" : "");
	}
	end_table(table, out);
}

static void print_lists(const struct store *store, const struct snapshot *now,
			const struct snapshot *before, FILE *out)
{
	static const char *const titles[] = { "list",    "packets", "bytes",
					      "entries", "loaded",  "kind" };
	struct table *table = begin_table(titles, ARRAY_SIZE(titles), 3);
	struct list_facts facts[LISTS_MAX + 1];

	list_store_facts(store, facts);
	for (uint32_t i = 1; i <= LISTS_MAX; i++) {
		const char *kind = list_kind(store_policy(store), i);
		char loaded[TIMESTAMP_TEXT];

		if (!kind || (before && now->lists[i].packets == before->lists[i].packets))
			continue;
		table_cell(table, "%s", list_name(store, i));
		add_number(table, now->lists[i].packets);
		add_bytes(table, now->lists[i].bytes);
		add_number(table, facts[i].entries[0] + facts[i].entries[1]);
		table_cell(table, "%s", timestamp_local(facts[i].loaded, loaded));
		table_cell(table, "%s", kind);
	}
	end_table(table, out);
}

/* ---- what is amiss --------------------------------------------------------------------------- */

/* Of rings that somebody reads: the others are full, and nobody misses what they lose. */
static void print_lost(const struct store *store, const struct filter_tally *now,
		       const struct filter_tally *before, FILE *out)
{
	char number[NUMBER_TEXT];

	for (size_t i = 0; i < EVENT_RINGS; i++) {
		uint64_t lost = now->events_lost[i] - before->events_lost[i];

		if (lost && reader_is_there(store, i))
			fprintf(out,
				"  %s events lost: ring %zu was full (counters are complete)\n",
				number_format(lost, number), i);
	}
}

/* What was not done; with `before`, in this interval. */
static void print_omissions(const struct filter_tally *now, const struct filter_tally *before,
			    FILE *out)
{
	char why[COOKIES_TEXT];
	const struct {
		uint64_t count;
		const char *what;
	} omissions[] = {
		{ now->bans_withheld - before->bans_withheld, "bans withheld: over ban-rate" },
		{ now->bans_refused - before->bans_refused,
		  "bans refused: no room in the tables of bans" },
		{ now->untracked - before->untracked,
		  "packets of sources without a limit of their own: no room for more sources" },
		{ now->scanners_untracked - before->scanners_untracked,
		  "probes of closed ports not counted: no room for more sources" },
		{ now->cookies_passed - before->cookies_passed,
		  *cookies_why_none(why) ? "SYNs passed on: no cookie is made until 'sysctl -w "
					   "net.ipv4.tcp_syncookies=2'"
					 : "SYNs passed on that a cookie could not be made for" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(omissions); i++) {
		char number[NUMBER_TEXT];

		if (omissions[i].count)
			fprintf(out, "  %s %s\n", number_format(omissions[i].count, number),
				omissions[i].what);
	}
}

void report_text(const struct store *store, const struct snapshot *now,
		 const struct snapshot *before, FILE *out)
{
	static const struct filter_tally nothing;
	double seconds = before ? (double)(now->time - before->time) / NSEC_PER_SEC : 0;
	uint64_t pending = report_pending(store);
	char text[DURATION_TEXT];

	if (pending)
		fprintf(out, "  not confirmed: the former policy comes back in %s\n",
			duration_format_short(pending, text));
	print_protocols(now, before, seconds, out);
	print_reasons(now, before, seconds, out);
	print_ports(store, now, before, seconds, out);
	print_guards(store, now, before, out);
	print_lists(store, now, before, out);
	print_omissions(&now->tally, before ? &before->tally : &nothing, out);
	print_lost(store, &now->tally, before ? &before->tally : &nothing, out);
}

/* ---- details ------------------------------------------------------------------------------------
 */

static void print_connecting(const struct store *store, FILE *out)
{
	static const char *const titles[] = { "source, last minutes", "attempts" };
	struct table *table = begin_table(titles, ARRAY_SIZE(titles), 1);
	struct source_count sources[REPORT_SOURCES];
	size_t count = sources_connecting(store, sources, REPORT_SOURCES);

	for (size_t i = 0; i < count; i++) {
		char text[PREFIX_TEXT];

		table_cell(table, "%s", prefix_format(&sources[i].source, text));
		add_number(table, sources[i].packets);
	}
	end_table(table, out);
}

static void print_dropped(const struct store *store, FILE *out)
{
	static const char *const titles[] = { "dropped now, or would be", "packets", "bytes",
					      "reason" };
	struct table *table = begin_table(titles, ARRAY_SIZE(titles), 2);
	struct source_count sources[REPORT_SOURCES];
	size_t count = sources_dropped(store, sources, REPORT_SOURCES);

	for (size_t i = 0; i < count; i++) {
		char text[PREFIX_TEXT];

		table_cell(table, "%s", prefix_format(&sources[i].source, text));
		add_number(table, sources[i].packets);
		add_bytes(table, sources[i].bytes);
		table_cell(table, "%s", reason_name(sources[i].reason));
	}
	end_table(table, out);
}

static void print_fills(const struct store *store, FILE *out)
{
	static const char *const titles[] = { "table of", "used", "of", "full", NULL };
	struct table *table = begin_table(titles, ARRAY_SIZE(titles), 3);
	struct fills fills;

	fills_measure(store, &fills);
	for (enum filter_table id = 0; id < TABLE_COUNT; id++) {
		const struct fill *fill = &fills.tables[id];

		if (!fill->used)
			continue;
		table_cell(table, "%s", filter_table_holds(id));
		add_number(table, fill->used);
		add_number(table, fill->capacity);
		table_cell(table, "%u %%", fill_percent(fill));
		table_cell(table, "%s", fill_percent(fill) >= FILL_PERCENT_HIGH ? "WARNING" : "");
	}
	end_table(table, out);
}

/* "passes now: allowed", "drops now: banned"; what is only observed would be dropped. */
static void say_pair(char text[128], bool observes, uint32_t is, uint32_t would)
{
	snprintf(text, 128, "%s now%s%s, shadow would %s%s%s",
		 !reason_drops(is) ? "passes"
		 : observes        ? "would drop"
				   : "drops",
		 is == REASON_PASS ? "" : ": ", is == REASON_PASS ? "" : reason_name(is),
		 reason_drops(would) ? "drop" : "pass", would == REASON_PASS ? "" : ": ",
		 would == REASON_PASS ? "" : reason_name(would));
}

static void print_shadow(const struct store *store, const struct snapshot *now, FILE *out)
{
	bool observes = store_policy(store)->mode == MODE_OBSERVE;
	struct filter_counter agree = { 0, 0 };
	struct rows rows;

	if (!store_shadow(store))
		return;
	start_rows(&rows, "shadow policy", 0);
	for (uint32_t is = 0; is < REASON_COUNT; is++) {
		agree.packets += now->shadow[is][is].packets;
		agree.bytes += now->shadow[is][is].bytes;
	}
	add_row(&rows, "says the same", &agree, &none);
	for (uint32_t is = 0; is < REASON_COUNT; is++) {
		for (uint32_t would = 0; would < REASON_COUNT; would++) {
			char name[128];

			if (is == would || !now->shadow[is][would].packets)
				continue;
			say_pair(name, observes, is, would);
			add_row(&rows, name, &now->shadow[is][would], &none);
		}
	}
	end_table(rows.table, out);
}

void report_details(const struct store *store, const struct snapshot *now, FILE *out)
{
	print_connecting(store, out);
	print_dropped(store, out);
	print_shadow(store, now, out);
	print_fills(store, out);
}
