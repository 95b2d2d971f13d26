/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/text.h"
#include "core/grace.h"
#include "core/ladder.h"
#include "core/privilege.h"
#include "modules/syscalls/monitor.h"
#include "syscalls.skel.h"

enum { LADDER_EVENTS = 5, LINKS = 4, MEMORY_MOST = 64 << 20 };

struct monitor {
	struct syscalls_bpf *kernel;
	const struct bpf_program *programs[LINKS]; /* that are attached, each by its link */
	struct bpf_link *links[LINKS];
	size_t link_count;
	uint32_t cpus; /* that there can be */
	uint32_t rows; /* of a table */
	void *tables;
	size_t tables_size;
	struct call_latency *latencies; /* NULL: not measured */
	size_t latencies_size;
	struct call_folds *folds; /* by epoch */
	size_t folds_size;
	struct flight_bucket *flights; /* NULL: not measured */
	size_t flights_size;
	uint64_t missed; /* as the kernel told last */
	char hooks[2 * RUNG_TEXT + 2];
};

/* ---- the size of tables ------------------------------------------------------------------- */

static size_t table_size(uint32_t rows)
{
	return sizeof(struct call_table) + rows * sizeof(struct call_row) +
	       rows / CALL_ROWS_EACH * sizeof(struct process_row);
}

static size_t latencies_size(uint32_t rows)
{
	return rows * sizeof(struct call_latency);
}

uint32_t monitor_rows(uint32_t cpus, bool latency)
{
	uint32_t rows = CALL_ROWS_MOST;

	while (rows > CALL_ROWS_LEAST &&
	       2ULL * cpus * (table_size(rows) + (latency ? latencies_size(rows) : 0)) >
		       MEMORY_MOST)
		rows /= 2;
	return rows;
}

/* ---- loading ------------------------------------------------------------------------------ */

/* Which of three programs does for a rung: only that one is loaded. */
static struct bpf_program *choose(struct bpf_program *const programs[3], enum hook hook)
{
	static const enum hook hooks[] = { HOOK_TP_BTF, HOOK_RAW_TP, HOOK_TRACEPOINT };
	struct bpf_program *chosen = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		bpf_program__set_autoload(programs[i], hooks[i] == hook);
		if (hooks[i] == hook)
			chosen = programs[i];
	}
	return chosen;
}

/* The first that works and is not to be avoided; -1: none. */
static int find_rung(enum thing thing, unsigned avoided, struct rung_result results[RUNGS_MAX])
{
	int taken = ladder_try(thing, LADDER_EVENTS, results);

	for (int i = taken; i >= 0 && i < (int)ladders[thing].rung_count; i++)
		if (results[i].state != RUNG_NO && !(avoided >> ladders[thing].rungs[i].hook & 1))
			return i;
	return -1;
}

/* The hook to take for a thing; notes its name. */
static int take_rung(struct monitor *monitor, enum thing thing, unsigned avoided,
		     enum hook *ret_hook, struct error *error)
{
	struct rung_result results[RUNGS_MAX];
	int taken = find_rung(thing, avoided, results);
	size_t used = strlen(monitor->hooks);
	char name[RUNG_TEXT];

	if (taken < 0)
		return privilege_explain(PRIVILEGE_OBSERVE,
					 error_set(error, -EOPNOTSUPP,
						   "system calls cannot be looked at here: %s; "
						   "'sumun doctor' tells more",
						   results[0].reason.text),
					 error);
	snprintf(monitor->hooks + used, sizeof(monitor->hooks) - used, "%s%s", used ? ", " : "",
		 rung_name(&ladders[thing].rungs[taken], name));
	*ret_hook = ladders[thing].rungs[taken].hook;
	return 0;
}

static void tell(const struct monitor *monitor, const struct monitor_options *options)
{
	struct syscalls_bpf *kernel = monitor->kernel;

	kernel->rodata->cpus = monitor->cpus;
	kernel->rodata->row_limit = monitor->rows;
	memcpy((void *)&kernel->rodata->selection, &options->selection, sizeof(options->selection));
	kernel->rodata->count_errors = options->errors || options->failed;
	kernel->rodata->take_latency = options->latency;
	kernel->rodata->only_errors = options->failed;
	kernel->rodata->select_calls = options->select_calls;
	memcpy((void *)kernel->rodata->selected_calls, options->calls, sizeof(options->calls));
}

/* What nothing asked for is not made: the verifier removes what would use it. */
static void size_maps(const struct monitor *monitor, const struct monitor_options *options)
{
	struct syscalls_bpf *kernel = monitor->kernel;

	bpf_map__set_max_entries(kernel->maps.tables, 2 * monitor->cpus);
	bpf_map__set_value_size(kernel->maps.tables, (uint32_t)table_size(monitor->rows));
	bpf_map__set_max_entries(kernel->maps.latencies, 2 * monitor->cpus);
	bpf_map__set_value_size(kernel->maps.latencies, (uint32_t)latencies_size(monitor->rows));
	bpf_map__set_autocreate(kernel->maps.latencies, options->latency);
	bpf_map__set_autocreate(kernel->maps.flights, options->latency);
	bpf_map__set_autocreate(kernel->maps.followed, options->selection.follow);
	bpf_program__set_autoload(kernel->progs.follow_me, options->selection.follow);
	bpf_program__set_autoload(kernel->progs.follow, options->selection.follow);
}

static int attach(struct monitor *monitor, struct bpf_program *program, struct error *error)
{
	struct bpf_link *link = bpf_program__attach(program);

	if (!link)
		return privilege_explain(PRIVILEGE_OBSERVE,
					 error_set(error, -errno, "cannot attach %s: %s",
						   bpf_program__name(program), strerror(errno)),
					 error);
	monitor->programs[monitor->link_count] = program;
	monitor->links[monitor->link_count++] = link;
	return 0;
}

static int run_once(struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	int r = bpf_prog_test_run_opts(bpf_program__fd(program), &options);

	return r < 0 ? r : (int)options.retval;
}

static int load(struct monitor *monitor, const struct monitor_options *options, struct error *error)
{
	struct syscalls_bpf *kernel = monitor->kernel;
	struct bpf_program *const enters[] = { kernel->progs.enter_btf, kernel->progs.enter_raw,
					       kernel->progs.enter_classic };
	struct bpf_program *const leaves[] = { kernel->progs.leave_btf, kernel->progs.leave_raw,
					       kernel->progs.leave_classic };
	bool enters_wanted = !options->failed,
	     leaves_wanted = kernel->rodata->count_errors || options->latency;
	struct bpf_program *enter = NULL, *leave = NULL;
	enum hook hook = HOOKS;
	int r = 0;

	if (enters_wanted)
		r = take_rung(monitor, THING_SYSCALL_ENTER, options->avoided, &hook, error);
	enter = choose(enters, enters_wanted ? hook : HOOKS);
	if (r == 0 && leaves_wanted)
		r = take_rung(monitor, THING_SYSCALL_EXIT, options->avoided, &hook, error);
	leave = choose(leaves, leaves_wanted ? hook : HOOKS);
	if (r < 0)
		return r;
	r = syscalls_bpf__load(kernel);
	if (r < 0)
		return privilege_explain(PRIVILEGE_OBSERVE,
					 error_set(error, r,
						   "cannot load the system call monitor: %s",
						   strerror(-r)),
					 error);
	if (!options->self)
		r = run_once(kernel->progs.leave_me_out);
	if (r < 0)
		return error_set(error, r, "cannot tell the kernel which process this is: %s",
				 strerror(-r));
	/* Those that end and begin first, so that none is overlooked. */
	r = attach(monitor, kernel->progs.end, error);
	if (r == 0 && options->selection.follow)
		r = attach(monitor, kernel->progs.follow, error);
	if (r == 0 && leave)
		r = attach(monitor, leave, error);
	if (r == 0 && enter)
		r = attach(monitor, enter, error);
	return r;
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
	struct syscalls_bpf *kernel = monitor->kernel;

	monitor->tables = map_memory(kernel->maps.tables, &monitor->tables_size);
	monitor->folds = map_memory(kernel->maps.folds, &monitor->folds_size);
	if (options->latency) {
		monitor->latencies = map_memory(kernel->maps.latencies, &monitor->latencies_size);
		monitor->flights = map_memory(kernel->maps.flights, &monitor->flights_size);
	}
	if (!monitor->tables || !monitor->folds ||
	    (options->latency && !(monitor->latencies && monitor->flights)))
		return error_set(error, -errno, "cannot map the tables of the monitor: %s",
				 strerror(errno));
	return 0;
}

static inline void cleanup_monitor(struct monitor **monitor)
{
	monitor_free(*monitor);
}

struct monitor *monitor_new(const struct monitor_options *options, struct error *error)
{
	__attribute__((cleanup(cleanup_monitor))) struct monitor *monitor =
		calloc(1, sizeof(*monitor));
	int cpus = libbpf_num_possible_cpus();

	if (monitor)
		monitor->kernel = syscalls_bpf__open();
	if (!monitor || !monitor->kernel || cpus < 0) {
		error_set(error, -errno, "cannot open the system call monitor: %s",
			  strerror(errno));
		return NULL;
	}
	monitor->cpus = (uint32_t)cpus;
	monitor->rows =
		options->rows ? options->rows : monitor_rows((uint32_t)cpus, options->latency);
	tell(monitor, options);
	size_maps(monitor, options);
	if (load(monitor, options, error) < 0 || map_tables(monitor, options, error) < 0)
		return NULL;
	return TAKE_PTR(monitor);
}

struct monitor *monitor_free(struct monitor *monitor)
{
	if (!monitor)
		return NULL;
	while (monitor->link_count)
		bpf_link__destroy(monitor->links[--monitor->link_count]);
	if (monitor->tables)
		munmap(monitor->tables, monitor->tables_size);
	if (monitor->latencies)
		munmap(monitor->latencies, monitor->latencies_size);
	if (monitor->folds)
		munmap(monitor->folds, monitor->folds_size);
	if (monitor->flights)
		munmap(monitor->flights, monitor->flights_size);
	syscalls_bpf__destroy(monitor->kernel);
	free(monitor);
	return NULL;
}

const char *monitor_hooks(const struct monitor *monitor)
{
	return monitor->hooks;
}

/* ---- what it counted ---------------------------------------------------------------------- */

int monitor_bell(const struct monitor *monitor)
{
	return bpf_map__fd(monitor->kernel->maps.bell);
}

static struct call_tables tables_at(const struct monitor *monitor, uint32_t number)
{
	char *base = (char *)monitor->tables + number * table_size(monitor->rows);
	struct call_table *table = (struct call_table *)base;

	return (struct call_tables){
		.table = table,
		.processes = (struct process_row *)&table->rows[monitor->rows],
		.latencies =
			monitor->latencies ? &monitor->latencies[number * monitor->rows] : NULL,
		.row_count = monitor->rows,
		.process_count = monitor->rows / CALL_ROWS_EACH,
	};
}

/* Only what was written: most of a table is not touched in most epochs. */
static void clear(const struct call_tables *tables)
{
	struct call_table *table = tables->table;

	for (size_t i = 0; i < tables->row_count; i++)
		if (table->rows[i].incarnation) {
			memset(&table->rows[i], 0, sizeof(table->rows[i]));
			if (tables->latencies)
				memset(&tables->latencies[i], 0, sizeof(tables->latencies[i]));
		}
	for (size_t i = 0; i < tables->process_count; i++)
		if (tables->processes[i].incarnation)
			memset(&tables->processes[i], 0, sizeof(tables->processes[i]));
	memset(table, 0, sizeof(*table));
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

int monitor_turn(struct monitor *monitor, struct books *books)
{
	uint32_t former = monitor->kernel->bss->epoch, first = former * monitor->cpus;
	uint64_t missed = count_missed(monitor);
	struct call_tables tables;
	int r = 0;

	__atomic_store_n(&monitor->kernel->bss->epoch, !former, __ATOMIC_SEQ_CST);
	grace_period();
	for (uint32_t i = first; r == 0 && i < first + monitor->cpus; i++) {
		tables = tables_at(monitor, i);
		r = books_add(books, &tables);
	}
	if (r == 0)
		r = books_add_folds(books, &monitor->folds[former]);
	for (uint32_t i = first; r == 0 && i < first + monitor->cpus; i++) {
		tables = tables_at(monitor, i);
		r = books_end(books, &tables);
	}
	for (uint32_t i = first; i < first + monitor->cpus; i++) {
		tables = tables_at(monitor, i);
		clear(&tables);
	}
	memset(&monitor->folds[former], 0, sizeof(monitor->folds[former]));
	books_add_missed(books, missed - monitor->missed);
	monitor->missed = missed;
	return r;
}

int monitor_follow_me(void *monitor)
{
	return run_once(((struct monitor *)monitor)->kernel->progs.follow_me);
}

uint64_t monitor_not_followed(const struct monitor *monitor)
{
	return monitor->kernel->bss->not_followed;
}

void monitor_flights(const struct monitor *monitor, uint64_t least,
		     void (*found)(void *context, const struct flight *flight, uint64_t lasted),
		     void *context)
{
	struct timespec time;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &time);
	now = (uint64_t)time.tv_sec * NSEC_PER_SEC + (uint64_t)time.tv_nsec;
	for (size_t i = 0; monitor->flights && i < FLIGHT_BUCKETS * FLIGHT_SLOTS; i++) {
		const struct flight *flight =
			&monitor->flights[i / FLIGHT_SLOTS].slots[i % FLIGHT_SLOTS];
		uint64_t begun = __atomic_load_n(&flight->begun, __ATOMIC_RELAXED);

		if (begun && begun + least < now)
			found(context, flight, now - begun);
	}
}
