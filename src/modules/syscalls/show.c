/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/histogram.h"
#include "base/log.h"
#include "base/text.h"
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

	if (!flights->count)
		return;
	fprintf(out, "under way for longer: %s;", number_format(flights->count, number));
	for (size_t i = 0; i < flights_shown(flights); i++)
		fprintf(out, "%s %s %s (process %u)", i ? "," : "",
			name_call((uint16_t)flights->longest[i].flight.call, name),
			duration_format_fine(flights->longest[i].lasted, lasted),
			flights->longest[i].flight.tgid);
	fputc('\n', out);
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
	show_part("%s calls are counted, but not for their process: its table was full\n",
		  ledger->unknown, out);
	show_part(
		"%s calls are counted, but were not timed: the table of calls under way was full\n",
		ledger->untimed, out);
	show_part("%s programs of ended processes are told of together: there were too many\n",
		  ledger->folded, out);
}

/* ---- text --------------------------------------------------------------------------------- */

struct columns {
	struct table *table;
	size_t count;
};

enum { CALL_COLUMNS = 2, LATENCY_COLUMNS = 4, ERROR_COLUMNS = 2 };

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

static void add_column(struct columns *columns, const char *title, enum table_align align)
{
	table_column(columns->table, columns->count++, title, align);
}

static void add_head(struct columns *columns, const struct show *show, unsigned by)
{
	if (by & BY_PROCESS)
		add_column(columns, "PROCESS", TABLE_RIGHT);
	if (by & (BY_PROCESS | BY_COMMAND))
		add_column(columns, "COMMAND", TABLE_LEFT);
	if (by & BY_USER)
		add_column(columns, "USER", TABLE_LEFT);
	if (by & BY_CALL)
		add_column(columns, "SYSTEM CALL", TABLE_LEFT);
	if (by & BY_CGROUP)
		add_column(columns, "CGROUP", TABLE_LEFT);
	add_column(columns, "CALLS", TABLE_RIGHT);
	add_column(columns, "PER SECOND", TABLE_RIGHT);
	if (show->latency) {
		add_column(columns, "TIME", TABLE_RIGHT);
		add_column(columns, "MEAN", TABLE_RIGHT);
		add_column(columns, "99 % IN", TABLE_RIGHT);
		add_column(columns, "LONGEST", TABLE_RIGHT);
	}
	if (show->errors) {
		add_column(columns, "ERRORS", TABLE_RIGHT);
		add_column(columns, "", TABLE_LEFT);
	}
}

static void add_latency(struct table *table, const struct call_latency *latency)
{
	char text[DURATION_TEXT];

	if (!latency->returned) {
		for (size_t i = 0; i < LATENCY_COLUMNS; i++)
			table_cell(table, "-");
		return;
	}
	table_cell(table, "%s", duration_format_fine(latency->total, text));
	table_cell(table, "%s", duration_format_fine(latency->total / latency->returned, text));
	table_cell(table, "%s", duration_format_fine(latency_quantile(latency, 0.99), text));
	table_cell(table, "%s", duration_format_fine(latency->max, text));
}

static void add_errors(struct table *table, const struct view_row *row)
{
	char text[VIEW_ERRORS * (ERRNO_NAME + NUMBER_TEXT)], number[NUMBER_TEXT], name[ERRNO_NAME];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < row->kind_count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %s", i ? ", " : "",
					 name_error(row->kinds[i].error, name),
					 number_format(row->kinds[i].count, number));
	table_cell(table, "%s", row->errors ? number_format(row->errors, number) : "-");
	table_cell(table, "%s", text);
}

static void add_numbers(struct table *table, const struct show *show, const struct view_row *row,
			double seconds)
{
	char number[NUMBER_TEXT];

	table_cell(table, "%s", number_format(row->calls, number));
	table_cell(table, "%s", rate_format((double)row->calls / seconds, number));
	if (show->latency)
		add_latency(table, &row->latency);
	if (show->errors)
		add_errors(table, row);
}

static void add_row(struct table *table, const struct show *show, unsigned by,
		    const struct view_row *row, double seconds)
{
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
	add_numbers(table, show, row, seconds);
}

static void add_sums(struct columns *columns, const struct show *show, const struct report *report,
		     double seconds)
{
	for (size_t i = 0; i + count_numbers(show) < columns->count; i++)
		table_cell(columns->table, "%s", i ? "" : "all");
	add_numbers(columns->table, show, &report->view->sum, seconds);
}

static void print_table(const struct show *show, const struct report *report, FILE *out)
{
	const struct view *view = report->view;
	double seconds = (double)report->elapsed / NSEC_PER_SEC;
	struct columns columns = { table_new(count_columns(show, view->by)), 0 };
	CLEANUP_TABLE struct table *table = columns.table;
	char number[NUMBER_TEXT];
	size_t shown = view->count < show->top ? view->count : (size_t)show->top;

	if (!table) {
		log_warning("out of memory for a table, ignoring");
		return;
	}
	add_head(&columns, show, view->by);
	for (size_t i = 0; i < shown; i++)
		add_row(table, show, view->by, &view->rows[i], seconds);
	add_sums(&columns, show, report, seconds);
	table_print(table, out, 0);
	if (shown < view->count)
		fprintf(out, "%s more rows are not shown (-T 0 shows all)\n",
			number_format(view->count - shown, number));
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
	fprintf(out, "took, %s times:\n", number_format(row->latency.returned, number));
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
	char seconds[DURATION_TEXT];
	CLEANUP_FREE char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		return;
	fprintf(memory, "system calls in %s%s, by %s\n", report->total ? "all, " : "",
		duration_format_fine(report->elapsed, seconds), show->hooks);
	if (report->view->count)
		print_table(show, report, memory);
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
