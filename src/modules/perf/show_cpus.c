/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of CPUs: a line for each thing that is counted. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "modules/perf/show.h"

/*
 * With more CPUs than have room, or than anybody would read, only the one with the least and the
 * one with the most are shown.
 */
enum { CPUS_SHOWN = 8, TITLE = 24, OTHER_COLUMNS = 52, CPU_COLUMN = 9 };

struct cpus {
	size_t count;    /* that were online, if only for a time */
	bool few;        /* each is shown */
	size_t *numbers; /* of those */
	char (*titles)[TITLE];
};

static void free_cpus(struct cpus *cpus)
{
	free(cpus->numbers);
	free(cpus->titles);
}

static bool find_cpus(const struct change *change, struct cpus *cpus)
{
	static const char *const words[] = {
		[CPU_ONLINE] = "",
		[CPU_OFFLINE] = "",
		[CPU_CAME] = " (came)",
		[CPU_WENT] = " (went)",
	};

	cpus->numbers = calloc(change->cpu_count, sizeof(*cpus->numbers));
	cpus->titles = calloc(change->cpu_count, sizeof(*cpus->titles));
	if (!cpus->numbers || !cpus->titles)
		return false;
	for (size_t i = 0; i < change->cpu_count; i++) {
		if (change->cpus[i].state == CPU_OFFLINE)
			continue;
		snprintf(cpus->titles[cpus->count], TITLE, "CPU%zu%s", i,
			 words[change->cpus[i].state]);
		cpus->numbers[cpus->count++] = i;
	}
	return true;
}

/* Of `share` CPUs together. */
static const char *format(enum metric metric, uint64_t count, size_t share, double seconds,
			  char buffer[NUMBER_TEXT])
{
	if (!metrics[metric].time)
		return rate_format((double)count / seconds, buffer);
	snprintf(buffer, NUMBER_TEXT, "%.1f %%",
		 100 * (double)count / NSEC_PER_SEC / seconds / (double)(share ? share : 1));
	return buffer;
}

static void add_cpu(struct table *table, const struct change *change, size_t number,
		    enum metric metric, double seconds)
{
	const struct cpu_change *cpu = &change->cpus[number];
	char text[NUMBER_TEXT];

	table_cell(table, "%s",
		   cpu->known[metric] ? format(metric, cpu->counts[metric], 1, seconds, text)
				      : "-");
}

/* The CPU with the most, or the least; SIZE_MAX: it is not known of any. */
static size_t find_extreme(const struct change *change, const struct cpus *cpus, enum metric metric,
			   bool most)
{
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < cpus->count; i++) {
		const struct cpu_change *cpu = &change->cpus[cpus->numbers[i]];

		if (!cpu->known[metric])
			continue;
		if (found == SIZE_MAX ||
		    (most ? cpu->counts[metric] > change->cpus[found].counts[metric]
			  : cpu->counts[metric] < change->cpus[found].counts[metric]))
			found = cpus->numbers[i];
	}
	return found;
}

static void add_extreme(struct table *table, const struct change *change, const struct cpus *cpus,
			enum metric metric, bool most, double seconds)
{
	size_t found = find_extreme(change, cpus, metric, most);
	char text[NUMBER_TEXT];

	if (found == SIZE_MAX)
		table_cell(table, "-");
	else
		table_cell(table, "%s CPU%zu",
			   format(metric, change->cpus[found].counts[metric], 1, seconds, text),
			   found);
}

static void add_source(struct table *table, const struct show *show, const struct change *change,
		       enum metric metric)
{
	const struct source *source = &show->sources[metric];
	double scale = metric < METRIC_CYCLES ? 1 : change->scale[metric - METRIC_CYCLES];

	if (!source->absent && scale < 1)
		table_cell(table, "%s, scaled from %.0f %%", source->by, 100 * scale);
	else
		table_cell(table, "%s", source->by);
}

static void add_row(struct table *table, const struct show *show, const struct change *change,
		    const struct cpus *cpus, enum metric metric)
{
	double seconds = (double)change->elapsed / NSEC_PER_SEC;
	char text[NUMBER_TEXT];

	table_cell(table, "%s", metrics[metric].title);
	table_cell(table, "%s",
		   change->all.known[metric]
			   ? format(metric, change->all.counts[metric], cpus->count, seconds, text)
			   : "-");
	if (!cpus->few) {
		add_extreme(table, change, cpus, metric, false, seconds);
		add_extreme(table, change, cpus, metric, true, seconds);
	} else {
		for (size_t i = 0; i < cpus->count; i++)
			add_cpu(table, change, cpus->numbers[i], metric, seconds);
	}
	add_source(table, show, change, metric);
}

void perf_show_cpus(const struct show *show, const struct report *report, FILE *out)
{
	const struct change *change = &report->change;
	__attribute__((cleanup(free_cpus))) struct cpus cpus = { .count = 0 };
	CLEANUP_TABLE struct table *table = NULL;
	size_t column = 0;

	if (find_cpus(change, &cpus)) {
		cpus.few =
			cpus.count <= 2 ||
			(cpus.count <= CPUS_SHOWN &&
			 (!show->width || OTHER_COLUMNS + cpus.count * CPU_COLUMN <= show->width));
		table = table_new(3 + (cpus.few ? cpus.count : 2));
	}
	if (!table) {
		log_warning("out of memory for a table, ignoring");
		return;
	}
	table_column(table, column++, "PER SECOND", TABLE_LEFT);
	table_column(table, column++, "ALL", TABLE_RIGHT);
	for (size_t i = 0; i < (cpus.few ? cpus.count : 2); i++)
		table_column(table, column++,
			     cpus.few ? cpus.titles[i]
			     : i      ? "MOST"
				      : "LEAST",
			     TABLE_RIGHT);
	table_column(table, column, "BY", TABLE_LEFT);
	for (enum metric metric = 0; metric < METRICS; metric++)
		if (metric != METRIC_UNSEEN || change->all.counts[metric])
			add_row(table, show, change, &cpus, metric);
	table_print(table, out, 0);
}
