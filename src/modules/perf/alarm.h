/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits of rates, for all CPUs together or for each, and when to say that one is passed. What
 * goes up and down around its limit is told once: it begins above it, and ends when two intervals
 * in a row stayed below 80 % of it. Pure.
 */
#pragma once

#include "base/error.h"
#include "base/rate.h"
#include "modules/perf/metrics.h"

enum alarm_kind { ALARM_CALLS, ALARM_FAULTS, ALARM_SWITCHES, ALARMS };

struct alarm_limit {
	struct rate rate; /* a count of 0: none */
	bool per_cpu;
};

/* "10k/s", "5000/s/cpu", "none". -EINVAL with what there is. */
int alarm_limit_parse(const char *text, struct alarm_limit *ret_limit, struct error *error);

enum { ALARM_TEXT = 48 };

const char *alarm_limit_text(const struct alarm_limit *limit, char buffer[ALARM_TEXT]);

/*
 * "syscalls=10k/s,faults=1000/s/cpu" changes these, and leaves others; "none" takes all away.
 * -EINVAL with the reason; then nothing is changed.
 */
int alarm_limits_parse(const char *text, struct alarm_limit limits[ALARMS], struct error *error);

bool alarm_limits_any(const struct alarm_limit limits[ALARMS]); /* is there one at all? */

/* As in the guide: 10,000 system calls, 1,000 page faults, 5,000 switches a second. */
extern const struct alarm_limit alarm_defaults[ALARMS];

const char *alarm_title(enum alarm_kind kind); /* "page faults" */
const char *alarm_name(enum alarm_kind kind);  /* "faults" */

/* ---- over time ---------------------------------------------------------------------------- */

enum { ALARM_ALL_CPUS = -1 };

struct alarm_event {
	enum alarm_kind kind;
	bool begins; /* else it ends */
	int cpu;     /* or ALARM_ALL_CPUS */
	double limit;
	double rate;      /* of this interval */
	double peak;      /* highest rate of an interval */
	uint64_t lasted;  /* nanoseconds; of one that ends */
	uint64_t elapsed; /* nanoseconds of this interval */
};

struct alarms;

struct alarms *alarms_new(const struct alarm_limit limits[ALARMS], size_t cpu_count);
struct alarms *alarms_free(struct alarms *alarms); /* NULL is fine; returns NULL */

/*
 * Judges an interval that ended at `time`, CLOCK_BOOTTIME, and calls `tell` for each that begins
 * or ends. What is not known is left as it is.
 */
void alarms_judge(struct alarms *alarms, const struct change *change, uint64_t time,
		  void (*tell)(void *context, const struct alarm_event *event), void *context);
