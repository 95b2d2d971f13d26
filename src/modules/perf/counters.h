/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters of perf, one of each kind on every CPU, that are read: no program runs for them. */
#pragma once

#include "modules/perf/metrics.h"

struct counters;

/*
 * Says in `sources`, METRICS of them, by what, or why not. Without `all` only migrations are
 * counted, which the kernel notes down of tasks as long as somebody does. NULL when out of memory.
 */
struct counters *counters_new(size_t cpu_count, bool all, struct source *sources);
struct counters *counters_free(struct counters *counters); /* NULL is fine; returns NULL */

/* Fills in a sample whose CPUs that are online are marked; begins to count on those that came. */
void counters_read(struct counters *counters, struct sample *sample);
