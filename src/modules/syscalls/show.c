/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/histogram.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "modules/syscalls/names.h"
#include "modules/syscalls/show.h"

/* ---- calls under way ---------------------------------------------------------------------- */

static void keep_longest(void *context, const struct flight *flight, uint64_t lasted)
{
	struct flights *flights = context;
	size_t i = flights->count < FLIGHTS_SHOWN ? flights->count : FLIGHTS_SHOWN;

	flights->count++;
	if (i == FLIGHTS_SHOWN && flights->longest[--i].lasted >= lasted)
		return;
	for (; i > 0 && flights->longest[i - 1].lasted < lasted; i--)
		flights->longest[i] = flights->longest[i - 1];
	flights->longest[i].flight = *flight;
	flights->longest[i].lasted = lasted;
}

void flights_collect(const struct monitor *monitor, uint64_t least, struct flights *ret_flights)
{
	ret_flights->count = 0;
	monitor_flights(monitor, least, keep_longest, ret_flights);
}

size_t flights_shown(const struct flights *flights)
{
	return flights->count < FLIGHTS_SHOWN ? flights->count : FLIGHTS_SHOWN;
}

static void show_flights(const struct flights *flights, FILE *out)
{
	char number[NUMBER_TEXT], name[CALL_NAME], lasted[DURATION_TEXT];
	CLEANUP_FREE char *text = NULL;
	size_t size;
	FILE *memory = flights->count ? open_memstream(&text, &size) : NULL;

	if (!memory)
		return;
	fprintf(memory, "under way for longer: %s;", number_format(flights->count, number));
	for (size_t i = 0; i < flights_shown(flights); i++)
		fprintf(memory, "%s %s %s (process %u)", i ? "," : "",
			name_call((uint16_t)flights->longest[i].flight.call, name),
			duration_format_fine(flights->longest[i].lasted, lasted),
			flights->longest[i].flight.tgid);
	fclose(memory);
	text_wrap(text, 0, 2, out);
}

/* ---- the ledger --------------------------------------------------------------------------- */

void ledger_subtract(const struct call_ledger *now, const struct call_ledger *before,
		     struct call_ledger *ret_difference)
{
	*ret_difference = (struct call_ledger){
		.seen = now->seen - before->seen,
		.filtered = now->filtered - before->filtered,
		.counted = now->counted - before->counted,
		.unknown = now->unknown - before->unknown,
		.untimed = now->untimed - before->untimed,
		.missed = now->missed - before->missed,
		.unmarked = now->unmarked - before->unmarked,
		.folded = now->folded - before->folded,
	};
}

static void show_part(const char *format, uint64_t value, FILE *out)
{
	char number[NUMBER_TEXT];

	if (value)
		fprintf(out, format, number_format(value, number));
}

static void show_ledger(const struct call_ledger *ledger, bool total, FILE *out)
{
	char seen[NUMBER_TEXT], counted[NUMBER_TEXT], filtered[NUMBER_TEXT], missed[NUMBER_TEXT];

	if (total || ledger->missed)
		fprintf(out, "ledger: %s seen = %s counted + %s filtered out; %s missed\n",
			number_format(ledger->seen, seen),
			number_format(ledger->counted + ledger->unknown, counted),
			number_format(ledger->filtered, filtered),
			number_format(ledger->missed, missed));
	show_part("counted, but not for their process, whose table was full: %s calls\n",
		  ledger->unknown, out);
	show_part("too many under way: how long they took, and with which error, is not known of "
		  "%s calls\n",
		  ledger->untimed, out);
	show_part("%s programs of ended processes are told of together: there were too many\n",
		  ledger->folded, out);
}

/* ---- text --------------------------------------------------------------------------------- */

struct columns {
	struct table *table;
	size_t count;
};

enum { CALL_COLUMNS = 2, LATENCY_COLUMNS = 5, ERROR_COLUMNS = 2, PERCENT_TEXT = 16 };

enum { DATE_TEXT = sizeof("2026-11-22 ") - 1 }; /* before the time of day */

/*
 * What goes first where a line is too long: what follows from other columns, then what says least
 * of what is slow or fails.
 */
enum rank { RANK_LONGEST = 1, RANK_WHICH, RANK_SHARE, RANK_QUANTILE, RANK_MEAN, RANK_RATE };

/* To how few characters a name may be cut. */
enum { LEAST_COMMAND = 8, LEAST_CALL = 10, LEAST_USER = 6, LEAST_CGROUP = 12, LEAST_WHICH = 10 };

static size_t count_numbers(const struct show *show)
{
	return CALL_COLUMNS + (show->latency ? LATENCY_COLUMNS : 0) +
	       (show->errors ? ERROR_COLUMNS : 0);
}

static size_t count_columns(const struct show *show, unsigned by)
{
	size_t names = !!(by & BY_PROCESS) + !!(by & (BY_PROCESS | BY_COMMAND)) + !!(by & BY_USER) +
		       !!(by & BY_CALL) + !!(by & BY_CGROUP);

	return names + count_numbers(show);
}

/* A name may be cut. */
static void add_name(struct columns *columns, const char *title, size_t least)
{
	table_column(columns->table, columns->count, title, TABLE_LEFT);
	table_column_shrink(columns->table, columns->count++, least);
}

/* A number never; the whole column may be left out, unless its rank is 0. */
static void add_number(struct columns *columns, const char *title, unsigned rank)
{
	table_column(columns->table, columns->count, title, TABLE_RIGHT);
	table_column_rank(columns->table, columns->count++, rank);
}

static void add_head(struct columns *columns, const struct show *show, unsigned by)
{
	if (by & BY_PROCESS)
		add_number(columns, "PROCESS", 0);
	if (by & (BY_PROCESS | BY_COMMAND))
		add_name(columns, "COMMAND", LEAST_COMMAND);
	if (by & BY_USER)
		add_name(columns, "USER", LEAST_USER);
	if (by & BY_CALL)
		add_name(columns, "SYSTEM CALL", LEAST_CALL);
	if (by & BY_CGROUP)
		add_name(columns, "CGROUP", LEAST_CGROUP);
	add_number(columns, "CALLS", 0);
	add_number(columns, "CALLS/s", RANK_RATE);
	if (show->latency) {
		add_number(columns, "TIME", 0);
		add_number(columns, "% TIME", RANK_SHARE);
		add_number(columns, "MEAN", RANK_MEAN);
		add_number(columns, "99 % UNDER", RANK_QUANTILE);
		add_number(columns, "LONGEST", RANK_LONGEST);
	}
	if (show->errors) {
		add_number(columns, "ERRORS", 0);
		table_column_rank(columns->table, columns->count, RANK_WHICH);
		add_name(columns, "WHICH", LEAST_WHICH);
	}
}

static const char *share(uint64_t part, uint64_t whole, char buffer[PERCENT_TEXT])
{
	double percent = whole ? 100 * (double)part / (double)whole : 0;

	snprintf(buffer, PERCENT_TEXT, part && percent < 0.05 ? "<0.1" : "%.1f", percent);
	return buffer;
}

static void add_latency(struct table *table, const struct call_latency *latency,
			const struct call_latency *all)
{
	char text[DURATION_TEXT], percent[PERCENT_TEXT];

	if (!latency->returned) {
		for (size_t i = 0; i < LATENCY_COLUMNS; i++)
			table_cell(table, "-");
		return;
	}
	table_cell(table, "%s", duration_format_fine(latency->total, text));
	table_cell(table, "%s", share(latency->total, all->total, percent));
	table_cell(table, "%s", duration_format_fine(latency->total / latency->returned, text));
	table_cell(table, "%s", duration_format_fine(latency_quantile(latency, 0.99), text));
	table_cell(table, "%s", duration_format_fine(latency->max, text));
}

static void add_errors(struct table *table, const struct view_row *row)
{
	char text[VIEW_KINDS * (ERRNO_NAME + NUMBER_TEXT)], number[NUMBER_TEXT], name[ERRNO_NAME];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < row->kind_count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %s", i ? ", " : "",
					 name_error(row->kinds[i].error, name),
					 number_format(row->kinds[i].count, number));
	table_cell(table, "%s", row->errors ? number_format(row->errors, number) : "-");
	table_cell(table, "%s", text);
}

static void add_numbers(struct table *table, const struct show *show, const struct report *report,
			const struct view_row *row)
{
	double seconds = (double)report->elapsed / NSEC_PER_SEC;
	char number[NUMBER_TEXT];

	table_cell(table, "%s", number_format(row->calls, number));
	table_cell(table, "%s", rate_format((double)row->calls / seconds, number));
	if (show->latency)
		add_latency(table, &row->latency, &report->view->sum.latency);
	if (show->errors)
		add_errors(table, row);
}

static void add_row(struct table *table, const struct show *show, const struct report *report,
		    const struct view_row *row)
{
	unsigned by = report->view->by;
	char text[NAME_TEXT], call[CALL_NAME];

	if (by & BY_PROCESS)
		table_cell(table, "%s", name_process(row->owner, text));
	if (by & (BY_PROCESS | BY_COMMAND))
		table_cell(table, "%s", name_command(row->owner, text));
	if (by & BY_USER)
		table_cell(table, "%s", name_user(row->owner, show->users, text));
	if (by & BY_CALL)
		table_cell(table, "%s", name_call(row->call, call));
	if (by & BY_CGROUP)
		table_cell(table, "%s", name_cgroup(row->owner, show->cgroups, text));
	add_numbers(table, show, report, row);
}

static void add_sums(struct columns *columns, const struct show *show, const struct report *report)
{
	for (size_t i = 0; i + count_numbers(show) < columns->count; i++)
		table_cell(columns->table, "%s", i ? "" : "all");
	add_numbers(columns->table, show, report, &report->view->sum);
}

/* Of rows from `first` on, what the table does not show of them. */
static void print_hidden(const struct show *show, const struct view *view, size_t first, FILE *out)
{
	char rows[NUMBER_TEXT], number[NUMBER_TEXT], percent[PERCENT_TEXT];
	const struct view_row *sum = &view->sum;
	uint64_t calls = 0, time = 0;

	for (size_t i = first; i < view->count; i++) {
		calls += view->rows[i].calls;
		time += view->rows[i].latency.total;
	}
	fprintf(out, "%s more row%s: %s call%s, ", number_format(view->count - first, rows),
		view->count - first == 1 ? "" : "s", number_format(calls, number),
		calls == 1 ? "" : "s");
	if (show->latency)
		fprintf(out, "%s %% of the time", share(time, sum->latency.total, percent));
	else
		fprintf(out, "%s %% of all", share(calls, sum->calls, percent));
	fprintf(out, " (%s)\n", show->see_all);
}

static void print_left_out(const struct table *table, FILE *out)
{
	CLEANUP_FREE char *titles = NULL;
	size_t size, count = 0;
	FILE *memory = open_memstream(&titles, &size);

	if (!memory)
		return;
	count = table_print_left_out(table, memory);
	fclose(memory);
	if (count)
		fprintf(out, "no room for %s\n", titles);
}

static void print_table(const struct show *show, const struct report *report, size_t width,
			FILE *out)
{
	const struct view *view = report->view;
	struct columns columns = { table_new(count_columns(show, view->by)), 0 };
	CLEANUP_TABLE struct table *table = columns.table;
	size_t shown = view->count < show->top ? view->count : (size_t)show->top;

	if (!table) {
		log_warning("out of memory for a table, ignoring");
		return;
	}
	add_head(&columns, show, view->by);
	for (size_t i = 0; i < shown; i++)
		add_row(table, show, report, &view->rows[i]);
	add_sums(&columns, show, report);
	if (width)
		table_fit(table, width);
	table_print(table, out, 0);
	if (shown < view->count)
		print_hidden(show, view, shown, out);
	print_left_out(table, out);
}

static void print_histogram(const struct show *show, unsigned by, const struct view_row *row,
			    FILE *out)
{
	char text[NAME_TEXT], call[CALL_NAME], number[NUMBER_TEXT];
	uint64_t buckets[LATENCY_BUCKETS];

	if (by & BY_PROCESS)
		fprintf(out, "%s ", name_process(row->owner, text));
	if (by & (BY_PROCESS | BY_COMMAND))
		fprintf(out, "%s ", name_command(row->owner, text));
	if (by & BY_USER)
		fprintf(out, "%s ", name_user(row->owner, show->users, text));
	if (by & BY_CALL)
		fprintf(out, "%s ", name_call(row->call, call));
	if (by & BY_CGROUP)
		fprintf(out, "%s ", name_cgroup(row->owner, show->cgroups, text));
	fprintf(out, "(how long %s call%s took)\n", number_format(row->latency.returned, number),
		row->latency.returned == 1 ? "" : "s");
	for (size_t i = 0; i < LATENCY_BUCKETS; i++)
		buckets[i] = row->latency.buckets[i];
	histogram_print(buckets, LATENCY_BUCKETS, 2, out);
}

static void print_histograms(const struct show *show, const struct view *view, FILE *out)
{
	for (size_t i = 0; i < view->count && i < show->top; i++)
		if (view->rows[i].latency.returned)
			print_histogram(show, view->by, &view->rows[i], out);
}

void show_text(const struct show *show, const struct report *report, size_t width, FILE *out)
{
	char seconds[DURATION_TEXT], time[TIMESTAMP_TEXT];
	CLEANUP_FREE char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		return;
	timestamp_local(report->time, time);
	fprintf(memory, "system calls in %s%s to %s, by %s\n", report->total ? "all, " : "",
		duration_format_fine(report->elapsed, seconds), time + DATE_TEXT, show->hooks);
	if (report->view->count)
		print_table(show, report, width, memory);
	else
		fputs("no calls\n", memory);
	if (show->histogram)
		print_histograms(show, report->view, memory);
	if (report->flights)
		show_flights(report->flights, memory);
	show_ledger(report->ledger, report->total, memory);
	fputc('\n', memory);
	fclose(memory);
	text_print_cut(text, width, out);
}
