/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/protocol.h"
#include "modules/egress/describe.h"

const char *const egress_hook_names[EGRESS_HOOKS] = {
	[EGRESS_CONNECT] = "connect",
	[EGRESS_SENDMSG] = "sendmsg",
	[EGRESS_PACKET] = "packet",
};

#define TEXT_WHERE "{protocol} to {address:port} ({hook}), cgroup {cgroup}, policy {policy}"

static const struct record_type by_process = {
	.name = "egress",
	.text = "{time} {action} {command} {process} {user}: " TEXT_WHERE,
};

/* It is not known who sent it. */
static const struct record_type by_cgroup = {
	.name = "egress",
	.text = "{time} {action} " TEXT_WHERE,
};

static void add_process(const struct egress_event *event, struct users *users,
			struct record *record)
{
	char command[EGRESS_COMMAND + 1] = "", user[USER_TEXT];

	if (!event->process) {
		record_none(record, "process");
		record_none(record, "command");
		record_none(record, "user");
		return;
	}
	memcpy(command, event->command, EGRESS_COMMAND);
	record_gauge(record, "process", UNIT_NONE, event->process);
	record_text(record, "command", command);
	record_text(record, "user", users_name(users, event->user, user));
}

void egress_describe(const struct egress_event *event, uint64_t time, struct cgroups *cgroups,
		     struct users *users, struct record *ret_record)
{
	const struct address address = address_from_v6(event->address);
	char policy[EGRESS_NAME + 1] = "", path[CGROUP_PATH], protocol[PROTOCOL_TEXT];

	memcpy(policy, event->policy, EGRESS_NAME);
	record_begin(ret_record, event->process ? &by_process : &by_cgroup);
	record_time(ret_record, "time", time);
	record_label(ret_record, "action", event->observe ? "would-deny" : "denied");
	add_process(event, users, ret_record);
	record_text(ret_record, "policy", policy);
	record_address(ret_record, "address", &address);
	if (event->port)
		record_gauge(ret_record, "port", UNIT_NONE, event->port);
	else
		record_none(ret_record, "port");
	record_text(ret_record, "protocol", protocol_name(event->protocol, protocol));
	record_label(ret_record, "hook",
		     event->header.kind < EGRESS_HOOKS ? egress_hook_names[event->header.kind]
						       : "unknown");
	record_gauge(ret_record, "untold", UNIT_NONE, event->untold);
	/* The rest of the room is for the longest. */
	record_text(ret_record, "cgroup", cgroups_path(cgroups, event->cgroup, path));
}
