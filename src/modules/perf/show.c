/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "modules/perf/show.h"
#include "observe/owner_names.h"

void perf_report_free(struct report *report)
{
	change_free(&report->change);
	tally_free(&report->tally);
	free(report->waits);
	report->waits = NULL;
}

void perf_ledger_subtract(const struct perf_ledger *now, const struct perf_ledger *before,
			  struct perf_ledger *ret_difference)
{
	const struct perf_ledger none = { .missed = 0 };

	before = before ? before : &none;
	for (size_t i = 0; i < PERF_COUNTS; i++) {
		ret_difference->counted[i] = now->counted[i] - before->counted[i];
		ret_difference->unknown[i] = now->unknown[i] - before->unknown[i];
		ret_difference->filtered[i] = now->filtered[i] - before->filtered[i];
	}
	ret_difference->unseen = now->unseen - before->unseen;
	ret_difference->missed = now->missed - before->missed;
	ret_difference->unmarked = now->unmarked - before->unmarked;
	ret_difference->folded = now->folded - before->folded;
	ret_difference->untimed = now->untimed - before->untimed;
}

/* ---- rows of processes -------------------------------------------------------------------- */

enum { NAME_LEAST = 8 };

static const struct {
	const char *head;
	enum perf_count counts[2]; /* whose sum it is; the same twice: only one */
	unsigned rank;             /* as of table_column_rank() */
} columns[] = {
	{ "CPU", { COUNT_TIME, COUNT_TIME } },
	{ "CALLS", { COUNT_CALLS, COUNT_CALLS } },
	{ "FAULTS", { COUNT_MINOR, COUNT_MAJOR } },
	{ "MAJOR", { COUNT_MAJOR, COUNT_MAJOR }, 1 },
	{ "SWITCHES", { COUNT_VOLUNTARY, COUNT_INVOLUNTARY } },
	{ "PREEMPTED", { COUNT_INVOLUNTARY, COUNT_INVOLUNTARY }, 2 },
	{ "MOVED", { COUNT_MIGRATIONS, COUNT_MIGRATIONS }, 3 },
};

static void add_numbers(struct table *table, const struct report *report,
			const struct tally_row *row)
{
	double seconds = (double)report->change.elapsed / NSEC_PER_SEC;
	char text[NUMBER_TEXT + DURATION_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		const enum perf_count *of = columns[i].counts;
		uint64_t value = row->counts[of[0]] + (of[0] == of[1] ? 0 : row->counts[of[1]]);
		bool time = of[0] == COUNT_TIME;

		if (time && report->total)
			table_cell(table, "%s", duration_format_fine(value, text));
		else if (time)
			table_cell(table, "%.1f %%", 100 * (double)value / NSEC_PER_SEC / seconds);
		else if (report->total)
			table_cell(table, "%s", number_format(value, text));
		else
			table_cell(table, "%s", rate_format((double)value / seconds, text));
	}
}

static void add_names(struct table *table, const struct show *show, unsigned by,
		      const struct owner *owner)
{
	char text[NAME_TEXT];

	if (by & BY_PROCESS)
		table_cell(table, "%s", name_process(owner, text));
	if (by & (BY_PROCESS | BY_COMMAND))
		table_cell(table, "%s", name_command(owner, text));
	if (by & BY_USER)
		table_cell(table, "%s", name_user(owner, show->users, text));
	if (by & BY_CGROUP)
		table_cell(table, "%s", name_cgroup(owner, show->cgroups, text));
}

static size_t count_names(unsigned by)
{
	return !!(by & BY_PROCESS) + !!(by & (BY_PROCESS | BY_COMMAND)) + !!(by & BY_USER) +
	       !!(by & BY_CGROUP);
}

/* Names give way where numbers have no room. */
static void shrink(struct table *table, size_t column, const char *title)
{
	table_column(table, column, title, TABLE_LEFT);
	table_column_shrink(table, column, NAME_LEAST);
}

static void add_head(struct table *table, unsigned by)
{
	size_t column = 0;

	if (by & BY_PROCESS)
		table_column(table, column++, "PROCESS", TABLE_RIGHT);
	if (by & (BY_PROCESS | BY_COMMAND))
		shrink(table, column++, "COMMAND");
	if (by & BY_USER)
		shrink(table, column++, "USER");
	if (by & BY_CGROUP)
		shrink(table, column++, "CGROUP");
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		/* What is a part of another goes first. */
		table_column(table, column, columns[i].head, TABLE_RIGHT);
		table_column_rank(table, column++, columns[i].rank);
	}
}

static void show_tally(const struct show *show, const struct report *report, FILE *out)
{
	const struct tally *tally = &report->tally;
	CLEANUP_TABLE struct table *table = table_new(count_names(tally->by) + ARRAY_SIZE(columns));
	size_t shown = tally->count < show->top ? tally->count : (size_t)show->top;
	char number[NUMBER_TEXT];

	if (!table) {
		log_warning("out of memory for a table, ignoring");
		return;
	}
	add_head(table, tally->by);
	for (size_t i = 0; i < shown; i++) {
		add_names(table, show, tally->by, tally->rows[i].owner);
		add_numbers(table, report, &tally->rows[i]);
	}
	for (size_t i = 0; i < count_names(tally->by); i++)
		table_cell(table, "%s", i ? "" : "all");
	add_numbers(table, report, &tally->sum);
	if (show->width)
		table_fit(table, show->width);
	table_print(table, out, 0);
	if (shown < tally->count)
		fprintf(out, "%s more rows are not shown (-T 0 shows all)\n",
			number_format(tally->count - shown, number));
}

/* ---- the ledger --------------------------------------------------------------------------- */

static void show_part(const char *format, uint64_t value, FILE *out)
{
	char number[NUMBER_TEXT];

	if (value)
		fprintf(out, format, number_format(value, number));
}

/* What is counted where it happens is attributed later: between lies what came since. */
static void show_calls(const struct report *report, FILE *out)
{
	const struct perf_ledger *ledger = &report->ledger;
	uint64_t known = ledger->counted[COUNT_CALLS] + ledger->unknown[COUNT_CALLS],
		 filtered = ledger->filtered[COUNT_CALLS],
		 since = report->calls - known - filtered - ledger->unseen;
	char numbers[6][NUMBER_TEXT], text[512];

	snprintf(text, sizeof(text),
		 "ledger: %s system calls seen = %s counted + %s filtered out + %s of whoever is "
		 "not known + %s since it was added up; %s missed",
		 number_format(report->calls, numbers[0]), number_format(known, numbers[1]),
		 number_format(filtered, numbers[2]), number_format(ledger->unseen, numbers[3]),
		 number_format(since, numbers[4]), number_format(ledger->missed, numbers[5]));
	text_wrap(text, 0, 2, out);
}

static void show_ledger(const struct report *report, FILE *out)
{
	const struct perf_ledger *ledger = &report->ledger;

	if (report->with_tally && report->total)
		show_calls(report, out);
	else
		show_part("%s times a program did not run: the numbers are too small\n",
			  ledger->missed, out);
	show_part("%s switches were not shown by this kernel: whoever ran then is not known\n",
		  report->with_tally ? report->change.all.counts[METRIC_UNSEEN] : 0, out);
	show_part("%s system calls are counted, but not for their process: its table was full\n",
		  ledger->unknown[COUNT_CALLS], out);
	show_part("%s waits were not timed: the table of those that wait was full\n",
		  ledger->untimed, out);
	show_part("%s programs of ended processes are told of together: there were too many\n",
		  ledger->folded, out);
}

/* ---- all of it ---------------------------------------------------------------------------- */

void perf_show_text(const struct show *show, const struct report *report, FILE *out)
{
	char seconds[DURATION_TEXT];
	CLEANUP_FREE char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		return;
	fprintf(memory, "performance in %s%s\n",
		duration_format_fine(report->change.elapsed, seconds),
		report->total ? ", all of it" : "");
	if (show->totals)
		perf_show_cpus(show, report, memory);
	if (report->with_tally) {
		fprintf(memory, "%s%s by %s\n", show->totals ? "\n" : "",
			report->total ? "sums" : "per second", show->hooks);
		show_tally(show, report, memory);
	}
	if (show->waits)
		perf_show_waits(show, report, memory);
	show_ledger(report, memory);
	fputc('\n', memory);
	fclose(memory);
	text_print_cut(text, show->width, out);
}
