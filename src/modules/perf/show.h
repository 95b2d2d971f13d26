/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the performance monitor saw, as people and programs read it. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "core/output.h"
#include "modules/perf/books.h"
#include "modules/perf/metrics.h"
#include "observe/cgroups.h"
#include "observe/users.h"

struct show {
	const char *hooks;
	const struct source *sources; /* METRICS of them */
	bool totals;                  /* of the CPUs */
	bool waits;
	uint64_t top; /* rows */
	size_t width; /* lines are of so many characters, if possible; 0: as long as they get */
	struct cgroups *cgroups;
	struct users *users;
};

/* What is told of an interval, or of all of them. */
struct report {
	struct change change;
	struct perf_ledger ledger; /* of that time */
	uint64_t calls;            /* seen by the programs, which began a moment before `change` */
	bool with_tally;
	struct tally tally;
	const struct wait_account **waits; /* into the books */
	size_t wait_count;
	bool total; /* of the whole time */
};

void perf_report_free(struct report *report);

/* The difference of two states of the books' ledger; `before` NULL: all of it. */
void perf_ledger_subtract(const struct perf_ledger *now, const struct perf_ledger *before,
			  struct perf_ledger *ret_difference);

void perf_show_text(const struct show *show, const struct report *report, FILE *out);

/* Its parts, each of a file of its own. */
void perf_show_cpus(const struct show *show, const struct report *report, FILE *out);
void perf_show_waits(const struct show *show, const struct report *report, FILE *out);

/* Records: of the interval, of each metric, of each row, and of waits. */
void perf_show_records(const struct show *show, const struct report *report,
		       void (*write)(void *context, const struct record *record), void *context);

extern const struct record_type perf_metric_record; /* has the columns of CSV, as has the next, */
extern const struct record_type perf_row_record;    /* which is for where CPUs are not shown */
