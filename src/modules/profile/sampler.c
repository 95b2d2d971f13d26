/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "core/grace.h"
#include "core/privilege.h"
#include "core/ring.h"
#include "modules/profile/sampler.h"
#include "profile.skel.h"

enum { STACKS_MAX = 1 << 18 };

struct sampler {
	struct profile_bpf *kernel;
	struct bpf_link **links;
	size_t link_count;
	uint32_t cpus; /* that there can be */
	struct stack_table *tables;
	struct stack_counters *counters;
	struct ring *ring;
	struct stacks *stacks;
	const char *hook;
	void (*learn)(void *context, const struct stack *stack);
	void *context;
};

/* ---- the clock ---------------------------------------------------------------------------- */

static const struct {
	const char *name;
	uint32_t type, config;
} clocks[] = {
	{ "PMU cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES },
	{ "cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK },
};

static int open_clock(size_t number, uint32_t hz, uint32_t cpu)
{
	struct perf_event_attr attributes = { .type = clocks[number].type,
					      .size = sizeof(attributes),
					      .config = clocks[number].config,
					      .sample_freq = hz,
					      .freq = 1,
					      .exclude_idle = 1 };
	long fd = syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

static int keep_link(struct sampler *sampler, struct bpf_link *link, const char *what,
		     struct error *error)
{
	if (!link)
		return privilege_explain(
			PRIVILEGE_OBSERVE,
			error_set(error, -errno, "cannot attach to %s: %s", what, strerror(errno)),
			error);
	sampler->links[sampler->link_count++] = link;
	return 0;
}

/* On every CPU; one that is switched off has none. */
static int attach_clock(struct sampler *sampler, size_t number, uint32_t hz, struct error *error)
{
	int r = 0;

	for (uint32_t cpu = 0; r == 0 && cpu < sampler->cpus; cpu++) {
		CLEANUP_CLOSE int fd = open_clock(number, hz, cpu);

		if (fd == -ENODEV)
			continue;
		if (fd < 0)
			return privilege_explain(PRIVILEGE_OBSERVE,
						 error_set(error, fd, "cannot sample %s: %s",
							   clocks[number].name, strerror(-fd)),
						 error);
		r = keep_link(sampler,
			      bpf_program__attach_perf_event(sampler->kernel->progs.sample, fd),
			      clocks[number].name, error);
		if (r == 0)
			TAKE_FD(fd); /* the link's */
	}
	sampler->hook = clocks[number].name;
	return r;
}

static int attach_clocks(struct sampler *sampler, uint32_t hz, struct error *error)
{
	for (size_t number = 0; number < ARRAY_SIZE(clocks) - 1; number++) {
		CLEANUP_CLOSE int fd = open_clock(number, hz, 0);

		if (fd >= 0)
			return attach_clock(sampler, number, hz, error);
	}
	return attach_clock(sampler, ARRAY_SIZE(clocks) - 1, hz, error);
}

/* ---- loading ------------------------------------------------------------------------------ */

static int run_once(struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	int r = bpf_prog_test_run_opts(bpf_program__fd(program), &options);

	return r < 0 ? r : (int)options.retval;
}

static int attach(struct sampler *sampler, const struct sampler_options *options,
		  struct error *error)
{
	struct profile_bpf *kernel = sampler->kernel;
	int r = 0;

	if (options->selection.follow) {
		r = keep_link(sampler, bpf_program__attach(kernel->progs.end), "sched_process_exit",
			      error);
		if (r == 0)
			r = keep_link(sampler, bpf_program__attach(kernel->progs.follow),
				      "sched_process_fork", error);
	}
	if (r < 0 || !options->off_cpu)
		return r < 0 ? r : attach_clocks(sampler, options->hz, error);
	sampler->hook = "tp_btf sched_switch";
	return keep_link(sampler, bpf_program__attach(kernel->progs.switched), "sched_switch",
			 error);
}

static int load(struct sampler *sampler, const struct sampler_options *options, struct error *error)
{
	struct profile_bpf *kernel = sampler->kernel;
	int r;

	memcpy((void *)&kernel->rodata->selection, &options->selection, sizeof(options->selection));
	kernel->rodata->cpus = sampler->cpus;
	bpf_map__set_max_entries(kernel->maps.counters, 2 * sampler->cpus);
	bpf_map__set_autocreate(kernel->maps.absences, options->off_cpu);
	bpf_program__set_autoload(kernel->progs.sample, !options->off_cpu);
	bpf_program__set_autoload(kernel->progs.switched, options->off_cpu);
	bpf_program__set_autoload(kernel->progs.follow, options->selection.follow);
	bpf_program__set_autoload(kernel->progs.end, options->selection.follow);
	r = profile_bpf__load(kernel);
	if (r < 0)
		return privilege_explain(
			PRIVILEGE_OBSERVE,
			error_set(error, r, "cannot load the profiler: %s", strerror(-r)), error);
	if (!options->self)
		r = run_once(kernel->progs.leave_me_out);
	return r < 0 ? error_set(error, r, "cannot tell the kernel which process this is: %s",
				 strerror(-r))
		     : 0;
}

static void *map_memory(struct bpf_map *map, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/* As the kernel lays an array out that can be mapped. */
static size_t size_of(const struct bpf_map *map)
{
	return (size_t)(bpf_map__value_size(map) + 7) / 8 * 8 * bpf_map__max_entries(map);
}

static void on_stack(void *argument, const struct event_header *header)
{
	struct sampler *sampler = argument;
	const struct stack *stack;

	/* What cannot be kept is counted where its row is added. */
	if (stacks_learn(sampler->stacks, (const struct stack_event *)header, &stack) > 0)
		sampler->learn(sampler->context, stack);
}

static int map_tables(struct sampler *sampler, struct error *error)
{
	struct profile_bpf *kernel = sampler->kernel;

	sampler->tables = map_memory(kernel->maps.stack_tables, size_of(kernel->maps.stack_tables));
	sampler->counters = map_memory(kernel->maps.counters, size_of(kernel->maps.counters));
	if (!sampler->tables || !sampler->counters)
		return error_set(error, -errno, "cannot map the tables of the profiler: %s",
				 strerror(errno));
	sampler->ring = ring_new(bpf_map__fd(kernel->maps.stacks), on_stack, sampler, error);
	return sampler->ring ? 0 : -EIO;
}

static inline void cleanup_sampler(struct sampler **sampler)
{
	sampler_free(*sampler);
}

static int open_kernel(struct sampler *sampler)
{
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 0)
		return cpus;
	sampler->cpus = (uint32_t)cpus;
	sampler->links = calloc((size_t)cpus + 2, sizeof(struct bpf_link *));
	sampler->stacks = stacks_new(STACKS_MAX);
	sampler->kernel = profile_bpf__open();
	return sampler->links && sampler->stacks && sampler->kernel ? 0 : -ENOMEM;
}

struct sampler *sampler_new(const struct sampler_options *options,
			    void (*learn)(void *context, const struct stack *stack), void *context,
			    struct error *error)
{
	__attribute__((cleanup(cleanup_sampler))) struct sampler *sampler =
		calloc(1, sizeof(*sampler));
	int r = sampler ? open_kernel(sampler) : -ENOMEM;

	if (r < 0) {
		error_set(error, r, "cannot open the profiler: %s", strerror(-r));
		return NULL;
	}
	sampler->learn = learn;
	sampler->context = context;
	if (load(sampler, options, error) < 0 || map_tables(sampler, error) < 0 ||
	    attach(sampler, options, error) < 0)
		return NULL;
	return TAKE_PTR(sampler);
}

void sampler_detach(struct sampler *sampler)
{
	while (sampler->link_count)
		bpf_link__destroy(sampler->links[--sampler->link_count]);
}

struct sampler *sampler_free(struct sampler *sampler)
{
	if (!sampler)
		return NULL;
	sampler_detach(sampler);
	ring_free(sampler->ring);
	if (sampler->tables)
		munmap(sampler->tables, size_of(sampler->kernel->maps.stack_tables));
	if (sampler->counters)
		munmap(sampler->counters, size_of(sampler->kernel->maps.counters));
	profile_bpf__destroy(sampler->kernel);
	stacks_free(sampler->stacks);
	free(sampler->links);
	free(sampler);
	return NULL;
}

const char *sampler_hook(const struct sampler *sampler)
{
	return sampler->hook;
}

/* ---- what it found ------------------------------------------------------------------------ */

int sampler_fd(const struct sampler *sampler)
{
	return ring_fd(sampler->ring);
}

static void drain(struct sampler *sampler)
{
	ring_drain(sampler->ring);
}

void sampler_tick(struct sampler *sampler)
{
	const struct stack_table *table = &sampler->tables[sampler->kernel->bss->epoch];

	drain(sampler);
	if (__atomic_load_n(&table->used, __ATOMIC_RELAXED) >= STACK_ROWS_FULL)
		sampler_turn(sampler);
}

/* Only what was written: most of a table is not touched in most epochs. */
static void clear_table(struct stack_table *table)
{
	if (!table->used)
		return;
	for (size_t i = 0; i < STACK_ROWS; i++)
		if (table->rows[i].key)
			memset(&table->rows[i], 0, sizeof(table->rows[i]));
	memset(table->processes, 0, sizeof(table->processes));
	table->used = 0;
}

void sampler_turn(struct sampler *sampler)
{
	uint32_t former = sampler->kernel->bss->epoch;
	struct stack_counters *counters = &sampler->counters[former * sampler->cpus];

	__atomic_store_n(&sampler->kernel->bss->epoch, !former, __ATOMIC_SEQ_CST);
	grace_period();
	drain(sampler); /* rows mean something once their stacks are known */
	stacks_add(sampler->stacks, &sampler->tables[former]);
	stacks_add_counters(sampler->stacks, counters, sampler->cpus);
	clear_table(&sampler->tables[former]);
	memset(counters, 0, sampler->cpus * sizeof(*counters));
}

struct stacks *sampler_stacks(struct sampler *sampler)
{
	return sampler->stacks;
}

int sampler_follow_me(void *sampler)
{
	return run_once(((struct sampler *)sampler)->kernel->progs.follow_me);
}

uint64_t sampler_not_followed(const struct sampler *sampler)
{
	return sampler->kernel->bss->not_followed;
}
