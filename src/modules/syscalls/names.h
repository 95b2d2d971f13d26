/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the rows of a view are called; all is ready to be shown. */
#pragma once

#include "modules/syscalls/books.h"
#include "observe/calls.h"
#include "observe/cgroups.h"
#include "observe/errors.h"
#include "observe/users.h"

enum { NAME_TEXT = 256 };

/* "read", "i386:read", "(no such call)" */
const char *name_call(uint16_t call, char buffer[CALL_NAME]);
const char *name_error(uint16_t error, char buffer[ERRNO_NAME]); /* "ENOENT" */

/* Each "-" for OWNER_UNKNOWN. */
const char *name_process(const struct owner *owner, char buffer[NAME_TEXT]); /* "1234", "ended" */
const char *name_command(const struct owner *owner, char buffer[NAME_TEXT]);
const char *name_user(const struct owner *owner, struct users *users, char buffer[NAME_TEXT]);
const char *name_cgroup(const struct owner *owner, struct cgroups *cgroups, char buffer[NAME_TEXT]);
