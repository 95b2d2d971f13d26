/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "modules/perf/show.h"
#include "observe/owner_names.h"

static const struct csv_column metric_columns[] = {
	{ "time", "time" },     { "span", "span" },   { "elapsed_ns", "elapsed ns" },
	{ "metric", "metric" }, { "count", "count" }, { "per_cpu", "per CPU" },
	{ "by", "by" },         { NULL, NULL },
};

static const struct csv_column row_columns[] = {
	{ "time", "time" },
	{ "span", "span" },
	{ "elapsed_ns", "elapsed ns" },
	{ "process", "process" },
	{ "command", "command" },
	{ "user", "user" },
	{ "cgroup", "cgroup" },
	{ "calls", "calls" },
	{ "faults_minor", "faults minor" },
	{ "faults_major", "faults major" },
	{ "voluntary", "voluntary" },
	{ "involuntary", "involuntary" },
	{ "migrations", "migrations" },
	{ "time_ns", "CPU time ns" },
	{ NULL, NULL },
};

const struct record_type perf_metric_record = { .name = "perf", .csv = metric_columns };
const struct record_type perf_row_record = { .name = "perf_row", .csv = row_columns };

static const struct record_type interval_record = { .name = "perf_interval" };
static const struct record_type wait_record = { .name = "perf_wait" };

struct writing {
	const struct show *show;
	const struct report *report;
	uint64_t time;
	struct named_count *per_cpu; /* as many as there are CPUs */
	struct named_count histogram[WAIT_BUCKETS];
	struct record record;
	void (*write)(void *context, const struct record *record);
	void *context;
};

static void begin(struct writing *writing, const struct record_type *type)
{
	record_begin(&writing->record, type);
	record_time(&writing->record, "time", writing->time);
	record_label(&writing->record, "span", writing->report->total ? "all" : "interval");
	record_gauge(&writing->record, "elapsed_ns", UNIT_NONE, writing->report->change.elapsed);
}

static void end(struct writing *writing)
{
	writing->write(writing->context, &writing->record);
}

/* ---- CPUs --------------------------------------------------------------------------------- */

static size_t count_cpus(const struct change *change, enum cpu_state state)
{
	size_t count = 0;

	for (size_t i = 0; i < change->cpu_count; i++)
		count += change->cpus[i].state == state;
	return count;
}

static void write_interval(struct writing *writing)
{
	const struct perf_ledger *ledger = &writing->report->ledger;
	const struct change *change = &writing->report->change;
	struct record *record = &writing->record;

	begin(writing, &interval_record);
	record_text(record, "hooks", writing->show->hooks);
	record_gauge(record, "cpus", UNIT_NONE, count_cpus(change, CPU_ONLINE));
	record_gauge(record, "cpus_came", UNIT_NONE, count_cpus(change, CPU_CAME));
	record_gauge(record, "cpus_went", UNIT_NONE, count_cpus(change, CPU_WENT));
	record_counter(record, "calls_seen", UNIT_NONE, writing->report->calls);
	record_counter(record, "calls_counted", UNIT_NONE, ledger->counted[COUNT_CALLS]);
	record_counter(record, "calls_process_unknown", UNIT_NONE, ledger->unknown[COUNT_CALLS]);
	record_counter(record, "calls_unseen", UNIT_NONE, ledger->unseen);
	record_counter(record, "calls_filtered", UNIT_NONE, ledger->filtered[COUNT_CALLS]);
	record_counter(record, "switches_unseen", UNIT_NONE, change->all.counts[METRIC_UNSEEN]);
	record_counter(record, "missed", UNIT_NONE, ledger->missed);
	record_counter(record, "untimed", UNIT_NONE, ledger->untimed);
	record_counter(record, "folded", UNIT_NONE, ledger->folded);
	end(writing);
}

static void write_metric(struct writing *writing, enum metric metric)
{
	const struct change *change = &writing->report->change;
	const struct source *source = &writing->show->sources[metric];
	struct record *record = &writing->record;
	size_t count = 0;

	for (size_t i = 0; i < change->cpu_count; i++) {
		if (!change->cpus[i].known[metric] || change->cpus[i].state == CPU_OFFLINE)
			continue;
		snprintf(writing->per_cpu[count].name, COUNT_NAME, "%zu", i);
		writing->per_cpu[count++].value = change->cpus[i].counts[metric];
	}
	begin(writing, &perf_metric_record);
	record_text(record, "metric", metrics[metric].name);
	record_label(record, "unit", metrics[metric].time ? "ns" : "count");
	if (change->all.known[metric])
		record_counter(record, "count", UNIT_NONE, change->all.counts[metric]);
	else
		record_none(record, "count");
	record_counts(record, "per_cpu", writing->per_cpu, count);
	if (metric >= METRIC_CYCLES && !source->absent)
		record_gauge(record, "scaled_from_percent", UNIT_NONE,
			     (uint64_t)(100 * change->scale[metric - METRIC_CYCLES] + 0.5));
	record_text(record, "by", source->by);
	end(writing);
}

/* ---- processes ---------------------------------------------------------------------------- */

static void record_names(const struct show *show, unsigned by, const struct owner *owner,
			 struct record *record)
{
	char text[NAME_TEXT], path[CGROUP_PATH];

	if (by & BY_PROCESS && owner->kind == OWNER_PROGRAM)
		record_gauge(record, "process", UNIT_NONE, owner->tgid);
	else if (by & BY_PROCESS)
		record_none(record, "process");
	if (by & (BY_PROCESS | BY_COMMAND) && owner->kind != OWNER_UNKNOWN)
		record_text(record, "command", owner->command);
	else if (by & (BY_PROCESS | BY_COMMAND))
		record_none(record, "command");
	if (by & BY_USER)
		record_text(record, "user", name_user(owner, show->users, text));
	if (by & BY_CGROUP) {
		record_text(record, "cgroup", name_cgroup(owner, show->cgroups, text));
		record_text(record, "cgroup_path",
			    cgroups_path(show->cgroups, owner->cgroup, path));
	}
}

static void write_row(struct writing *writing, const struct tally_row *row)
{
	static const char *const names[PERF_COUNTS] = {
		[COUNT_CALLS] = "calls",
		[COUNT_MINOR] = "faults_minor",
		[COUNT_MAJOR] = "faults_major",
		[COUNT_VOLUNTARY] = "voluntary",
		[COUNT_INVOLUNTARY] = "involuntary",
		[COUNT_MIGRATIONS] = "migrations",
		[COUNT_TIME] = "time_ns",
	};

	begin(writing, &perf_row_record);
	record_names(writing->show, writing->report->tally.by, row->owner, &writing->record);
	for (size_t i = 0; i < PERF_COUNTS; i++)
		if (names[i])
			record_counter(&writing->record, names[i], UNIT_NONE, row->counts[i]);
	end(writing);
}

/* ---- waits -------------------------------------------------------------------------------- */

/* Of the histogram: from how many nanoseconds on, and how many waits. */
static void write_wait(struct writing *writing, const char *command, enum wait_kind kind,
		       const struct wait_sum *sum)
{
	static const char *const names[WAIT_KINDS] = {
		[WAIT_QUEUE] = "run_queue",
		[WAIT_OFF] = "off_cpu_voluntary",
		[WAIT_OFF_UNWILLED] = "off_cpu_involuntary",
	};
	struct record *record = &writing->record;
	size_t count = 0;

	if (!sum->count)
		return;
	for (size_t i = 0; i < WAIT_BUCKETS; i++) {
		if (!sum->buckets[i])
			continue;
		snprintf(writing->histogram[count].name, COUNT_NAME, "%llu", i ? 1ULL << i : 0);
		writing->histogram[count++].value = sum->buckets[i];
	}
	begin(writing, &wait_record);
	if (command)
		record_text(record, "command", command[0] ? command : "(others)");
	else
		record_none(record, "command");
	record_label(record, "kind", names[kind]);
	record_counter(record, "count", UNIT_NONE, sum->count);
	record_counter(record, "total_ns", UNIT_NONE, sum->total);
	record_gauge(record, "max_ns", UNIT_NONE, sum->max);
	record_counts(record, "histogram", writing->histogram, count);
	end(writing);
}

static void write_waits(struct writing *writing)
{
	const struct report *report = writing->report;
	struct wait_sum all[WAIT_KINDS] = { 0 };

	for (size_t i = 0; i < report->wait_count; i++) {
		const struct wait_account *account = report->waits[i];
		const struct wait_sum *sums = report->total ? account->all : account->interval;

		for (enum wait_kind kind = 0; kind < WAIT_KINDS; kind++) {
			wait_add(&all[kind], &sums[kind]);
			if (i < writing->show->top)
				write_wait(writing, account->command, kind, &sums[kind]);
		}
	}
	for (enum wait_kind kind = 0; kind < WAIT_KINDS; kind++)
		write_wait(writing, NULL, kind, &all[kind]);
}

void perf_show_records(const struct show *show, const struct report *report,
		       void (*write)(void *context, const struct record *record), void *context)
{
	CLEANUP_FREE struct named_count *per_cpu =
		calloc(report->change.cpu_count, sizeof(*per_cpu));
	struct writing writing = { .show = show,
				   .report = report,
				   .time = timestamp_now(),
				   .per_cpu = per_cpu,
				   .write = write,
				   .context = context };

	if (!per_cpu) {
		log_warning("out of memory for a report, ignoring");
		return;
	}
	write_interval(&writing);
	for (enum metric metric = 0; show->totals && metric < METRICS; metric++)
		write_metric(&writing, metric);
	for (size_t i = 0; report->with_tally && i < report->tally.count && i < show->top; i++)
		write_row(&writing, &report->tally.rows[i]);
	if (show->waits)
		write_waits(&writing);
}
