/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "modules/opens/describe.h"
#include "observe/calls.h"
#include "observe/errors.h"
#include "observe/namespaces.h"
#include "observe/open_flags.h"

int open_names_make(struct open_names *ret_names)
{
	ret_names->users = users_new();
	ret_names->cgroups = cgroups_new();
	if (namespaces_mount(&ret_names->mount_namespace) < 0)
		ret_names->mount_namespace = 0;
	return ret_names->users && ret_names->cgroups ? 0 : -ENOMEM;
}

void open_names_free(struct open_names *names)
{
	users_free(names->users);
	cgroups_free(names->cgroups);
}

void open_view_make(const struct open_event *event, const struct open_paths *paths,
		    const struct open_names *names, struct open_view *ret_view)
{
	ret_view->event = event;
	ret_view->paths = paths;
	ret_view->count = 1;
	ret_view->elapsed = 0;
	users_name(names->users, event->user, ret_view->user);
	cgroups_path(names->cgroups, event->cgroup, ret_view->cgroup);
	strcpy(ret_view->call, event->ring ? "io_uring:" : "");
	call_name(event->abi, event->number, ret_view->call + strlen(ret_view->call));
	open_flags_format(event->flags, ret_view->flags);
	ret_view->error[0] = '\0';
	if (event->result < 0)
		errno_name((unsigned)-event->result, ret_view->error);
}

/* ---- records ---------------------------------------------------------------------------- */

const struct record_type open_record_type = {
	.name = "open",
	.csv = (const struct csv_column[]){ { "time", "Timestamp" },
					    { "process", "PID" },
					    { "thread", "TID" },
					    { "command", "Command" },
					    { "user", "User" },
					    { "cgroup", "Cgroup" },
					    { "call", "Call" },
					    { "flags", "Flags" },
					    { "mode", "Mode" },
					    { "descriptor", "Descriptor" },
					    { "slot", "Slot" },
					    { "error", "Error" },
					    { "path", "Path" },
					    { "opened", "Opened" },
					    { "count", "Count" },
					    { NULL, NULL } },
};

const struct record_type open_log_type = {
	.name = "open",
	.text = "{time} {process} {command} {user} {descriptor} {error} {flags} {path}",
};

/* What must be known to read a path aright; NULL where there is nothing. */
static const char *remark(const struct open_event *event, const struct open_names *names)
{
	bool elsewhere = names->mount_namespace && event->mount_namespace &&
			 event->mount_namespace != names->mount_namespace;

	if (elsewhere)
		return event->marks & OPEN_CHROOT ? "other mount namespace, chroot"
						  : "other mount namespace";
	return event->marks & OPEN_CHROOT ? "chroot" : NULL;
}

static bool creates(const struct open_event *event)
{
	enum { CREATES = 0100, TEMPORARY = 020000000 }; /* O_CREAT, the bit of O_TMPFILE */

	return event->flags & (CREATES | TEMPORARY);
}

static void add_mode(const struct open_event *event, struct record *record)
{
	char mode[16];

	snprintf(mode, sizeof(mode), "%04o", event->mode);
	if (creates(event))
		record_text(record, "mode", mode);
	else
		record_none(record, "mode");
}

static void add_result(const struct open_view *view, struct record *record)
{
	bool known = !*view->error && !(view->event->ring & OPEN_RESULT_UNKNOWN);
	bool slot = view->event->ring & OPEN_SLOT;

	if (known && !slot)
		record_gauge(record, "descriptor", UNIT_NONE, (uint64_t)view->event->result);
	else
		record_none(record, "descriptor");
	if (known && slot)
		record_gauge(record, "slot", UNIT_NONE, (uint64_t)view->event->result);
	else
		record_none(record, "slot");
	if (*view->error)
		record_text_kept(record, "error", view->error);
	else
		record_none(record, "error");
}

void open_describe(const struct open_view *view, const struct open_names *names,
		   struct record *ret_record)
{
	const struct open_event *event = view->event;
	const char *where = remark(event, names);
	char command[sizeof(event->command) + 1] = "";

	memcpy(command, event->command, sizeof(event->command));
	record_begin(ret_record, &open_record_type);
	record_time(ret_record, "time", view->time);
	record_gauge(ret_record, "process", UNIT_NONE, event->tgid);
	record_gauge(ret_record, "thread", UNIT_NONE, event->tid);
	record_text(ret_record, "command", command);
	record_text_kept(ret_record, "user", view->user);
	record_text_kept(ret_record, "cgroup", view->cgroup);
	record_text_kept(ret_record, "call", view->call);
	record_text_kept(ret_record, "flags", view->flags);
	add_mode(event, ret_record);
	add_result(view, ret_record);
	record_text_kept(ret_record, "path", view->paths->asked);
	if (view->paths->differs && *view->paths->opened)
		record_text_kept(ret_record, "opened", view->paths->opened);
	else
		record_none(ret_record, "opened");
	record_label(ret_record, "complete", view->paths->asked_whole ? "yes" : "no");
	if (where)
		record_label(ret_record, "where", where);
	else
		record_none(ret_record, "where");
	record_gauge(ret_record, "count", UNIT_NONE, view->count);
}

/* ---- lines ------------------------------------------------------------------------------ */

enum { NARROW = 120 }; /* columns: below, the path gets what others can do without */

static const char wide_format[] = "%-12s %7s %-15s %-10s %-9s %-16s ";
static const char narrow_format[] = "%-8.8s %7s %-8s %-6s %-6s %-6.6s ";

static const char *line_format(size_t width)
{
	return width && width < NARROW ? narrow_format : wide_format;
}

void open_write_head(size_t width, FILE *out)
{
	fprintf(out, line_format(width), "TIME", "PID", "COMMAND", "USER", "RESULT", "FLAGS");
	fputs("PATH\n", out);
}

/* So many characters of what was made visible, and no half one. */
static void write_cut(const char *text, size_t width, FILE *out)
{
	size_t characters = 0, end = 0, last = 0;

	for (; text[end]; end++)
		if (((unsigned char)text[end] & 0xc0) != 0x80) {
			if (characters + 1 == width)
				last = end;
			if (characters++ == width)
				break;
		}
	if (!text[end] || !width)
		fputs(text, out);
	else
		fprintf(out, "%.*s…", (int)last, text);
	fputc('\n', out);
}

static void write_paths(const struct open_view *view, const struct open_names *names, FILE *out)
{
	const char *where = remark(view->event, names);
	char escaped[4 * PATH_TEXT], number[NUMBER_TEXT], duration[DURATION_TEXT];

	fputs(view->paths->asked_known ? text_escape(view->paths->asked, escaped, sizeof(escaped))
				       : view->paths->asked,
	      out);
	if (view->paths->differs && *view->paths->opened)
		fprintf(out, " -> %s", text_escape(view->paths->opened, escaped, sizeof(escaped)));
	if (view->event->marks & OPEN_CUT)
		fputs("<...>", out);
	if (where)
		fprintf(out, " (%s)", where);
	if (view->elapsed)
		fprintf(out, "  ×%s in %s", number_format(view->count, number),
			duration_format_short(view->elapsed, duration));
}

void open_write_line(const struct open_view *view, const struct open_names *names, size_t width,
		     FILE *out)
{
	char time[TIMESTAMP_TEXT], command[4 * sizeof(view->event->command) + 1], result[16],
		process[16], user[4 * USER_TEXT], name[sizeof(view->event->command) + 1] = "";
	CLEANUP_FREE char *line = NULL;
	size_t size;
	FILE *memory = open_memstream(&line, &size);

	if (!memory)
		return;
	memcpy(name, view->event->command, sizeof(view->event->command));
	timestamp_local(view->time, time);
	snprintf(time + strlen(time), sizeof(time) - strlen(time), ".%03u",
		 (unsigned)(view->time % NSEC_PER_SEC / NSEC_PER_MSEC));
	snprintf(result, sizeof(result), view->event->ring & OPEN_SLOT ? "slot %d" : "%d",
		 view->event->result);
	if (view->event->ring & OPEN_RESULT_UNKNOWN)
		strcpy(result, "?");
	snprintf(process, sizeof(process), "%u", view->event->tgid);
	/* The date is known to whoever sees it happen. */
	fprintf(memory, line_format(width), time + strlen("2026-11-22 "), process,
		text_escape(name, command, sizeof(command)),
		text_escape(view->user, user, sizeof(user)), *view->error ? view->error : result,
		view->flags);
	write_paths(view, names, memory);
	fclose(memory);
	if (line)
		write_cut(line, width, out);
}
