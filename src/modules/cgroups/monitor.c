/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "cgroups.skel.h"
#include "core/cgroup2.h"
#include "core/grace.h"
#include "core/kernelfs.h"
#include "core/privilege.h"
#include "modules/cgroups/cpu_time.h"
#include "modules/cgroups/monitor.h"

enum { LINKS = 9, HOOKS_TEXT = 320, LADDER_EVENTS = 5 };

struct monitor {
	struct cgroups_bpf *kernel;
	const struct bpf_program *programs[LINKS]; /* that are attached, each by its link */
	struct bpf_link *links[LINKS];
	size_t link_count;
	int root;      /* of cgroup2 */
	uint32_t cpus; /* that there can be */
	struct cgroup_table *tables;
	size_t tables_size;
	char hooks[HOOKS_TEXT];
};

/* ---- loading ------------------------------------------------------------------------------ */

/* Also where it is not mounted, as under `ip netns exec`. */
static int open_root(struct error *error)
{
	char path[PINS_PATH];
	int fd;

	if (cgroup2_mount(path) == 0) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return fd >= 0 ? fd
			       : error_set(error, -errno, "cannot open %s: %s", path,
					   strerror(errno));
	}
	fd = kernelfs_open("cgroup2");
	return fd >= 0 ? fd
		       : error_set(error, -EOPNOTSUPP,
				   "cgroup2 is not mounted: 'mount -t cgroup2 cgroup2 "
				   "/sys/fs/cgroup', or /sys/fs/cgroup/unified beside version 1");
}

/* The two programs of a tracepoint, of which one is loaded. */
struct pair {
	struct bpf_program *btf, *raw;
	enum thing thing;
};

static struct bpf_program *choose(const struct pair *pair, enum hook hook)
{
	bpf_program__set_autoload(pair->btf, hook == HOOK_TP_BTF);
	bpf_program__set_autoload(pair->raw, hook == HOOK_RAW_TP);
	return hook == HOOK_TP_BTF ? pair->btf : pair->raw;
}

/* The first rung that works and has a program; or only `wanted`. */
static int take_rung(enum thing thing, enum hook wanted, enum hook *ret_hook, struct error *error)
{
	const struct ladder *ladder = &ladders[thing];
	struct rung_result results[RUNGS_MAX];
	const struct error *why = &results[0].reason;

	ladder_try(thing, LADDER_EVENTS, results);
	for (size_t i = 0; i < ladder->rung_count; i++) {
		enum hook hook = ladder->rungs[i].hook;

		if ((hook != HOOK_TP_BTF && hook != HOOK_RAW_TP) ||
		    (wanted != HOOKS && wanted != hook))
			continue;
		if (results[i].state != RUNG_NO) {
			*ret_hook = hook;
			return 0;
		}
		why = &results[i].reason;
	}
	return privilege_explain(PRIVILEGE_OBSERVE,
				 error_set(error, -EOPNOTSUPP,
					   "%s cannot be looked at here: %s; "
					   "'sumun doctor' tells more",
					   ladder->name, why->text),
				 error);
}

static int attach(struct monitor *monitor, struct bpf_program *program, struct error *error)
{
	const char *section = bpf_program__section_name(program);
	bool packets = bpf_program__type(program) == BPF_PROG_TYPE_CGROUP_SKB;
	struct bpf_link *link = packets ? bpf_program__attach_cgroup(program, monitor->root)
					: bpf_program__attach(program);
	size_t used = strlen(monitor->hooks);

	if (!link)
		return privilege_explain(packets ? PRIVILEGE_LOAD : PRIVILEGE_OBSERVE,
					 error_set(error, -errno, "cannot attach to %s: %s",
						   section, strerror(errno)),
					 error);
	monitor->programs[monitor->link_count] = program;
	monitor->links[monitor->link_count++] = link;
	snprintf(monitor->hooks + used, HOOKS_TEXT - used, "%s%s", used ? ", " : "", section);
	return 0;
}

/* What there is of every tracepoint; the names of cgroups come first. */
static int choose_all(const struct cgroups_bpf *kernel, const struct monitor_options *options,
		      struct bpf_program *programs[LINKS + 1], struct error *error)
{
	const struct pair pairs[] = {
		{ kernel->progs.call_btf, kernel->progs.call_raw, THING_SYSCALL_ENTER },
		{ kernel->progs.fault_btf, kernel->progs.fault_raw, THING_FAULT },
		{ kernel->progs.switch_btf, kernel->progs.switch_raw, THING_SWITCH },
		{ kernel->progs.connection_btf, kernel->progs.connection_raw, THING_CONNECTION },
	}, names = { kernel->progs.made_btf, kernel->progs.made_raw, THINGS },
	  interfaces[] = {
		  { kernel->progs.took_btf, kernel->progs.took_raw, THINGS },
		  { kernel->progs.sent_btf, kernel->progs.sent_raw, THINGS },
	  };
	size_t count = 1;
	enum hook hook;

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		int r = take_rung(pairs[i].thing, options->hook, &hook, error);

		if (r < 0)
			return r;
		programs[count++] = choose(&pairs[i], hook);
	}
	/* What the last could, these can. */
	programs[0] = choose(&names, hook);
	for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++)
		programs[count + i] = choose(&interfaces[i], options->interfaces ? hook : HOOKS);
	count += options->interfaces ? ARRAY_SIZE(interfaces) : 0;
	programs[count++] = kernel->progs.count_in;
	programs[count++] = kernel->progs.count_out;
	programs[count] = NULL;
	return 0;
}

static int load(struct monitor *monitor, const struct monitor_options *options, struct error *error)
{
	struct cgroups_bpf *kernel = monitor->kernel;
	struct bpf_program *programs[LINKS + 1] = { NULL };
	int r = choose_all(kernel, options, programs, error);

	if (r < 0)
		return r;
	kernel->rodata->cpus = monitor->cpus;
	bpf_map__set_max_entries(kernel->maps.tables, 2 * monitor->cpus);
	r = cgroups_bpf__load(kernel);
	if (r < 0)
		return privilege_explain(
			PRIVILEGE_LOAD,
			error_set(error, r, "cannot load the cgroup monitor: %s", strerror(-r)),
			error);
	for (size_t i = 0; r == 0 && programs[i]; i++)
		r = attach(monitor, programs[i], error);
	return r;
}

static int map_tables(struct monitor *monitor, struct error *error)
{
	const struct bpf_map *map = monitor->kernel->maps.tables;

	monitor->tables_size = (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map);
	monitor->tables = mmap(NULL, monitor->tables_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			       bpf_map__fd(map), 0);
	if (monitor->tables != MAP_FAILED)
		return 0;
	monitor->tables = NULL;
	return error_set(error, -errno, "cannot map the tables of the monitor: %s",
			 strerror(errno));
}

static int start(struct monitor *monitor, const struct monitor_options *options,
		 struct error *error)
{
	int cpus = libbpf_num_possible_cpus(), r;

	if (cpus < 0)
		return error_set(error, cpus, "cannot count the CPUs: %s", strerror(-cpus));
	monitor->cpus = (uint32_t)cpus;
	monitor->root = open_root(error);
	if (monitor->root < 0)
		return monitor->root;
	monitor->kernel = cgroups_bpf__open();
	if (!monitor->kernel)
		return error_set(error, -errno, "cannot open the cgroup monitor: %s",
				 strerror(errno));
	r = load(monitor, options, error);
	return r < 0 ? r : map_tables(monitor, error);
}

struct monitor *group_monitor_new(const struct monitor_options *options, struct error *error,
				  int *ret_error)
{
	struct monitor *monitor = calloc(1, sizeof(*monitor));

	*ret_error = -ENOMEM;
	if (!monitor)
		return NULL;
	monitor->root = -1;
	*ret_error = start(monitor, options, error);
	return *ret_error < 0 ? group_monitor_free(monitor) : monitor;
}

struct monitor *group_monitor_free(struct monitor *monitor)
{
	if (!monitor)
		return NULL;
	while (monitor->link_count)
		bpf_link__destroy(monitor->links[--monitor->link_count]);
	if (monitor->tables)
		munmap(monitor->tables, monitor->tables_size);
	cgroups_bpf__destroy(monitor->kernel);
	cleanup_close(&monitor->root);
	free(monitor);
	return NULL;
}

const char *group_monitor_hooks(const struct monitor *monitor)
{
	return monitor->hooks;
}

/* ---- what it counted ---------------------------------------------------------------------- */

int group_monitor_ring(const struct monitor *monitor)
{
	return bpf_map__fd(monitor->kernel->maps.events);
}

int group_monitor_take(const struct event_header *event, struct books *books)
{
	const struct cgroup_made *made = (const struct cgroup_made *)event;

	if (event->kind == CGROUP_EVENT_FULL)
		return 1;
	return made->path[0] ? group_books_name(books, made->id, made->path) : 0;
}

/* Only what was written: most of a table is not touched in most epochs. */
static void clear(struct cgroup_table *table)
{
	for (size_t i = 0; i < CGROUP_ROWS; i++)
		if (table->rows[i].id)
			memset(&table->rows[i], 0, sizeof(table->rows[i]));
	memset(&table->folded, 0, sizeof(*table) - offsetof(struct cgroup_table, folded));
}

int group_monitor_turn(struct monitor *monitor, struct books *books)
{
	uint32_t former = monitor->kernel->bss->epoch, first = former * monitor->cpus;
	int r = 0;

	__atomic_store_n(&monitor->kernel->bss->epoch, !former, __ATOMIC_SEQ_CST);
	grace_period();
	for (uint32_t i = first; i < first + monitor->cpus; i++) {
		if (r == 0)
			r = group_books_add(books, &monitor->tables[i]);
		clear(&monitor->tables[i]);
	}
	return r < 0 ? r : cpu_time_walk(monitor->root, books);
}

uint64_t group_monitor_unnamed(const struct monitor *monitor)
{
	return monitor->kernel->bss->unnamed;
}

/* How often the kernel did not run our programs, because one of them ran already. */
uint64_t group_monitor_missed(const struct monitor *monitor)
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
