/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "modules/perf/metrics.h"

const struct metric_info metrics[METRICS] = {
	[METRIC_CALLS] = { "system_calls", "system calls", false },
	[METRIC_MINOR] = { "page_faults_minor", "page faults, minor", false },
	[METRIC_MAJOR] = { "page_faults_major", "page faults, major", false },
	[METRIC_SWITCHES] = { "switches", "context switches", false },
	[METRIC_VOLUNTARY] = { "switches_voluntary", "  voluntary", false },
	[METRIC_INVOLUNTARY] = { "switches_involuntary", "  involuntary", false },
	[METRIC_IDLE] = { "switches_idle", "  from idle", false },
	[METRIC_UNSEEN] = { "switches_unseen", "  not shown", false },
	[METRIC_MIGRATIONS] = { "migrations", "migrations", false },
	[METRIC_INTERRUPTS] = { "interrupts", "interrupts", false },
	[METRIC_SOFTIRQS] = { "softirqs", "softirqs", false },
	[METRIC_BUSY] = { "time_busy", "CPU time, of tasks", true },
	[METRIC_USER] = { "time_user", "CPU time, user", true },
	[METRIC_SYSTEM] = { "time_system", "CPU time, kernel", true },
	[METRIC_INTERRUPT_TIME] = { "time_interrupts", "CPU time, interrupts", true },
	[METRIC_STOLEN] = { "time_stolen", "CPU time, stolen", true },
	[METRIC_CYCLES] = { "cycles", "CPU cycles", false },
	[METRIC_INSTRUCTIONS] = { "instructions", "instructions", false },
};

/* By perf alone: begun anew when a CPU comes. */
static bool is_of_perf(enum metric metric)
{
	return metric == METRIC_MINOR || metric == METRIC_MAJOR || metric == METRIC_MIGRATIONS ||
	       metric == METRIC_CYCLES || metric == METRIC_INSTRUCTIONS;
}

uint64_t scale_count(uint64_t count, uint64_t enabled, uint64_t running)
{
	if (!running)
		return 0;
	if (running >= enabled)
		return count;
	return (uint64_t)((long double)count * enabled / running);
}

/* A counter that never got its turn says nothing, and not 0. */
static bool scale(const struct cpu_sample *before, const struct cpu_sample *now, bool begun,
		  enum metric metric, uint64_t *count, double *least)
{
	size_t i = metric - METRIC_CYCLES;
	uint64_t enabled = now->enabled[i] - (begun ? 0 : before->enabled[i]),
		 running = now->running[i] - (begun ? 0 : before->running[i]);

	if (!running)
		return false;
	*count = scale_count(*count, enabled, running);
	if ((double)running / (double)enabled < *least)
		*least = (double)running / (double)enabled;
	return true;
}

static void compare(const struct cpu_sample *before, const struct cpu_sample *now,
		    struct cpu_change *change, double scales[2])
{
	bool begun = now->begun != before->begun;

	change->state = before->online ? now->online ? CPU_ONLINE : CPU_WENT
			: now->online  ? CPU_CAME
				       : CPU_OFFLINE;
	for (enum metric metric = 0; metric < METRICS; metric++) {
		bool anew = is_of_perf(metric) && begun;
		uint64_t first = anew ? 0 : before->counts[metric];

		change->known[metric] = now->known[metric] && (anew || before->known[metric]) &&
					now->counts[metric] >= first;
		if (!change->known[metric])
			continue;
		change->counts[metric] = now->counts[metric] - first;
		if (metric >= METRIC_CYCLES)
			change->known[metric] =
				scale(before, now, begun, metric, &change->counts[metric],
				      &scales[metric - METRIC_CYCLES]);
	}
}

int change_make(const struct sample *before, const struct sample *now, struct change *ret_change)
{
	struct change change = { .elapsed = now->time - before->time,
				 .cpu_count = now->cpu_count,
				 .cpus = calloc(now->cpu_count, sizeof(*change.cpus)),
				 .scale = { 1, 1 } };

	if (!change.cpus)
		return -ENOMEM;
	for (size_t i = 0; i < now->cpu_count; i++) {
		compare(&before->cpus[i], &now->cpus[i], &change.cpus[i], change.scale);
		for (enum metric metric = 0; metric < METRICS; metric++) {
			if (!change.cpus[i].known[metric])
				continue;
			change.all.known[metric] = true;
			change.all.counts[metric] += change.cpus[i].counts[metric];
		}
	}
	*ret_change = change;
	return 0;
}

void change_free(struct change *change)
{
	free(change->cpus);
	change->cpus = NULL;
}

int sample_copy(const struct sample *sample, struct sample *ret_copy)
{
	struct cpu_sample *cpus = ret_copy->cpus;

	if (!cpus)
		cpus = calloc(sample->cpu_count, sizeof(*cpus));
	if (!cpus)
		return -ENOMEM;
	memcpy(cpus, sample->cpus, sample->cpu_count * sizeof(*cpus));
	*ret_copy = *sample;
	ret_copy->cpus = cpus;
	return 0;
}

void sample_free(struct sample *sample)
{
	free(sample->cpus);
	sample->cpus = NULL;
}
