/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A view of the books as people and programs read it. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "core/record.h"
#include "modules/cgroups/view.h"

/* Of the time that is reported. */
struct ledger {
	uint64_t missed;  /* times that the kernel did not run a program of ours */
	uint64_t unnamed; /* cgroups made and removed whose name nobody heard */
};

struct report {
	const struct view *view;
	struct ledger ledger;
	const char *hooks;
	uint64_t elapsed; /* nanoseconds */
	uint64_t top;     /* rows */
	bool total;       /* of the whole time */
};

/* A table; lines are cut to `width` columns unless it is 0. */
void group_show_text(const struct report *report, size_t width, FILE *out);

/* Records: one of the interval, one for each row. */
void group_show_records(const struct report *report,
			void (*write)(void *context, const struct record *record), void *context);

/* Of a row; what CSV is made of. */
extern const struct record_type group_record;

enum { GROUP_TEXT = 1024 };

/* What a group is called; in a tree, below one that is named already. Escaped. */
const char *group_name(const struct group *group, bool tree, char buffer[GROUP_TEXT]);

/* "tcp", "icmpv6", "other" */
extern const char *const traffic_names[TRAFFIC_PROTOCOLS];
