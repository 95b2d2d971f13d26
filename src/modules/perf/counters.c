/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "modules/perf/counters.h"

static const struct {
	enum metric metric;
	uint32_t type;
	uint64_t config;
	bool user; /* only what happens in user mode */
	const char *name;
} kinds[] = {
	{ METRIC_MINOR, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN, true,
	  "perf minor-faults:u" },
	{ METRIC_MAJOR, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ, true,
	  "perf major-faults:u" },
	{ METRIC_MIGRATIONS, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS, false,
	  "perf cpu-migrations" },
	{ METRIC_CYCLES, PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, false, "PMU cycles" },
	{ METRIC_INSTRUCTIONS, PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, false,
	  "PMU instructions" },
};

enum { KINDS = ARRAY_SIZE(kinds) };

struct cpu_counters {
	bool open;
	uint32_t begun;
	int fds[KINDS]; /* or a negative errno */
};

struct counters {
	size_t cpu_count;
	bool all;
	struct cpu_counters *cpus;
	struct source *sources;
};

static int open_counter(size_t kind, int cpu)
{
	struct perf_event_attr attributes = { .type = kinds[kind].type,
					      .size = sizeof(attributes),
					      .config = kinds[kind].config,
					      .exclude_kernel = kinds[kind].user,
					      .exclude_hv = 1,
					      .read_format = PERF_FORMAT_TOTAL_TIME_ENABLED |
							     PERF_FORMAT_TOTAL_TIME_RUNNING };
	int fd = (int)syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static void say_why(const struct counters *counters, size_t kind, int error)
{
	struct source *source = &counters->sources[kinds[kind].metric];
	bool hardware = kinds[kind].type == PERF_TYPE_HARDWARE;

	source->absent = error < 0;
	if (error >= 0)
		snprintf(source->by, sizeof(source->by), "%s", kinds[kind].name);
	else if (error == -EPERM || error == -EACCES)
		snprintf(source->by, sizeof(source->by), "not permitted: CAP_PERFMON (%s)",
			 strerrorname_np(-error));
	else if (hardware)
		snprintf(source->by, sizeof(source->by), "no PMU here (%s)",
			 strerrorname_np(-error));
	else
		snprintf(source->by, sizeof(source->by), "perf: %s", strerror(-error));
}

static void close_all(struct cpu_counters *cpu)
{
	for (size_t kind = 0; cpu->open && kind < KINDS; kind++)
		if (cpu->fds[kind] >= 0)
			close(cpu->fds[kind]);
	cpu->open = false;
}

static void open_all(struct counters *counters, size_t number)
{
	struct cpu_counters *cpu = &counters->cpus[number];

	close_all(cpu);
	cpu->begun++;
	for (size_t kind = 0; kind < KINDS; kind++) {
		cpu->fds[kind] = -ENOENT;
		if (!counters->all && kinds[kind].metric != METRIC_MIGRATIONS)
			continue;
		cpu->fds[kind] = open_counter(kind, (int)number);
		/* What one CPU has is the kind's source. */
		if (cpu->fds[kind] >= 0 || !counters->sources[kinds[kind].metric].by[0])
			say_why(counters, kind, cpu->fds[kind]);
	}
	cpu->open = true;
}

struct counters *counters_new(size_t cpu_count, bool all, struct source *sources)
{
	struct counters *counters = calloc(1, sizeof(*counters));

	if (!counters)
		return NULL;
	counters->cpu_count = cpu_count;
	counters->all = all;
	counters->sources = sources;
	counters->cpus = calloc(cpu_count, sizeof(*counters->cpus));
	return counters->cpus ? counters : counters_free(counters);
}

struct counters *counters_free(struct counters *counters)
{
	if (!counters)
		return NULL;
	for (size_t i = 0; counters->cpus && i < counters->cpu_count; i++)
		close_all(&counters->cpus[i]);
	free(counters->cpus);
	free(counters);
	return NULL;
}

static void read_counter(int fd, enum metric metric, struct cpu_sample *cpu)
{
	struct {
		uint64_t value, enabled, running;
	} count;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		return;
	cpu->known[metric] = true;
	cpu->counts[metric] = count.value;
	if (metric >= METRIC_CYCLES) {
		cpu->enabled[metric - METRIC_CYCLES] = count.enabled;
		cpu->running[metric - METRIC_CYCLES] = count.running;
	}
}

void counters_read(struct counters *counters, struct sample *sample)
{
	for (size_t i = 0; i < counters->cpu_count; i++) {
		struct cpu_counters *cpu = &counters->cpus[i];

		/* With a CPU that goes its counters end; they do not come back with it. */
		if (sample->cpus[i].online && !cpu->open)
			open_all(counters, i);
		sample->cpus[i].begun = cpu->begun;
		for (size_t kind = 0; cpu->open && kind < KINDS; kind++)
			if (cpu->fds[kind] >= 0)
				read_counter(cpu->fds[kind], kinds[kind].metric, &sample->cpus[i]);
		if (!sample->cpus[i].online)
			close_all(cpu);
	}
}
