/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/timestamp.h"
#include "core/grace.h"
#include "core/kallsyms.h"
#include "core/ladder.h"
#include "core/privilege.h"
#include "modules/perf/counters.h"
#include "modules/perf/kernel_files.h"
#include "modules/perf/monitor.h"
#include "perf.skel.h"

enum { LADDER_EVENTS = 5, LINKS = 8 };

struct monitor {
	struct perf_bpf *kernel;
	const struct bpf_program *programs[LINKS]; /* that are attached, each by its link */
	struct bpf_link *links[LINKS];
	size_t link_count;
	uint32_t cpus; /* that there can be */
	struct perf_cpu *states;
	size_t states_size;
	struct perf_table *tables;
	size_t tables_size;
	struct wait_table *waits; /* NULL: not measured */
	size_t waits_size;
	bool attribute;
	uint64_t missed; /* as the kernel told last */
	struct counters *counters;
	struct kernel_files *files;
	struct source sources[METRICS];
	char hooks[2 * RUNG_TEXT + 2];
};

/* ---- hooks -------------------------------------------------------------------------------- */

struct choice {
	enum hook hook;
	struct bpf_program *program;
};

/* Of the programs only that of `hook` is loaded; NULL: none is. */
static struct bpf_program *choose(const struct choice *choices, size_t count, enum hook hook)
{
	struct bpf_program *chosen = NULL;

	for (size_t i = 0; i < count; i++) {
		bpf_program__set_autoload(choices[i].program, choices[i].hook == hook);
		if (choices[i].hook == hook)
			chosen = choices[i].program;
	}
	return chosen;
}

/* The first rung that works and has a program; or only `wanted`. Notes its name. */
static int take_rung(struct monitor *monitor, enum thing thing, const struct choice *choices,
		     size_t count, enum hook wanted, enum hook *ret_hook, char by[RUNG_TEXT],
		     struct error *error)
{
	struct rung_result results[RUNGS_MAX];
	const struct ladder *ladder = &ladders[thing];
	const struct error *why = &results[0].reason;
	size_t used = strlen(monitor->hooks);

	ladder_try(thing, LADDER_EVENTS, results);
	for (size_t rung = 0; rung < ladder->rung_count; rung++)
		for (size_t i = 0; i < count; i++) {
			enum hook hook = ladder->rungs[rung].hook;

			if (results[rung].state == RUNG_NO || choices[i].hook != hook ||
			    (wanted != HOOKS && wanted != hook))
				continue;
			rung_name(&ladder->rungs[rung], by);
			snprintf(monitor->hooks + used, sizeof(monitor->hooks) - used, "%s%s",
				 used ? ", " : "", by);
			*ret_hook = hook;
			return 0;
		}
	for (size_t rung = 0; rung < ladder->rung_count; rung++)
		if (wanted != HOOKS && ladder->rungs[rung].hook == wanted)
			why = &results[rung].reason;
	return privilege_explain(PRIVILEGE_OBSERVE,
				 error_set(error, -EOPNOTSUPP,
					   "%s cannot be looked at here: %s; "
					   "'sumun doctor' tells more",
					   ladder->name, why->text),
				 error);
}

static int attach(struct monitor *monitor, struct bpf_program *program, struct bpf_link *link,
		  struct error *error)
{
	if (!link)
		return privilege_explain(PRIVILEGE_OBSERVE,
					 error_set(error, -errno, "cannot attach %s: %s",
						   bpf_program__name(program), strerror(errno)),
					 error);
	monitor->programs[monitor->link_count] = program;
	monitor->links[monitor->link_count++] = link;
	return 0;
}

static int attach_plain(struct monitor *monitor, struct bpf_program *program, struct error *error)
{
	return attach(monitor, program, bpf_program__attach(program), error);
}

static int attach_switch(struct monitor *monitor, struct bpf_program *program, enum hook hook,
			 struct error *error)
{
	char symbol[SYMBOL_NAME];

	if (hook != HOOK_KPROBE)
		return attach_plain(monitor, program, error);
	if (kallsyms_resolve("finish_task_switch", symbol) < 0)
		return error_set(error, -ENOENT, "this kernel has no finish_task_switch");
	return attach(monitor, program, bpf_program__attach_kprobe(program, false, symbol), error);
}

static int run_once(struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	int r = bpf_prog_test_run_opts(bpf_program__fd(program), &options);

	return r < 0 ? r : (int)options.retval;
}

/* ---- loading ------------------------------------------------------------------------------ */

static void tell(struct monitor *monitor, const struct monitor_options *options)
{
	struct perf_bpf *kernel = monitor->kernel;
	uint32_t cpus = monitor->cpus;

	kernel->rodata->cpus = cpus;
	memcpy((void *)&kernel->rodata->selection, &options->selection, sizeof(options->selection));
	kernel->rodata->attribute = monitor->attribute;
	kernel->rodata->count_by_call = options->by_call;
	kernel->rodata->time_waits = options->waits;
	/* What nothing asked for is not made: the verifier removes what would use it. */
	bpf_map__set_max_entries(kernel->maps.states, cpus);
	bpf_map__set_max_entries(kernel->maps.tables, 2 * cpus);
	bpf_map__set_autocreate(kernel->maps.tables, monitor->attribute);
	bpf_map__set_max_entries(kernel->maps.wait_tables, 2 * cpus);
	bpf_map__set_autocreate(kernel->maps.wait_tables, options->waits);
	bpf_map__set_autocreate(kernel->maps.waits, options->waits);
	bpf_map__set_autocreate(kernel->maps.followed, options->selection.follow);
	bpf_program__set_autoload(kernel->progs.follow_me, options->selection.follow);
	bpf_program__set_autoload(kernel->progs.follow, options->selection.follow);
	bpf_program__set_autoload(kernel->progs.end, options->selection.follow);
}

/* Which of two programs tells of wakeups, by the hook that tells of switches. */
static struct bpf_program *choose_wakeup(const struct monitor_options *options, enum hook hook,
					 struct bpf_program *btf, struct bpf_program *raw)
{
	const struct choice choices[] = { { HOOK_TP_BTF, btf }, { HOOK_RAW_TP, raw } };

	return choose(choices, ARRAY_SIZE(choices), options->waits ? hook : HOOKS);
}

static int check_attribution(struct monitor *monitor, const struct monitor_options *options,
			     enum hook hook, struct error *error)
{
	monitor->attribute = options->attribute && hook != HOOK_KPROBE;
	if (hook != HOOK_KPROBE || !(options->attribution_needed || options->waits))
		return 0;
	return error_set(error, -EOPNOTSUPP,
			 "what is asked for takes the tracepoint sched_switch, and here only a "
			 "kprobe works; 'sumun doctor' tells why");
}

static int load(struct monitor *monitor, const struct monitor_options *options, struct error *error)
{
	struct perf_bpf *kernel = monitor->kernel;
	const struct choice enters[] = { { HOOK_TP_BTF, kernel->progs.enter_btf },
					 { HOOK_RAW_TP, kernel->progs.enter_raw },
					 { HOOK_TRACEPOINT, kernel->progs.enter_classic } };
	const struct choice switches[] = { { HOOK_TP_BTF, kernel->progs.switch_btf },
					   { HOOK_RAW_TP, kernel->progs.switch_raw },
					   { HOOK_KPROBE, kernel->progs.switch_kprobe } };
	struct bpf_program *enter, *change, *wakeup, *wakeup_new;
	enum hook hook;
	int r = take_rung(monitor, THING_SYSCALL_ENTER, enters, ARRAY_SIZE(enters), HOOKS, &hook,
			  monitor->sources[METRIC_CALLS].by, error);

	if (r < 0)
		return r;
	enter = choose(enters, ARRAY_SIZE(enters), hook);
	r = take_rung(monitor, THING_SWITCH, switches, ARRAY_SIZE(switches), options->switch_hook,
		      &hook, monitor->sources[METRIC_SWITCHES].by, error);
	if (r == 0)
		r = check_attribution(monitor, options, hook, error);
	if (r < 0)
		return r;
	change = choose(switches, ARRAY_SIZE(switches), hook);
	wakeup = choose_wakeup(options, hook, kernel->progs.wakeup_btf, kernel->progs.wakeup_raw);
	wakeup_new = choose_wakeup(options, hook, kernel->progs.wakeup_new_btf,
				   kernel->progs.wakeup_new_raw);
	tell(monitor, options);
	r = perf_bpf__load(kernel);
	if (r < 0)
		return privilege_explain(PRIVILEGE_OBSERVE,
					 error_set(error, r,
						   "cannot load the performance monitor: %s",
						   strerror(-r)),
					 error);
	if (!options->self)
		r = run_once(kernel->progs.leave_me_out);
	if (r < 0)
		return error_set(error, r, "cannot tell the kernel which process this is: %s",
				 strerror(-r));
	if (options->selection.follow)
		r = attach_plain(monitor, kernel->progs.end, error);
	if (r == 0 && options->selection.follow)
		r = attach_plain(monitor, kernel->progs.follow, error);
	if (r == 0 && wakeup)
		r = attach_plain(monitor, wakeup, error);
	if (r == 0 && wakeup_new)
		r = attach_plain(monitor, wakeup_new, error);
	if (r == 0)
		r = attach_switch(monitor, change, hook, error);
	return r == 0 ? attach_plain(monitor, enter, error) : r;
}

static void *map_memory(struct bpf_map *map, size_t *ret_size)
{
	size_t size = (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	*ret_size = size;
	return memory == MAP_FAILED ? NULL : memory;
}

static int map_tables(struct monitor *monitor, const struct monitor_options *options,
		      struct error *error)
{
	struct perf_bpf *kernel = monitor->kernel;

	monitor->states = map_memory(kernel->maps.states, &monitor->states_size);
	if (monitor->attribute)
		monitor->tables = map_memory(kernel->maps.tables, &monitor->tables_size);
	if (options->waits)
		monitor->waits = map_memory(kernel->maps.wait_tables, &monitor->waits_size);
	if (!monitor->states || (monitor->attribute && !monitor->tables) ||
	    (options->waits && !monitor->waits))
		return error_set(error, -errno, "cannot map the tables of the monitor: %s",
				 strerror(errno));
	return 0;
}

/*
 * What runs now is begun to be counted, or what it did since then goes into the tables, as if it
 * were switched out. A CPU that is off has nothing to tell, and one that idles is not woken.
 */
static void settle(const struct monitor *monitor)
{
	for (uint32_t i = 0; i < monitor->cpus; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, options, .flags = BPF_F_TEST_RUN_ON_CPU, .cpu = i);
		const struct perf_cpu *cpu = &monitor->states[i];

		if (!cpu->begun || __atomic_load_n(&cpu->tid, __ATOMIC_RELAXED))
			bpf_prog_test_run_opts(bpf_program__fd(monitor->kernel->progs.settle),
					       &options);
	}
}

/* What does not come from programs. */
static int open_sources(struct monitor *monitor, const struct monitor_options *options,
			struct error *error)
{
	struct source *sources = monitor->sources;

	monitor->counters = counters_new(monitor->cpus, options->totals, sources);
	if (!monitor->counters)
		return error_set(error, -ENOMEM, "out of memory");
	monitor->files = kernel_files_new(error);
	if (!monitor->files)
		return -ENOENT;
	for (enum metric metric = METRIC_VOLUNTARY; metric <= METRIC_UNSEEN; metric++)
		memcpy(sources[metric].by, sources[METRIC_SWITCHES].by, RUNG_TEXT);
	memcpy(sources[METRIC_BUSY].by, sources[METRIC_SWITCHES].by, RUNG_TEXT);
	for (enum metric metric = METRIC_USER; metric <= METRIC_STOLEN; metric++)
		strcpy(sources[metric].by, "/proc/stat, in ticks");
	strcpy(sources[METRIC_INTERRUPTS].by, "/proc/interrupts");
	strcpy(sources[METRIC_SOFTIRQS].by, "/proc/softirqs");
	return 0;
}

static inline void cleanup_monitor(struct monitor **monitor)
{
	perf_monitor_free(*monitor);
}

struct monitor *perf_monitor_new(const struct monitor_options *options, struct error *error)
{
	__attribute__((cleanup(cleanup_monitor))) struct monitor *monitor =
		calloc(1, sizeof(*monitor));
	int cpus = libbpf_num_possible_cpus();

	if (monitor)
		monitor->kernel = perf_bpf__open();
	if (!monitor || !monitor->kernel || cpus < 0) {
		error_set(error, -errno, "cannot open the performance monitor: %s",
			  strerror(errno));
		return NULL;
	}
	monitor->cpus = (uint32_t)cpus;
	if (load(monitor, options, error) < 0 || map_tables(monitor, options, error) < 0 ||
	    open_sources(monitor, options, error) < 0)
		return NULL;
	settle(monitor);
	return TAKE_PTR(monitor);
}

struct monitor *perf_monitor_free(struct monitor *monitor)
{
	if (!monitor)
		return NULL;
	while (monitor->link_count)
		bpf_link__destroy(monitor->links[--monitor->link_count]);
	if (monitor->states)
		munmap(monitor->states, monitor->states_size);
	if (monitor->tables)
		munmap(monitor->tables, monitor->tables_size);
	if (monitor->waits)
		munmap(monitor->waits, monitor->waits_size);
	counters_free(monitor->counters);
	kernel_files_free(monitor->files);
	perf_bpf__destroy(monitor->kernel);
	free(monitor);
	return NULL;
}

bool perf_monitor_attributes(const struct monitor *monitor)
{
	return monitor->attribute;
}

const char *perf_monitor_hooks(const struct monitor *monitor)
{
	return monitor->hooks;
}

const struct source *perf_monitor_sources(const struct monitor *monitor)
{
	return monitor->sources;
}

int perf_monitor_bell(const struct monitor *monitor)
{
	return bpf_map__fd(monitor->kernel->maps.bell);
}

int perf_monitor_follow_me(void *monitor)
{
	return run_once(((struct monitor *)monitor)->kernel->progs.follow_me);
}

uint64_t perf_monitor_not_followed(const struct monitor *monitor)
{
	return monitor->kernel->bss->not_followed;
}

/* ---- of processes ------------------------------------------------------------------------- */

/* Only what was written: most of a table is not touched in most epochs. */
static void clear(struct perf_table *table)
{
	for (size_t i = 0; i < PERF_ROWS; i++)
		if (table->rows[i].who.incarnation)
			memset(&table->rows[i], 0, sizeof(table->rows[i]));
	memset(table->folded, 0, sizeof(*table) - offsetof(struct perf_table, folded));
}

static void clear_waits(struct wait_table *table)
{
	for (size_t i = 0; i < WAIT_ROWS; i++)
		if (i == 0 || table->rows[i].command[0])
			memset(&table->rows[i], 0, sizeof(table->rows[i]));
	table->untimed = 0;
}

/* How often the kernel did not run our programs, because one of them ran already. */
static uint64_t count_missed(const struct monitor *monitor)
{
	uint64_t missed = 0;

	for (size_t i = 0; i < monitor->link_count; i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);

		if (bpf_obj_get_info_by_fd(bpf_program__fd(monitor->programs[i]), &info, &size) ==
		    0)
			missed += info.recursion_misses;
	}
	return missed;
}

int perf_monitor_turn(struct monitor *monitor, struct books *books)
{
	uint32_t former = monitor->kernel->bss->epoch, first = former * monitor->cpus;
	uint64_t missed = count_missed(monitor);
	int r = 0;

	perf_books_add_missed(books, missed - monitor->missed);
	monitor->missed = missed;
	settle(monitor);
	if (!monitor->attribute && !monitor->waits)
		return 0;
	__atomic_store_n(&monitor->kernel->bss->epoch, !former, __ATOMIC_SEQ_CST);
	grace_period();
	for (uint32_t i = first; r == 0 && monitor->attribute && i < first + monitor->cpus; i++)
		r = perf_books_add(books, &monitor->tables[i]);
	for (uint32_t i = first; r == 0 && monitor->waits && i < first + monitor->cpus; i++)
		r = perf_books_add_waits(books, &monitor->waits[i]);
	for (uint32_t i = first; r == 0 && monitor->attribute && i < first + monitor->cpus; i++)
		r = perf_books_end(books, &monitor->tables[i]);
	for (uint32_t i = first; i < first + monitor->cpus; i++) {
		if (monitor->attribute)
			clear(&monitor->tables[i]);
		if (monitor->waits)
			clear_waits(&monitor->waits[i]);
	}
	return r;
}

/* ---- of CPUs ------------------------------------------------------------------------------ */

static void read_programs(const struct monitor *monitor, struct sample *sample)
{
	for (uint32_t i = 0; i < monitor->cpus; i++) {
		const struct perf_cpu *cpu = &monitor->states[i];
		const uint64_t counts[] = {
			[METRIC_VOLUNTARY] = __atomic_load_n(&cpu->voluntary, __ATOMIC_RELAXED),
			[METRIC_INVOLUNTARY] = __atomic_load_n(&cpu->involuntary, __ATOMIC_RELAXED),
			[METRIC_IDLE] = __atomic_load_n(&cpu->idle, __ATOMIC_RELAXED),
			[METRIC_UNSEEN] = __atomic_load_n(&cpu->unseen, __ATOMIC_RELAXED),
		};
		uint64_t *into = sample->cpus[i].counts;

		into[METRIC_BUSY] = __atomic_load_n(&cpu->busy, __ATOMIC_RELAXED);
		sample->cpus[i].known[METRIC_BUSY] = true;
		into[METRIC_CALLS] = __atomic_load_n(&cpu->calls, __ATOMIC_RELAXED);
		for (enum metric metric = METRIC_VOLUNTARY; metric <= METRIC_UNSEEN; metric++) {
			into[metric] = counts[metric];
			into[METRIC_SWITCHES] += counts[metric];
		}
		for (enum metric metric = METRIC_CALLS; metric <= METRIC_UNSEEN; metric++)
			if (metric != METRIC_MINOR && metric != METRIC_MAJOR)
				sample->cpus[i].known[metric] = true;
	}
}

int perf_monitor_sample(struct monitor *monitor, struct sample *ret_sample)
{
	struct sample sample = { .cpu_count = monitor->cpus };

	sample.cpus = calloc(monitor->cpus, sizeof(*sample.cpus));
	if (!sample.cpus)
		return -ENOMEM;
	kernel_files_read(monitor->files, &sample);
	counters_read(monitor->counters, &sample);
	read_programs(monitor, &sample);
	sample.time = timestamp_boottime();
	*ret_sample = sample;
	return 0;
}

void perf_monitor_calls(const struct monitor *monitor, uint64_t ret_counts[CALLS])
{
	memset(ret_counts, 0, CALLS * sizeof(*ret_counts));
	for (uint32_t i = 0; i < monitor->cpus; i++)
		for (size_t call = 0; call < CALLS; call++)
			ret_counts[call] += __atomic_load_n(&monitor->states[i].by_call[call],
							    __ATOMIC_RELAXED);
}
