/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the performance monitor counts of every CPU, and where each number comes from. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ladder.h"

enum metric {
	METRIC_CALLS,
	METRIC_MINOR, /* page faults in user mode */
	METRIC_MAJOR,
	METRIC_SWITCHES, /* the sum of the next four */
	METRIC_VOLUNTARY,
	METRIC_INVOLUNTARY,
	METRIC_IDLE,
	METRIC_UNSEEN,     /* that the hook did not show: more are possible */
	METRIC_MIGRATIONS, /* tasks that come from another CPU */
	METRIC_INTERRUPTS,
	METRIC_SOFTIRQS,
	METRIC_BUSY, /* nanoseconds of CPU time, as are the next four */
	METRIC_USER,
	METRIC_SYSTEM,
	METRIC_INTERRUPT_TIME,
	METRIC_STOLEN,
	METRIC_CYCLES,
	METRIC_INSTRUCTIONS,
	METRICS,
};

struct metric_info {
	const char *name;  /* "page_faults_minor", for programs */
	const char *title; /* "page faults, minor" */
	bool time;         /* nanoseconds */
};

extern const struct metric_info metrics[METRICS];

/* Where a number comes from, or, when it is not to be had here, why. */
struct source {
	char by[RUNG_TEXT];
	bool absent;
};

/* ---- samples ------------------------------------------------------------------------------ */

struct cpu_sample {
	bool online;
	uint32_t begun; /* how often its counters of perf were begun: they count from 0 then */
	bool known[METRICS];
	uint64_t counts[METRICS]; /* that only grow */
	/* Of METRIC_CYCLES and METRIC_INSTRUCTIONS: for how long they ought to count, and did. */
	uint64_t enabled[2], running[2];
};

struct sample {
	uint64_t time; /* CLOCK_BOOTTIME, nanoseconds */
	size_t cpu_count;
	struct cpu_sample *cpus; /* by number */
};

enum cpu_state {
	CPU_ONLINE,
	CPU_OFFLINE, /* the whole time */
	CPU_CAME,    /* what is known of it is from then on */
	CPU_WENT,    /* what is known of it is until then */
};

struct cpu_change {
	enum cpu_state state;
	bool known[METRICS];
	uint64_t counts[METRICS];
};

/* What happened from one sample to another. */
struct change {
	uint64_t elapsed;
	size_t cpu_count;
	struct cpu_change *cpus;
	/* Over the CPUs where it is known; known at all, if it is of one. */
	struct cpu_change all;
	double scale[2]; /* of cycles and instructions: the least share of time that they counted */
};

/* -ENOMEM. A sample with no time is the beginning of everything: all is since then. */
int change_make(const struct sample *before, const struct sample *now, struct change *ret_change);
void change_free(struct change *change);
#define CLEANUP_CHANGE __attribute__((cleanup(change_free)))
#define CHANGE_NONE          \
	{                    \
		.cpus = NULL \
	}

int sample_copy(const struct sample *sample, struct sample *ret_copy); /* -ENOMEM */
void sample_free(struct sample *sample);

/* What a counter would have counted had it run all the time; 0 when it never did. */
uint64_t scale_count(uint64_t count, uint64_t enabled, uint64_t running);
