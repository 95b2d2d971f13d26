/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "modules/cgroups/show.h"
#include "observe/cgroup_name.h"

enum { INDENT = 2, MICROSECONDS = 1000000, PROTOCOLS_TEXT = TRAFFIC_PROTOCOLS * (NUMBER_TEXT + 8) };

const char *const traffic_names[TRAFFIC_PROTOCOLS] = {
	[TRAFFIC_TCP] = "tcp",       [TRAFFIC_UDP] = "udp",     [TRAFFIC_ICMP] = "icmp",
	[TRAFFIC_ICMPV6] = "icmpv6", [TRAFFIC_OTHER] = "other",
};

/* Names are cut to this where there is no room, before numbers are left out. */
enum { NAME_LEAST = 30, EMPTY_RANK = 100 };

static const struct {
	const char *title;
	enum table_align align;
	unsigned rank; /* in the order in which they are left out then, the highest first */
} columns[] = {
	{ "CGROUP", TABLE_LEFT, 0 },      { "CPU", TABLE_RIGHT, 1 },
	{ "CALLS/s", TABLE_RIGHT, 5 },    { "FAULTS/s", TABLE_RIGHT, 9 },
	{ "SWITCHES/s", TABLE_RIGHT, 8 }, { "IN/s", TABLE_RIGHT, 2 },
	{ "OUT/s", TABLE_RIGHT, 3 },      { "MADE", TABLE_RIGHT, 6 },
	{ "ACCEPTED", TABLE_RIGHT, 7 },   { "REFUSED", TABLE_RIGHT, 4 },
	{ "PACKETS", TABLE_LEFT, 10 },
};
enum { COLUMN_MADE = 7, COLUMN_ACCEPTED, COLUMN_REFUSED };

/* ---- names -------------------------------------------------------------------------------- */

static const char *name_cgroup(const struct group *group, bool tree, char buffer[CGROUP_NAME])
{
	const char *last = group->path ? strrchr(group->path, '/') : NULL;

	if (!group->path) {
		snprintf(buffer, CGROUP_NAME, "cgroup %llu", (unsigned long long)group->id);
		return buffer;
	}
	cgroup_name(group->path, buffer);
	/* A path, whose beginning stands in the rows above. */
	if (tree && last && last[1] && (*buffer == '/' || strncmp(buffer, "...", 3) == 0))
		snprintf(buffer, CGROUP_NAME, "%s", last + 1);
	return buffer;
}

const char *group_name(const struct group *group, bool tree, char buffer[GROUP_TEXT])
{
	char name[CGROUP_NAME], escaped[GROUP_TEXT - 64];

	switch (group->kind) {
	case GROUP_IDLE:
		return strcpy(buffer, "(idle)");
	case GROUP_UNKNOWN:
		return strcpy(buffer, "(no room)");
	case GROUP_NO_SOCKET:
		return strcpy(buffer, "(no socket)");
	default:
		break;
	}
	text_escape(name_cgroup(group, tree && group->kind != GROUP_GONE, name), escaped,
		    sizeof(escaped));
	if (group->kind == GROUP_GONE && tree)
		return strcpy(buffer, "(gone)");
	snprintf(buffer, GROUP_TEXT, "%s%s", escaped,
		 group->kind == GROUP_GONE ? " (gone beneath)"
		 : group->there            ? ""
					   : " (gone)");
	return buffer;
}

/* ---- rows --------------------------------------------------------------------------------- */

static uint64_t bytes_of(const struct traffic traffic[TRAFFIC_PROTOCOLS])
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < TRAFFIC_PROTOCOLS; i++)
		bytes += traffic[i].bytes;
	return bytes;
}

static void add_rate(struct table *table, uint64_t count, double seconds)
{
	char text[NUMBER_TEXT];

	table_cell(table, "%s", count ? rate_format((double)count / seconds, text) : "-");
}

static void add_bytes(struct table *table, uint64_t bytes, double seconds)
{
	char text[NUMBER_TEXT];

	table_cell(table, "%s", bytes ? bytes_format((double)bytes / seconds, text) : "-");
}

static void add_count(struct table *table, uint64_t count)
{
	char text[NUMBER_TEXT];

	table_cell(table, "%s", count ? number_format(count, text) : "-");
}

static void add_protocols(struct table *table, const struct cgroup_counts *counts)
{
	char text[PROTOCOLS_TEXT] = "", number[NUMBER_TEXT];
	size_t used = 0;

	for (size_t i = 0; i < TRAFFIC_PROTOCOLS; i++) {
		uint64_t packets = counts->in[i].packets + counts->out[i].packets;

		if (packets)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %s",
						 used ? ", " : "", traffic_names[i],
						 number_format(packets, number));
	}
	table_cell(table, "%s", text);
}

static void add_numbers(struct table *table, const struct usage *usage, double seconds)
{
	const struct cgroup_counts *counts = &usage->counts;
	int64_t time = usage->user + usage->system;

	if (time > 0)
		table_cell(table, "%.1f %%", 100 * (double)time / MICROSECONDS / seconds);
	else
		table_cell(table, "-");
	add_rate(table, counts->calls, seconds);
	add_rate(table, counts->faults, seconds);
	add_rate(table, counts->voluntary + counts->involuntary, seconds);
	add_bytes(table, bytes_of(counts->in), seconds);
	add_bytes(table, bytes_of(counts->out), seconds);
	add_count(table, counts->made);
	add_count(table, counts->accepted);
	add_count(table, counts->refused + counts->failed);
	add_protocols(table, counts);
}

/* What nothing stands in goes first. */
static void rank_columns(struct table *table, const struct cgroup_counts *sum)
{
	table_column_shrink(table, 0, NAME_LEAST);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		bool empty = (i == COLUMN_MADE && !sum->made) ||
			     (i == COLUMN_ACCEPTED && !sum->accepted) ||
			     (i == COLUMN_REFUSED && !sum->refused && !sum->failed);

		table_column(table, i, columns[i].title, columns[i].align);
		table_column_rank(table, i, columns[i].rank + (empty ? EMPTY_RANK : 0));
	}
}

static void tell_left_out(const struct table *table, FILE *out)
{
	CLEANUP_FREE char *titles = NULL;
	size_t size, count;
	FILE *stream = open_memstream(&titles, &size);

	if (!stream)
		return;
	count = table_print_left_out(table, stream);
	fclose(stream);
	if (count)
		fprintf(out, "no room for %s\n", titles);
}

static void print_table(const struct report *report, bool tree, size_t width, FILE *out)
{
	CLEANUP_TABLE struct table *table = table_new(ARRAY_SIZE(columns));
	double seconds = (double)report->elapsed / NSEC_PER_SEC;
	const struct view *view = report->view;
	char name[GROUP_TEXT], number[NUMBER_TEXT];

	if (!table) {
		log_warning("out of memory for a table, ignoring");
		return;
	}
	rank_columns(table, &view->sum.counts);
	for (size_t i = 0; i < view->count && i < report->top; i++) {
		const struct view_row *row = &view->rows[i];

		table_cell(table, "%*s%s", (int)row->depth * INDENT, "",
			   group_name(row->group, tree && row->depth, name));
		add_numbers(table, tree ? &row->all : &row->own, seconds);
	}
	table_cell(table, "all");
	add_numbers(table, &view->sum, seconds);
	table_fit(table, width ? width : SIZE_MAX);
	table_print(table, out, 0);
	tell_left_out(table, out);
	if (view->count > report->top)
		fprintf(out, "%s more rows are not shown (-T 0 shows all)\n",
			number_format(view->count - report->top, number));
}

void group_show_text(const struct report *report, size_t width, FILE *out)
{
	char text[DURATION_TEXT], number[NUMBER_TEXT];
	CLEANUP_FREE char *memory = NULL;
	size_t size;
	FILE *stream = open_memstream(&memory, &size);

	if (!stream)
		return;
	fprintf(stream, "cgroups in %s%s%s\n", report->total ? "all, " : "",
		duration_format_fine(report->elapsed, text),
		report->view->flat ? "" : "; each with all beneath it");
	print_table(report, !report->view->flat, width, stream);
	if (report->ledger.missed)
		fprintf(stream, "%s times the kernel did not run a program: so much is missing\n",
			number_format(report->ledger.missed, number));
	if (report->ledger.unnamed)
		fprintf(stream, "%s cgroups were made too fast for their names to be heard\n",
			number_format(report->ledger.unnamed, number));
	fputc('\n', stream);
	fclose(stream);
	text_print_cut(memory, width, out);
}
