/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long tasks waited: a line for each command, and a histogram over all. */
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "modules/perf/show.h"

enum { BAR = 24, NAME = 4 * PROCESS_COMMAND + 1 };

static const struct {
	const char *count, *mean, *most, *longest;
} heads[WAIT_KINDS] = {
	[WAIT_QUEUE] = { "FOR A CPU", "MEAN", "99 % IN", "LONGEST" },
	[WAIT_OFF] = { "ASLEEP", "MEAN", "99 % IN", "LONGEST" },
	[WAIT_OFF_UNWILLED] = { "PREEMPTED", "MEAN", "99 % IN", "LONGEST" },
};

static const struct wait_sum *sums_of(const struct report *report, size_t i)
{
	return report->total ? report->waits[i]->all : report->waits[i]->interval;
}

static void add_sum(struct table *table, const struct wait_sum *sum)
{
	char text[NUMBER_TEXT + DURATION_TEXT];

	table_cell(table, "%s", number_format(sum->count, text));
	if (!sum->count) {
		for (size_t i = 0; i < 3; i++)
			table_cell(table, "-");
		return;
	}
	table_cell(table, "%s", duration_format_fine(sum->total / sum->count, text));
	table_cell(table, "%s", duration_format_fine(wait_quantile(sum, 0.99), text));
	table_cell(table, "%s", duration_format_fine(sum->max, text));
}

static void show_commands(const struct show *show, const struct report *report,
			  const struct wait_sum all[WAIT_KINDS], FILE *out)
{
	CLEANUP_TABLE struct table *table = table_new(1 + 4 * WAIT_KINDS);
	size_t shown = report->wait_count < show->top ? report->wait_count : (size_t)show->top,
	       column = 0;
	char text[NAME];

	if (!table) {
		log_warning("out of memory for a table, ignoring");
		return;
	}
	table_column(table, column++, "COMMAND", TABLE_LEFT);
	for (size_t kind = 0; kind < WAIT_KINDS; kind++) {
		table_column(table, column++, heads[kind].count, TABLE_RIGHT);
		table_column(table, column++, heads[kind].mean, TABLE_RIGHT);
		table_column(table, column++, heads[kind].most, TABLE_RIGHT);
		table_column(table, column++, heads[kind].longest, TABLE_RIGHT);
	}
	for (size_t i = 0; i < shown; i++) {
		const char *command = report->waits[i]->command;

		table_cell(table, "%s",
			   command[0] ? text_escape(command, text, sizeof(text)) : "(others)");
		for (size_t kind = 0; kind < WAIT_KINDS; kind++)
			add_sum(table, &sums_of(report, i)[kind]);
	}
	table_cell(table, "all");
	for (size_t kind = 0; kind < WAIT_KINDS; kind++)
		add_sum(table, &all[kind]);
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
		table_column(table, 1 + 2 * kind, heads[kind].count, TABLE_RIGHT);
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
	fputs("\nwaits\n", out);
	show_commands(show, report, all, out);
	fputc('\n', out);
	show_histogram(all, out);
}
