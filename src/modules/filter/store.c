/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/timestamp.h"
#include "core/pins.h"
#include "modules/filter/filter.h"
#include "filter.skel.h"
#include "modules/filter/store.h"

static const struct {
	const char *pin; /* no dots: bpffs keeps those for itself */
	bool write;      /* whether those who may change things map it for writing */
} maps[] = {
	[STORE_STATE] = { "state", true },        [STORE_HINTS] = { "hints", true },
	[STORE_BANS4] = { "bans4", true },        [STORE_BANS_WIDE] = { "bans_wide", true },
	[STORE_COUNTERS] = { "counters", false }, [STORE_LOSSES] = { "losses", false },
	[STORE_PORTS] = { "ports", false },       [STORE_SIGHTINGS] = { "sightings", false },
	[STORE_BAN_INFO] = { "ban_info", true },  [STORE_EVENTS] = { "events", true },
};
_Static_assert(ARRAY_SIZE(maps) == STORE_MAPS, "a row for every map");

void store_directory(const char *parent, char ret_path[PINS_PATH])
{
	snprintf(ret_path, PINS_PATH, "%s/filter-v%d", parent, FILTER_LAYOUT);
}

/* ---- mapping ---------------------------------------------------------------- */

static int look_at_map(const struct store *store, enum store_map id, struct bpf_map_info *ret_info,
		       struct error *error)
{
	uint32_t size = sizeof(*ret_info);

	memset(ret_info, 0, sizeof(*ret_info));
	if (bpf_obj_get_info_by_fd(store->fds[id], ret_info, &size) < 0)
		return error_set(error, -errno, "cannot look at the map '%s': %s", maps[id].pin,
				 strerror(errno));
	return 0;
}

static int map_array(struct store *store, enum store_map id, struct error *error)
{
	bool writable = store->access == STORE_WRITE && maps[id].write;
	struct bpf_map_info info;
	void *memory;
	size_t size;
	int r = look_at_map(store, id, &info, error);

	if (r < 0)
		return r;
	/* The kernel rounds the values of an array up to 8 bytes. */
	size = (size_t)((info.value_size + 7) & ~7u) * info.max_entries;
	memory = mmap(NULL, size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED,
		      store->fds[id], 0);
	if (memory == MAP_FAILED)
		return error_set(error, -errno, "cannot map '%s' into memory: %s", maps[id].pin,
				 strerror(errno));
	store->mappings[id].memory = memory;
	store->mappings[id].size = size;
	return 0;
}

/* All elements of an array, by as few system calls as the kernel lets us. */
static int copy_array(struct store *store, enum store_map id, struct error *error)
{
	CLEANUP_FREE uint32_t *keys = NULL;
	struct bpf_map_info info;
	uint32_t batch = 0, count, done = 0;
	int r = look_at_map(store, id, &info, error);

	if (r < 0)
		return r;
	keys = calloc(info.max_entries, sizeof(*keys));
	if (!store->mappings[id].memory)
		store->mappings[id].memory = calloc(info.max_entries, info.value_size);
	if (!keys || !store->mappings[id].memory)
		return error_set(error, -ENOMEM, "out of memory");
	while (done < info.max_entries) {
		count = info.max_entries - done;
		r = bpf_map_lookup_batch(store->fds[id], done ? &batch : NULL, &batch, keys + done,
					 (char *)store->mappings[id].memory +
						 (size_t)done * info.value_size,
					 &count, NULL);
		done += count;
		if (r == -ENOENT)
			break;
		if (r < 0)
			return error_set(error, r, "cannot read the map '%s': %s", maps[id].pin,
					 strerror(-r));
	}
	return 0;
}

/* Hints are for packets and for those who add entries; a copy of them is of no use. */
static int copy_all(struct store *store, struct error *error)
{
	int r = 0;

	for (enum store_map id = 0; r == 0 && id < STORE_MAPPED; id++)
		if (id != STORE_HINTS)
			r = copy_array(store, id, error);
	return r;
}

int store_refresh(struct store *store, struct error *error)
{
	return store->access == STORE_COPY ? copy_all(store, error) : 0;
}

/* Maps what is mapped and makes the pointers; all map descriptors are open. */
static int map_all(struct store *store, struct error *error)
{
	struct filter_globals *globals;
	int r = store_refresh(store, error);

	for (enum store_map id = 0; r == 0 && id < STORE_MAPPED && store->access != STORE_COPY;
	     id++)
		r = map_array(store, id, error);
	if (r < 0)
		return r;
	globals = store->mappings[STORE_STATE].memory;
	store->tables = (struct tables){
		.state = &globals->state,
		.policies = globals->policies,
		.hints = store->mappings[STORE_HINTS].memory,
		.bans4 = store->mappings[STORE_BANS4].memory,
		.bans_wide = store->mappings[STORE_BANS_WIDE].memory,
	};
	store->counters = store->mappings[STORE_COUNTERS].memory;
	store->losses = store->mappings[STORE_LOSSES].memory;
	store->ports = store->mappings[STORE_PORTS].memory;
	store->sightings = store->mappings[STORE_SIGHTINGS].memory;
	return 0;
}

static void read_ticks(struct store *store)
{
	const struct filter_state *state = store->tables.state;

	store->ticks = (struct ticks){
		.hz = state->jiffies_hz,
		.shift = state->tick_shift,
		.anchor_jiffies = state->anchor_jiffies,
		.anchor_boottime = state->anchor_boottime,
	};
}

/* ---- making ----------------------------------------------------------------- */

static int read_clock(void *context, uint64_t *ret_jiffies, uint64_t *ret_boottime)
{
	const int *fd = context;
	struct filter_clock clock = { 0 };
	/* The answer comes back in what went in; the kernel refuses a ctx_out here. */
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &clock, .ctx_size_in = sizeof(clock));
	int r = bpf_prog_test_run_opts(*fd, &options);

	if (r < 0)
		return r;
	*ret_jiffies = clock.jiffies;
	*ret_boottime = clock.boottime;
	return 0;
}

/* The maps of the object, by the names of their pins; global variables are in ".bss". */
static struct bpf_map *find_map(struct filter_bpf *skeleton, enum store_map id)
{
	if (id == STORE_STATE)
		return skeleton->maps.bss;
	return bpf_object__find_map_by_name(skeleton->obj, maps[id].pin);
}

/* A program of its own, because the filter's constants depend on what it measures. */
static int calibrate(struct ticks *ret_ticks, struct error *error)
{
	struct filter_bpf *skeleton = filter_bpf__open();
	int r, fd;

	if (!skeleton)
		return error_set(error, -errno, "cannot open the filter program: %s",
				 strerror(errno));
	bpf_program__set_autoload(skeleton->progs.filter, false);
	/* The state stays: libbpf 1.1 insists on mapping every map of global variables. */
	for (enum store_map id = STORE_STATE + 1; id < STORE_MAPS; id++)
		bpf_map__set_autocreate(find_map(skeleton, id), false);
	r = filter_bpf__load(skeleton);
	if (r < 0) {
		error_set(error, r, "the kernel refuses BPF programs: %s%s", strerror(-r),
			  r == -EPERM ? "; be root, or have CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"
				      : "");
	} else {
		fd = bpf_program__fd(skeleton->progs.read_clock);
		r = ticks_calibrate(read_clock, &fd, ret_ticks, error);
	}
	filter_bpf__destroy(skeleton);
	return r;
}

static bool kernel_has_function(const char *name)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool found = btf && btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;

	btf__free(btf);
	return found;
}

static uint64_t secret_odd_number(void)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number = timestamp_now() * 0x9e3779b97f4a7c15ULL;
	return number | 1;
}

static int load(struct filter_bpf *skeleton, const struct filter_state *state, struct error *error)
{
	int r;

	skeleton->rodata->seed = state->seed;
	skeleton->rodata->tick_shift = state->tick_shift;
	skeleton->rodata->cpus = state->cpus;
	skeleton->rodata->port_banks = state->port_banks;
	skeleton->rodata->context_cast = kernel_has_function("bpf_cast_to_kern_ctx");
	bpf_map__set_max_entries(skeleton->maps.counters, state->cpus * COUNTERS_PER_CPU);
	bpf_map__set_max_entries(skeleton->maps.losses, state->cpus);
	bpf_map__set_max_entries(skeleton->maps.ports, state->port_banks * PORT_PAGES_PER_BANK);
	bpf_map__set_max_entries(skeleton->maps.sightings, state->cpus * SIGHTINGS_PER_CPU);
	bpf_program__set_autoload(skeleton->progs.read_clock, false);
	r = filter_bpf__load(skeleton);
	if (r == -ENOMEM)
		return error_set(error, r, "the kernel has no memory for the filter's tables");
	if (r < 0)
		return error_set(error, r,
				 "the kernel refuses the filter program: %s; -vv shows why",
				 strerror(-r));
	return 0;
}

static int keep_descriptors(struct store *store, struct filter_bpf *skeleton)
{
	store->program_fd = fcntl(bpf_program__fd(skeleton->progs.filter), F_DUPFD_CLOEXEC, 3);
	if (store->program_fd < 0)
		return -errno;
	for (enum store_map id = 0; id < STORE_MAPS; id++) {
		store->fds[id] = fcntl(bpf_map__fd(find_map(skeleton, id)), F_DUPFD_CLOEXEC, 3);
		if (store->fds[id] < 0)
			return -errno;
	}
	return 0;
}

int store_create(struct store *ret_store, struct error *error)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	struct filter_state state = { .seed = secret_odd_number() };
	struct filter_bpf *skeleton;
	struct ticks ticks;
	int r;

	r = calibrate(&ticks, error);
	if (r < 0)
		return r;
	state.cpus = (uint32_t)libbpf_num_possible_cpus();
	state.port_banks = state.cpus < PORT_BANKS_MAX ? state.cpus : PORT_BANKS_MAX;
	state.tick_shift = ticks.shift;
	state.jiffies_hz = ticks.hz;
	state.anchor_jiffies = ticks.anchor_jiffies;
	state.anchor_boottime = ticks.anchor_boottime;
	state.tick_offset = ticks_suspended(&ticks);

	skeleton = filter_bpf__open();
	if (!skeleton)
		return error_set(error, -errno, "cannot open the filter program: %s",
				 strerror(errno));
	r = load(skeleton, &state, error);
	if (r == 0)
		r = keep_descriptors(&store, skeleton);
	filter_bpf__destroy(skeleton);
	if (r < 0)
		return r;

	store.access = STORE_WRITE;
	r = map_all(&store, error);
	if (r < 0)
		return r;
	*store.tables.state = state;
	read_ticks(&store);
	*ret_store = store;
	store = STORE_NONE;
	return 0;
}

/* ---- pinning and opening ------------------------------------------------------ */

static int pin_all(const struct store *store, const char *directory, struct error *error)
{
	char path[PINS_PATH];
	int r = pins_make_directory(directory, error);

	if (r == 0)
		r = pins_add(store->program_fd, directory, "program", false, error);
	for (enum store_map id = 0; r == 0 && id < STORE_MAPS; id++)
		r = pins_add(store->fds[id], directory, maps[id].pin, id == STORE_EVENTS, error);
	for (size_t i = 0; r == 0 && i < 2; i++) {
		r = pins_path(path, directory, i ? "links" : "reader");
		if (r == 0)
			r = pins_make_directory(path, error);
	}
	return r;
}

int store_pin(struct store *store, const char *parent, struct error *error)
{
	char fresh[PINS_PATH], directory[PINS_PATH];
	int r;

	store_directory(parent, directory);
	r = pins_path(fresh, parent, "new");
	if (r < 0)
		return r;
	pins_remove(fresh); /* of a command that died at this point */
	r = pin_all(store, fresh, error);
	if (r == 0 && rename(fresh, directory) < 0)
		r = error_set(error, -errno, "cannot rename '%s': %s", fresh, strerror(errno));
	if (r < 0) {
		pins_remove(fresh);
		return r;
	}
	strcpy(store->directory, directory);
	return 0;
}

static int open_maps(struct store *store, struct error *error)
{
	for (enum store_map id = 0; id < STORE_MAPS; id++) {
		/* Whoever consumes a ring writes its position into it. */
		bool write = store->access != STORE_COPY || id == STORE_EVENTS;
		int fd = pins_open(store->directory, maps[id].pin, write);

		if (fd == -EACCES && store->access == STORE_READ) {
			store->access = STORE_COPY;
			fd = pins_open(store->directory, maps[id].pin, false);
		}
		if (fd == -ENOENT)
			return -ENOENT;
		if (fd < 0 && !(id == STORE_EVENTS && store->access == STORE_COPY))
			return error_set(error, fd, "cannot open the filter's '%s': %s%s",
					 maps[id].pin, strerror(-fd),
					 store->access == STORE_WRITE ? "; be root" : "");
		store->fds[id] = fd < 0 ? -1 : fd;
	}
	return 0;
}

int store_open(const char *parent, enum store_access access, struct store *ret_store,
	       struct error *error)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	int r;

	store.access = access;
	store_directory(parent, store.directory);
	r = open_maps(&store, error);
	if (r < 0)
		return r;
	if (access == STORE_WRITE) {
		store.program_fd = pins_open(store.directory, "program", true);
		if (store.program_fd < 0)
			return error_set(error, store.program_fd,
					 "cannot open the filter's program: %s; be root",
					 strerror(-store.program_fd));
	}
	r = map_all(&store, error);
	if (r < 0)
		return r;
	read_ticks(&store);
	if (access == STORE_WRITE)
		store_follow_clock(&store);
	*ret_store = store;
	store = STORE_NONE;
	return 0;
}

static void unmap(struct store *store, enum store_map id)
{
	if (store->access == STORE_COPY)
		free(store->mappings[id].memory);
	else if (store->mappings[id].memory)
		munmap(store->mappings[id].memory, store->mappings[id].size);
}

void store_close(struct store *store)
{
	for (enum store_map id = 0; id < STORE_MAPPED; id++)
		unmap(store, id);
	for (size_t i = 0; i < STORE_MAPS; i++)
		if (store->fds[i] >= 0)
			close(store->fds[i]);
	if (store->program_fd >= 0)
		close(store->program_fd);
	*store = STORE_NONE;
}

/* ---- time --------------------------------------------------------------------- */

uint32_t store_now(const struct store *store)
{
	return ticks_at(&store->ticks, timestamp_boottime());
}

void store_follow_clock(struct store *store)
{
	uint64_t offset = ticks_suspended(&store->ticks);

	if (store->tables.state->tick_offset != offset)
		__atomic_store_n(&store->tables.state->tick_offset, offset, __ATOMIC_RELAXED);
}

uint64_t store_tick_time(const struct store *store, uint32_t tick)
{
	uint64_t boottime = ticks_boottime(&store->ticks, tick);

	return timestamp_now() - timestamp_boottime() + boottime;
}

int store_ban_end(const struct store *store, uint64_t duration, uint32_t *ret_tick,
		  struct error *error)
{
	uint64_t tick = (NSEC_PER_SEC / store->ticks.hz) << store->ticks.shift;
	uint64_t most = (BAN_FOREVER - store_now(store) - 2) * tick;
	char text[DURATION_TEXT];

	if (duration > most)
		return error_set(error, -EINVAL,
				 "a ban ends after at most %s; without --for it never does",
				 duration_format_short(most, text));
	*ret_tick = ticks_not_before(&store->ticks, timestamp_boottime() + duration);
	return 0;
}

/* ---- policy --------------------------------------------------------------------- */

struct filter_policy *store_policy(const struct store *store)
{
	uint32_t slot = __atomic_load_n(&store->tables.state->active, __ATOMIC_ACQUIRE);

	return &store->tables.policies[slot % FILTER_POLICY_SLOTS];
}

struct filter_policy *store_spare_policy(const struct store *store)
{
	uint32_t slot = store->tables.state->active + 1;
	struct filter_policy *policy = &store->tables.policies[slot % FILTER_POLICY_SLOTS];

	memset(policy, 0, sizeof(*policy));
	return policy;
}

void store_put_in_force(struct store *store, struct filter_policy *policy)
{
	policy->generation = store_policy(store)->generation + 1;
	policy->applied = timestamp_now();
	__atomic_store_n(&store->tables.state->active, (uint32_t)(policy - store->tables.policies),
			 __ATOMIC_SEQ_CST);
	/* An RCU grace period: packet programs run inside RCU read sections. */
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}
