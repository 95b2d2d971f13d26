/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a policy denied, as a record. */
#pragma once

#include "core/record.h"
#include "modules/egress/egress.h"
#include "observe/cgroups.h"
#include "observe/users.h"

/* `time`: CLOCK_REALTIME of the event, nanoseconds. */
void egress_describe(const struct egress_event *event, uint64_t time, struct cgroups *cgroups,
		     struct users *users, struct record *ret_record);

extern const char *const egress_hook_names[EGRESS_HOOKS]; /* "connect", "sendmsg", "packet" */
