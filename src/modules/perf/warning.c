/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/duration.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "modules/perf/warning.h"
#include "observe/calls.h"
#include "observe/owner_names.h"

#define NAME "perf_warning"

static const struct csv_column columns[] = {
	{ "time", "time" },
	{ "state", "state" },
	{ "what", "what" },
	{ "cpu", "cpu" },
	{ "per_second", "per second" },
	{ "limit", "limit" },
	{ "peak", "peak" },
	{ "lasted_ns", "lasted ns" },
	{ "processes", "processes" },
	{ "commands", "commands" },
	{ "cgroups", "cgroups" },
	{ "calls", "calls" },
	{ NULL, NULL },
};

static const struct record_type begun = {
	.name = NAME,
	.text = "{time} warning: {what} {rates}; processes: {processes}; commands: {commands}; "
		"cgroups: {cgroups}",
	.csv = columns,
};
static const struct record_type calls_begun = {
	.name = NAME,
	.text = "{time} warning: {what} {rates}; processes: {processes}; commands: {commands}; "
		"cgroups: {cgroups}; calls: {calls}",
	.csv = columns,
};
static const struct record_type begun_bare = {
	.name = NAME,
	.text = "{time} warning: {what} {rates}",
	.csv = columns,
};
static const struct record_type ended = {
	.name = NAME,
	.text = "{time} over: {what} {rates}",
	.csv = columns,
};

int causes_find(const struct books *books, struct causes *causes)
{
	int r;

	if (causes->found)
		return 0;
	r = tally_make(books, BY_PROCESS | BY_COMMAND, SPAN_INTERVAL, &causes->processes);
	if (r == 0)
		r = tally_make(books, BY_COMMAND, SPAN_INTERVAL, &causes->commands);
	if (r == 0)
		r = tally_make(books, BY_CGROUP, SPAN_INTERVAL, &causes->cgroups);
	causes->found = r == 0;
	return r;
}

void causes_free(struct causes *causes)
{
	tally_free(&causes->processes);
	tally_free(&causes->commands);
	tally_free(&causes->cgroups);
}

/* ---- lists -------------------------------------------------------------------------------- */

static void name_row(const struct tally_row *row, unsigned by, struct cgroups *cgroups,
		     char name[COUNT_NAME])
{
	char text[NAME_TEXT], process[NAME_TEXT];

	if (by & BY_CGROUP)
		snprintf(name, COUNT_NAME, "%.23s", name_cgroup(row->owner, cgroups, text));
	else if (by & BY_PROCESS)
		snprintf(name, COUNT_NAME, "%.14s(%.7s)", name_command(row->owner, text),
			 name_process(row->owner, process));
	else
		snprintf(name, COUNT_NAME, "%.23s", name_command(row->owner, text));
}

static size_t list_rows(struct tally *tally, enum tally_key key, struct cgroups *cgroups,
			struct named_count list[WARNING_CAUSES])
{
	size_t count = 0;

	tally_sort(tally, key);
	for (; count < tally->count && count < WARNING_CAUSES; count++) {
		uint64_t value = tally_value(&tally->rows[count], key);

		if (!value)
			break;
		name_row(&tally->rows[count], tally->by, cgroups, list[count].name);
		list[count].value = value;
	}
	return count;
}

static size_t list_calls(const uint64_t calls[CALLS], struct named_count list[WARNING_CAUSES])
{
	size_t count = 0, most[WARNING_CAUSES];

	for (size_t call = 0; call < CALLS; call++) {
		size_t i = count < WARNING_CAUSES ? count : WARNING_CAUSES;

		if (!calls[call] || (i == WARNING_CAUSES && calls[most[--i]] >= calls[call]))
			continue;
		for (; i > 0 && calls[most[i - 1]] < calls[call]; i--)
			most[i] = most[i - 1];
		most[i] = call;
		count += count < WARNING_CAUSES;
	}
	for (size_t i = 0; i < count; i++) {
		char name[CALL_NAME];

		snprintf(list[i].name, COUNT_NAME, "%.23s", name_call((uint16_t)most[i], name));
		list[i].value = calls[most[i]];
	}
	return count;
}

/* ---- the record --------------------------------------------------------------------------- */

static const struct record_type *type_of(const struct alarm_event *event, bool caused)
{
	if (!event->begins)
		return &ended;
	if (!caused)
		return &begun_bare;
	return event->kind == ALARM_CALLS ? &calls_begun : &begun;
}

/* The numbers of a sentence: "152,331/s on cpu1, over 10,000/s (304,662 in 2.00 s)". */
static void record_rates(const struct alarm_event *event, struct record *record)
{
	char text[160], cpu[16] = "", rate[NUMBER_TEXT], limit[NUMBER_TEXT], count[NUMBER_TEXT],
			lasted[DURATION_TEXT];
	double seconds = (double)event->elapsed / NSEC_PER_SEC;

	if (event->cpu != ALARM_ALL_CPUS)
		snprintf(cpu, sizeof(cpu), " on cpu%d", event->cpu);
	rate_format(event->begins ? event->rate : event->peak, rate);
	rate_format(event->limit, limit);
	if (event->begins)
		snprintf(text, sizeof(text), "%s/s%s, over %s/s (%s in %s)", rate, cpu, limit,
			 number_format((uint64_t)(event->rate * seconds + 0.5), count),
			 duration_format_fine(event->elapsed, lasted));
	else
		snprintf(text, sizeof(text), "above %s/s%s for %s, at most %s/s", limit, cpu,
			 duration_format_fine(event->lasted, lasted), rate);
	record_text(record, "rates", text);
}

void warning_record(const struct alarm_event *event, struct causes *causes, struct cgroups *cgroups,
		    struct warning_lists *lists, struct record *record)
{
	static const enum tally_key keys[ALARMS] = {
		[ALARM_CALLS] = KEY_CALLS,
		[ALARM_FAULTS] = KEY_FAULTS,
		[ALARM_SWITCHES] = KEY_SWITCHES,
	};
	enum tally_key key = keys[event->kind];

	record_begin(record, type_of(event, causes != NULL));
	record_time(record, "time", timestamp_now());
	record_label(record, "state", event->begins ? "begun" : "ended");
	record_label(record, "what", alarm_title(event->kind));
	if (event->cpu == ALARM_ALL_CPUS)
		record_none(record, "cpu");
	else
		record_gauge(record, "cpu", UNIT_NONE, (uint64_t)event->cpu);
	record_gauge(record, "per_second", UNIT_NONE, (uint64_t)(event->rate + 0.5));
	record_gauge(record, "limit", UNIT_NONE, (uint64_t)(event->limit + 0.5));
	record_gauge(record, "peak", UNIT_NONE, (uint64_t)(event->peak + 0.5));
	if (!event->begins)
		record_gauge(record, "lasted_ns", UNIT_NONE, event->lasted);
	record_rates(event, record);
	if (!causes)
		return;
	record_counts(record, "processes", lists->processes,
		      list_rows(&causes->processes, key, cgroups, lists->processes));
	record_counts(record, "commands", lists->commands,
		      list_rows(&causes->commands, key, cgroups, lists->commands));
	record_counts(record, "cgroups", lists->cgroups,
		      list_rows(&causes->cgroups, key, cgroups, lists->cgroups));
	if (event->kind == ALARM_CALLS)
		record_counts(record, "calls", lists->calls,
			      list_calls(causes->calls, lists->calls));
}
