/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long tasks waited: a line for each command, and a histogram over all. */
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "modules/perf/show.h"

enum { BAR = 10, NAME = 4 * PROCESS_COMMAND + 1, COMMAND_COLUMNS = 8 };

static const char *const heads[WAIT_KINDS] = {
	[WAIT_QUEUE] = "WAITED",
	[WAIT_OFF] = "SLEPT",
	[WAIT_OFF_UNWILLED] = "PREEMPTED",
};

/* What is told of each command, which has to fit into a line. */
static const struct {
	enum wait_kind kind;
	bool mean, tail;
} parts[] = { { WAIT_QUEUE, true, true },
	      { WAIT_OFF, true, false },
	      { WAIT_OFF_UNWILLED, false, false } };

static const struct wait_sum *sums_of(const struct report *report, size_t i)
{
	return report->total ? report->waits[i]->all : report->waits[i]->interval;
}

static void add_time(struct table *table, const struct wait_sum *sum, uint64_t time)
{
	char text[DURATION_TEXT];

	table_cell(table, "%s", sum->count ? duration_format_fine(time, text) : "-");
}

static void add_sums(struct table *table, const struct wait_sum sums[WAIT_KINDS])
{
	char text[NUMBER_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const struct wait_sum *sum = &sums[parts[i].kind];

		table_cell(table, "%s", number_format(sum->count, text));
		if (parts[i].mean)
			add_time(table, sum, sum->count ? sum->total / sum->count : 0);
		if (parts[i].tail) {
			add_time(table, sum, wait_quantile(sum, 0.99));
			add_time(table, sum, sum->max);
		}
	}
}

static void add_heads(struct table *table)
{
	size_t column = 0;

	table_column(table, column, "COMMAND", TABLE_LEFT);
	table_column_shrink(table, column++, 8);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		table_column(table, column++, heads[parts[i].kind], TABLE_RIGHT);
		if (parts[i].mean)
			table_column(table, column++, "MEAN", TABLE_RIGHT);
		if (parts[i].tail) {
			table_column(table, column++, "99 % IN", TABLE_RIGHT);
			table_column(table, column++, "LONGEST", TABLE_RIGHT);
		}
	}
}

static void show_commands(const struct show *show, const struct report *report,
			  const struct wait_sum all[WAIT_KINDS], FILE *out)
{
	CLEANUP_TABLE struct table *table = table_new(COMMAND_COLUMNS);
	size_t shown = report->wait_count < show->top ? report->wait_count : (size_t)show->top;
	char text[NAME];

	if (!table) {
		log_warning("out of memory for a table, ignoring");
		return;
	}
	add_heads(table);
	for (size_t i = 0; i < shown; i++) {
		const char *command = report->waits[i]->command;

		table_cell(table, "%s",
			   command[0] ? text_escape(command, text, sizeof(text)) : "(others)");
		add_sums(table, sums_of(report, i));
	}
	table_cell(table, "all");
	add_sums(table, all);
	if (show->width)
		table_fit(table, show->width);
	table_print(table, out, 0);
}

static const char *draw_bar(uint64_t count, uint64_t most, char buffer[BAR + 1])
{
	size_t length = most ? (size_t)((count * BAR + most - 1) / most) : 0;

	memset(buffer, '#', length);
	buffer[length] = '\0';
	return buffer;
}

static void add_bucket(struct table *table, const struct wait_sum *sum, size_t bucket)
{
	char number[NUMBER_TEXT], bar[BAR + 1];
	uint64_t most = 0;

	for (size_t i = 0; i < WAIT_BUCKETS; i++)
		most = sum->buckets[i] > most ? sum->buckets[i] : most;
	table_cell(table, "%s",
		   sum->buckets[bucket] ? number_format(sum->buckets[bucket], number) : "");
	table_cell(table, "%s", draw_bar(sum->buckets[bucket], most, bar));
}

static bool is_empty(const struct wait_sum all[WAIT_KINDS], size_t bucket)
{
	for (size_t kind = 0; kind < WAIT_KINDS; kind++)
		if (all[kind].buckets[bucket])
			return false;
	return true;
}

static void show_histogram(const struct wait_sum all[WAIT_KINDS], FILE *out)
{
	CLEANUP_TABLE struct table *table = table_new(1 + 2 * WAIT_KINDS);
	size_t first = 0, last = WAIT_BUCKETS;
	char text[DURATION_TEXT];

	if (!table)
		return;
	table_column(table, 0, "FROM", TABLE_RIGHT);
	for (size_t kind = 0; kind < WAIT_KINDS; kind++) {
		table_column(table, 1 + 2 * kind, heads[kind], TABLE_RIGHT);
		table_column(table, 2 + 2 * kind, "", TABLE_LEFT);
	}
	while (first < WAIT_BUCKETS && is_empty(all, first))
		first++;
	while (last > first && is_empty(all, last - 1))
		last--;
	for (size_t bucket = first; bucket < last; bucket++) {
		table_cell(table, "%s", duration_format_fine(bucket ? 1ULL << bucket : 0, text));
		for (size_t kind = 0; kind < WAIT_KINDS; kind++)
			add_bucket(table, &all[kind], bucket);
	}
	if (first < last)
		table_print(table, out, 0);
}

void perf_show_waits(const struct show *show, const struct report *report, FILE *out)
{
	struct wait_sum all[WAIT_KINDS] = { 0 };

	for (size_t i = 0; i < report->wait_count; i++)
		for (size_t kind = 0; kind < WAIT_KINDS; kind++)
			wait_add(&all[kind], &sums_of(report, i)[kind]);
	fputs("\nwaits: WAITED for a CPU, SLEPT for anything else, PREEMPTED although able\n", out);
	show_commands(show, report, all, out);
	fputc('\n', out);
	show_histogram(all, out);
}
