/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

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

const char *open_remark(const struct open_event *event, const struct open_names *names)
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
	const char *where = open_remark(event, names);
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
