/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What made a rate pass its limit, and how that is told. Pure. */
#pragma once

#include "core/record.h"
#include "modules/perf/alarm.h"
#include "modules/perf/books.h"
#include "observe/cgroups.h"

/* What was done in an interval: by processes, commands and cgroups, and each system call. */
struct causes {
	bool found;
	struct tally processes;
	struct tally commands;
	struct tally cgroups;
	uint64_t calls[CALLS];
};

/* All but the calls, once. -ENOMEM. */
int causes_find(const struct books *books, struct causes *causes);
void causes_free(struct causes *causes);

enum { WARNING_CAUSES = 3 };

/* Lists that a record points to. */
struct warning_lists {
	struct named_count processes[WARNING_CAUSES];
	struct named_count commands[WARNING_CAUSES];
	struct named_count cgroups[WARNING_CAUSES];
	struct named_count calls[WARNING_CAUSES];
};

/* `causes` may be NULL: they are not known. */
void warning_record(const struct alarm_event *event, struct causes *causes, struct cgroups *cgroups,
		    struct warning_lists *lists, struct record *record);
