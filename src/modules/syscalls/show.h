/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A view of the books as people and programs read it. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "core/output.h"
#include "modules/syscalls/monitor.h"
#include "modules/syscalls/view.h"
#include "observe/cgroups.h"
#include "observe/users.h"

struct show {
	const char *hooks;
	bool latency;
	bool histogram; /* of each row, as text */
	bool errors;
	enum view_sort sort;
	uint64_t top;        /* rows */
	const char *see_all; /* what to do to see all */
	struct cgroups *cgroups;
	struct users *users;
};

enum { FLIGHTS_SHOWN = 5 };

/* Calls under way for long, the longest first. */
struct flights {
	size_t count; /* all */
	struct {
		struct flight flight;
		uint64_t lasted; /* nanoseconds */
	} longest[FLIGHTS_SHOWN];
};

/* Of everything that has lasted `least` nanoseconds. */
void flights_collect(const struct monitor *monitor, uint64_t least, struct flights *ret_flights);

size_t flights_shown(const struct flights *flights); /* how many of the longest there are */

/* What is told of an interval, or of all of them. */
struct report {
	const struct view *view;
	const struct call_ledger *ledger; /* of that time */
	const struct flights *flights;    /* NULL: none are shown */
	uint64_t time;                    /* of its end: CLOCK_REALTIME, nanoseconds */
	uint64_t elapsed;                 /* nanoseconds */
	bool total;                       /* of the whole time */
};

/* The difference of two states of the books' ledger. */
void ledger_subtract(const struct call_ledger *now, const struct call_ledger *before,
		     struct call_ledger *ret_difference);

/*
 * A table. Where it is wider than `width` characters, names are cut and columns left out; 0: it may
 * be as wide as it is.
 */
void show_text(const struct show *show, const struct report *report, size_t width, FILE *out);

/* Records: one of the interval, one for each row, and one for each call under way. */
void show_records(const struct show *show, const struct report *report,
		  void (*write)(void *context, const struct record *record), void *context);

extern const struct record_type call_record; /* what a row becomes; has the columns of CSV */
