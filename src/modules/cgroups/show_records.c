/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "base/timestamp.h"
#include "modules/cgroups/show.h"
#include "observe/cgroup_name.h"

static const struct record_type interval_record = { .name = "cgroups" };

static const struct csv_column row_columns[] = {
	{ "time", "time" },
	{ "span", "span" },
	{ "kind", "kind" },
	{ "cgroup", "cgroup" },
	{ "cgroup_path", "path" },
	{ "gone", "gone" },
	{ "user_us", "user us" },
	{ "system_us", "system us" },
	{ "calls", "calls" },
	{ "faults", "faults" },
	{ "voluntary_switches", "voluntary switches" },
	{ "involuntary_switches", "involuntary switches" },
	{ "packets_in", "packets in" },
	{ "bytes_in", "bytes in" },
	{ "packets_out", "packets out" },
	{ "bytes_out", "bytes out" },
	{ "made", "made" },
	{ "accepted", "accepted" },
	{ "refused", "refused" },
	{ "failed", "failed" },
	{ NULL, NULL },
};

const struct record_type group_record = { .name = "cgroup", .csv = row_columns };

/* What a record points to while it is written. */
struct lists {
	struct named_count counts[4][TRAFFIC_PROTOCOLS];
	size_t used;
};

static const char *const kinds[] = {
	[GROUP_CGROUP] = "cgroup",   [GROUP_GONE] = "gone-beneath",   [GROUP_IDLE] = "idle",
	[GROUP_UNKNOWN] = "no-room", [GROUP_NO_SOCKET] = "no-socket",
};

static uint64_t not_below_zero(int64_t value)
{
	return value > 0 ? (uint64_t)value : 0;
}

/* By protocol, those that there were. */
static void record_traffic(const char *name, const struct traffic *traffic, bool bytes,
			   struct lists *lists, struct record *record)
{
	struct named_count *counts = lists->counts[lists->used++];
	size_t count = 0;

	for (size_t i = 0; i < TRAFFIC_PROTOCOLS; i++) {
		if (!traffic[i].packets)
			continue;
		snprintf(counts[count].name, COUNT_NAME, "%s", traffic_names[i]);
		counts[count++].value = bytes ? traffic[i].bytes : traffic[i].packets;
	}
	record_counts(record, name, counts, count);
}

static void record_usage(const struct usage *usage, struct lists *lists, struct record *record)
{
	const struct cgroup_counts *counts = &usage->counts;

	record_counter(record, "user_us", UNIT_NONE, not_below_zero(usage->user));
	record_counter(record, "system_us", UNIT_NONE, not_below_zero(usage->system));
	record_counter(record, "calls", UNIT_NONE, counts->calls);
	record_counter(record, "faults", UNIT_NONE, counts->faults);
	record_counter(record, "voluntary_switches", UNIT_NONE, counts->voluntary);
	record_counter(record, "involuntary_switches", UNIT_NONE, counts->involuntary);
	record_traffic("packets_in", counts->in, false, lists, record);
	record_traffic("bytes_in", counts->in, true, lists, record);
	record_traffic("packets_out", counts->out, false, lists, record);
	record_traffic("bytes_out", counts->out, true, lists, record);
	record_counter(record, "made", UNIT_NONE, counts->made);
	record_counter(record, "accepted", UNIT_NONE, counts->accepted);
	record_counter(record, "refused", UNIT_NONE, counts->refused);
	record_counter(record, "failed", UNIT_NONE, counts->failed);
}

static void record_row(const struct report *report, const struct view_row *row, uint64_t time,
		       struct lists *lists, struct record *record)
{
	const struct group *group = row->group;
	char name[CGROUP_NAME];

	lists->used = 0;
	record_begin(record, &group_record);
	record_time(record, "time", time);
	record_label(record, "span", report->total ? "all" : "interval");
	record_label(record, "kind", kinds[group->kind]);
	if (group->path) {
		record_text(record, "cgroup", cgroup_name(group->path, name));
		record_text_kept(record, "cgroup_path", group->path);
	} else {
		record_none(record, "cgroup");
		record_none(record, "cgroup_path");
	}
	record_gauge(record, "id", UNIT_NONE, group->kind < GROUP_IDLE ? group->id : 0);
	record_gauge(record, "gone", UNIT_NONE, !group->there);
	record_usage(&row->own, lists, record);
}

void group_show_records(const struct report *report,
			void (*write)(void *context, const struct record *record), void *context)
{
	const struct cgroup_counts *interfaces = &report->view->interfaces.counts;
	uint64_t time = timestamp_now();
	struct record record;
	struct lists lists = { .used = 0 };

	record_begin(&record, &interval_record);
	record_time(&record, "time", time);
	record_label(&record, "span", report->total ? "all" : "interval");
	record_gauge(&record, "ns", UNIT_NONE, report->elapsed);
	record_label(&record, "hooks", report->hooks);
	record_counter(&record, "cgroups", UNIT_NONE, report->view->count);
	record_counter(&record, "missed", UNIT_NONE, report->ledger.missed);
	record_counter(&record, "unnamed", UNIT_NONE, report->ledger.unnamed);
	record_traffic("interface_packets_in", interfaces->in, false, &lists, &record);
	record_traffic("interface_bytes_in", interfaces->in, true, &lists, &record);
	record_traffic("interface_packets_out", interfaces->out, false, &lists, &record);
	record_traffic("interface_bytes_out", interfaces->out, true, &lists, &record);
	write(context, &record);
	for (size_t i = 0; i < report->view->count && i < report->top; i++) {
		record_row(report, &report->view->rows[i], time, &lists, &record);
		write(context, &record);
	}
}
