/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/duration.h"
#include "modules/syscalls/names.h"
#include "modules/syscalls/show.h"

static const struct csv_column call_columns[] = {
	{ "time", "time" },
	{ "span", "span" },
	{ "elapsed_ns", "elapsed ns" },
	{ "process", "process" },
	{ "command", "command" },
	{ "user", "user" },
	{ "cgroup", "cgroup" },
	{ "call", "call" },
	{ "calls", "calls" },
	{ "errors", "errors" },
	{ "by_error", "by error" },
	{ "returned", "returned" },
	{ "total_ns", "total ns" },
	{ "min_ns", "min ns" },
	{ "max_ns", "max ns" },
	{ "histogram", "histogram" },
	{ NULL, NULL },
};

const struct record_type call_record = { .name = "syscalls", .csv = call_columns };

static const struct record_type interval_record = { .name = "syscalls_interval" };
static const struct record_type flight_record = { .name = "syscalls_under_way" };

static uint64_t seconds_of(uint64_t ns)
{
	return (ns + NSEC_PER_SEC / 2) / NSEC_PER_SEC;
}

static void record_interval(const struct show *show, const struct report *report,
			    struct record *record)
{
	const struct call_ledger *ledger = report->ledger;

	record_begin(record, &interval_record);
	record_time(record, "time", report->time);
	record_label(record, "span", report->total ? "all" : "interval");
	record_gauge(record, "elapsed_ns", UNIT_NONE, report->elapsed);
	record_text(record, "hooks", show->hooks);
	record_counter(record, "seen", UNIT_NONE, ledger->seen);
	record_counter(record, "counted", UNIT_NONE, ledger->counted + ledger->unknown);
	record_counter(record, "filtered", UNIT_NONE, ledger->filtered);
	record_counter(record, "missed", UNIT_NONE, ledger->missed);
	record_counter(record, "process_unknown", UNIT_NONE, ledger->unknown);
	record_counter(record, "untimed", UNIT_NONE, ledger->untimed);
	record_counter(record, "folded", UNIT_NONE, ledger->folded);
	record_counter(record, "calls", UNIT_NONE, report->view->sum.calls);
	if (show->errors)
		record_counter(record, "errors", UNIT_NONE, report->view->sum.errors);
	record_gauge(record, "rows", UNIT_NONE, report->view->count);
}

/* Lists that a record points to. */
struct lists {
	struct named_count errors[VIEW_KINDS];
	struct named_count histogram[LATENCY_BUCKETS];
};

static void record_errors(const struct view_row *row, struct lists *lists, struct record *record)
{
	for (size_t i = 0; i < row->kind_count; i++) {
		char name[ERRNO_NAME];

		snprintf(lists->errors[i].name, COUNT_NAME, "%s",
			 name_error(row->kinds[i].error, name));
		lists->errors[i].value = row->kinds[i].count;
	}
	record_counter(record, "errors", UNIT_NONE, row->errors);
	record_counts(record, "by_error", lists->errors, row->kind_count);
}

/* Of the histogram: from how many nanoseconds on, and how many calls. */
static void record_latency(const struct call_latency *latency, struct lists *lists,
			   struct record *record)
{
	size_t count = 0;

	for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
		if (!latency->buckets[i])
			continue;
		snprintf(lists->histogram[count].name, COUNT_NAME, "%llu", i ? 1ULL << i : 0);
		lists->histogram[count++].value = latency->buckets[i];
	}
	record_counter(record, "returned", UNIT_NONE, latency->returned);
	record_counter(record, "total_ns", UNIT_NONE, latency->total);
	record_gauge(record, "min_ns", UNIT_NONE, latency->min);
	record_gauge(record, "max_ns", UNIT_NONE, latency->max);
	record_counts(record, "histogram", lists->histogram, count);
}

static void record_names(const struct show *show, unsigned by, const struct view_row *row,
			 struct record *record)
{
	char text[NAME_TEXT], path[CGROUP_PATH], call[CALL_NAME];
	const struct owner *owner = row->owner;

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
	if (by & BY_CALL)
		record_text(record, "call", name_call(row->call, call));
	if (by & BY_CGROUP) {
		record_text(record, "cgroup", name_cgroup(owner, show->cgroups, text));
		record_text(record, "cgroup_path",
			    cgroups_path(show->cgroups, owner->cgroup, path));
	}
}

static void record_row(const struct show *show, const struct report *report,
		       const struct view_row *row, struct lists *lists, struct record *record)
{
	record_begin(record, &call_record);
	record_time(record, "time", report->time);
	record_label(record, "span", report->total ? "all" : "interval");
	record_gauge(record, "elapsed_ns", UNIT_NONE, report->elapsed);
	record_names(show, report->view->by, row, record);
	record_counter(record, "calls", UNIT_NONE, row->calls);
	if (show->errors)
		record_errors(row, lists, record);
	if (show->latency)
		record_latency(&row->latency, lists, record);
}

static void record_flight(const struct report *report, size_t i, struct record *record)
{
	const struct flights *flights = report->flights;
	const struct flight *flight = &flights->longest[i].flight;
	char call[CALL_NAME];

	record_begin(record, &flight_record);
	record_time(record, "time", report->time);
	record_text(record, "call", name_call((uint16_t)flight->call, call));
	record_gauge(record, "process", UNIT_NONE, flight->tgid);
	record_gauge(record, "thread", UNIT_NONE, flight->tid);
	record_gauge(record, "seconds", UNIT_SECONDS, seconds_of(flights->longest[i].lasted));
}

void show_records(const struct show *show, const struct report *report,
		  void (*write)(void *context, const struct record *record), void *context)
{
	struct record record;
	struct lists lists;

	record_interval(show, report, &record);
	write(context, &record);
	for (size_t i = 0; i < report->view->count && i < show->top; i++) {
		record_row(show, report, &report->view->rows[i], &lists, &record);
		write(context, &record);
	}
	for (size_t i = 0; report->flights && i < flights_shown(report->flights); i++) {
		record_flight(report, i, &record);
		write(context, &record);
	}
}
