/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "base/text.h"
#include "observe/owner_names.h"

const char *name_process(const struct owner *owner, char buffer[NAME_TEXT])
{
	switch (owner->kind) {
	case OWNER_PROGRAM:
		snprintf(buffer, NAME_TEXT, "%u", owner->tgid);
		return buffer;
	case OWNER_ENDED:
		return "ended";
	case OWNER_UNKNOWN:
		break;
	}
	return "-";
}

const char *name_command(const struct owner *owner, char buffer[NAME_TEXT])
{
	if (owner->kind == OWNER_UNKNOWN)
		return "-";
	return text_escape(owner->command, buffer, NAME_TEXT);
}

const char *name_user(const struct owner *owner, struct users *users, char buffer[NAME_TEXT])
{
	char name[USER_TEXT];

	if (owner->kind == OWNER_UNKNOWN)
		return "-";
	return text_escape(users_name(users, owner->user, name), buffer, NAME_TEXT);
}

const char *name_cgroup(const struct owner *owner, struct cgroups *cgroups, char buffer[NAME_TEXT])
{
	char path[CGROUP_PATH], name[CGROUP_NAME];

	if (owner->kind == OWNER_UNKNOWN)
		return "-";
	cgroup_name(cgroups_path(cgroups, owner->cgroup, path), name);
	return text_escape(name, buffer, NAME_TEXT);
}
