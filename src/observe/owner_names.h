/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owners as people call them; what comes from outside is escaped. */
#pragma once

#include "observe/cgroups.h"
#include "observe/owners.h"
#include "observe/users.h"

enum { NAME_TEXT = 256 };

/* Each "-" for OWNER_UNKNOWN. */
const char *name_process(const struct owner *owner, char buffer[NAME_TEXT]); /* "1234", "ended" */
const char *name_command(const struct owner *owner, char buffer[NAME_TEXT]);
const char *name_user(const struct owner *owner, struct users *users, char buffer[NAME_TEXT]);
const char *name_cgroup(const struct owner *owner, struct cgroups *cgroups, char buffer[NAME_TEXT]);
