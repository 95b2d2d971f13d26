/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of store.h that loads programs: making a store, and making it larger. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/timestamp.h"
#include "core/pins.h"
#include "core/privilege.h"
#include "modules/filter/prefixes.h"
#include "filter.skel.h"
#include "filter_plain.skel.h"
#include "modules/filter/store.h"

/* Room for a few thousand prefixes; more of them grow it. 1 MiB, and only while there are lists. */
enum { PAGES_AT_FIRST = 8 };

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
	return bpf_object__find_map_by_name(skeleton->obj, store_map_pin(id));
}

/* Whether this kernel has bpf_cast_to_kern_ctx(). */
static bool can_cast_context(void)
{
	static int known = -1;

	if (known < 0) {
		struct btf *btf = btf__load_vmlinux_btf();

		known = btf &&
			btf__find_by_name_kind(btf, "bpf_cast_to_kern_ctx", BTF_KIND_FUNC) > 0;
		btf__free(btf);
	}
	return known;
}

/*
 * What a skeleton opens, but over the object that this kernel can do with: they differ in
 * that function alone.
 */
static struct filter_bpf *open_skeleton(void)
{
	struct filter_bpf *skeleton = calloc(1, sizeof(*skeleton));
	int r;

	if (!skeleton)
		return NULL;
	r = filter_bpf__create_skeleton(skeleton);
	if (r == 0 && !can_cast_context())
		skeleton->skeleton->data =
			filter_plain_bpf__elf_bytes(&skeleton->skeleton->data_sz);
	if (r == 0)
		r = bpf_object__open_skeleton(skeleton->skeleton, NULL);
	if (r == 0)
		return skeleton;
	filter_bpf__destroy(skeleton);
	errno = -r;
	return NULL;
}

/* A program of its own, because the filter's constants depend on what it measures. */
static int calibrate(struct ticks *ret_ticks, struct error *error)
{
	struct filter_bpf *skeleton = open_skeleton();
	int r, fd;

	if (!skeleton)
		return error_set(error, -errno, "cannot open the filter program: %s",
				 strerror(errno));
	bpf_program__set_autoload(skeleton->progs.filter, false);
	/* The state stays: libbpf 1.1 insists on mapping every map of global variables. */
	for (enum store_map id = STORE_STATE + 1; id < STORE_MAPS; id++)
		bpf_map__set_autocreate(find_map(skeleton, id), false);
	bpf_map__set_autocreate(skeleton->maps.event_draft, false);
	r = filter_bpf__load(skeleton);
	if (r < 0) {
		error_set(error, r, "the kernel refuses BPF programs: %s", strerror(-r));
		r = privilege_explain(PRIVILEGE_LOAD, r, error);
	} else {
		fd = bpf_program__fd(skeleton->progs.read_clock);
		r = ticks_calibrate(read_clock, &fd, ret_ticks, error);
	}
	filter_bpf__destroy(skeleton);
	return r;
}

static uint64_t secret_odd_number(void)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number = timestamp_now() * 0x9e3779b97f4a7c15ULL;
	return number | 1;
}

const char *store_list_pin(uint32_t table, char buffer[STORE_LIST_PIN])
{
	snprintf(buffer, STORE_LIST_PIN, "tables/%u/table", table);
	return buffer;
}

/*
 * A table of lists is `pages` long, as is the pattern that the program is loaded with. Made
 * by hand: libbpf 1.1 crashes when asked to change the size of the one in the object.
 */
int store_list_table(uint32_t pages, int *ret_fd, struct error *error)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "list_table", sizeof(uint32_t),
				PREFIX_PAGE_SIZE, pages, &options);

	if (fd < 0)
		return error_set(error, fd, "the kernel has no room for a list table of %u KiB: %s",
				 pages * (PREFIX_PAGE_SIZE / 1024), strerror(-fd));
	*ret_fd = fd;
	return 0;
}

static int load(struct filter_bpf *skeleton, const struct filter_state *state, struct error *error)
{
	CLEANUP_CLOSE int pattern = -1;
	int r;

	skeleton->rodata->seed = state->seed;
	skeleton->rodata->tick_shift = state->tick_shift;
	skeleton->rodata->cpus = state->cpus;
	skeleton->rodata->port_banks = state->port_banks;
	skeleton->rodata->context_cast = can_cast_context();
	bpf_map__set_max_entries(skeleton->maps.counters, state->cpus * COUNTERS_PER_CPU);
	bpf_map__set_max_entries(skeleton->maps.tallies, state->cpus);
	bpf_map__set_max_entries(skeleton->maps.guard_counters, state->cpus);
	bpf_map__set_max_entries(skeleton->maps.list_counters, state->cpus);
	bpf_map__set_max_entries(skeleton->maps.shadow_counters, state->cpus);
	bpf_map__set_max_entries(skeleton->maps.ports, state->port_banks * PORT_PAGES_PER_BANK);
	bpf_map__set_max_entries(skeleton->maps.sightings, state->cpus * SIGHTINGS_PER_CPU);
	bpf_program__set_autoload(skeleton->progs.read_clock, false);
	r = store_list_table(state->pages, &pattern, error);
	if (r == 0)
		r = bpf_map__set_inner_map_fd(skeleton->maps.lists, pattern);
	if (r < 0)
		return r;
	r = filter_bpf__load(skeleton);
	if (r == -ENOMEM)
		return error_set(error, r, "the kernel has no memory for the filter's tables");
	if (r < 0)
		error_set(error, r, "the kernel refuses the filter program: %s; -vv shows why",
			  strerror(-r));
	return privilege_explain(PRIVILEGE_LOAD, r, error);
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
	return store_create_with_room(PAGES_AT_FIRST, ret_store, error);
}

int store_create_with_room(uint32_t pages, struct store *ret_store, struct error *error)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	struct filter_state state = { .seed = secret_odd_number(),
				      .pages = pages < PAGES_AT_FIRST ? PAGES_AT_FIRST : pages };
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

	skeleton = open_skeleton();
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
	r = store_map_all(&store, error);
	if (r < 0)
		return r;
	*store.tables.state = state;
	store_policy(&store)->list_table = LIST_TABLES;
	store_read_ticks(&store);
	*ret_store = store;
	store = STORE_NONE;
	return 0;
}

/* ---- growing ------------------------------------------------------------------ */

/* Puts the pin of `fd` in the place of another, so that there is one at every moment. */
static int replace_pin(const struct store *store, int fd, const char *name, enum pins_access access,
		       struct error *error)
{
	char fresh[PINS_PATH], path[PINS_PATH];
	int r;

	if (pins_path(fresh, store->directory, "fresh") < 0 ||
	    pins_path(path, store->directory, name) < 0)
		return -ENAMETOOLONG;
	unlink(fresh);
	r = pins_add(fd, store->directory, "fresh", access, error);
	if (r == 0 && rename(fresh, path) < 0)
		r = error_set(error, -errno, "cannot rename '%s': %s", fresh, strerror(errno));
	return r;
}

/* By its pin, because the kernel hands out a map by its number only to CAP_SYS_ADMIN. */
static int open_table(const struct store *store, const char *pin)
{
	return *store->directory ? pins_open(store->directory, pin, true) : -ENOENT;
}

/* Copies a table of lists into a larger one; both are arrays of pages. */
static int copy_table(const struct store *store, int from_lists, int to_lists, uint32_t index,
		      uint32_t pages, struct error *error)
{
	CLEANUP_CLOSE int from = -1, to = -1;
	size_t size = (size_t)store->tables.state->pages * PREFIX_PAGE_SIZE;
	char pin[STORE_LIST_PIN];
	void *source, *target;
	uint32_t id;
	int r;

	if (bpf_map_lookup_elem(from_lists, &index, &id) < 0)
		return 0; /* not in use */
	from = open_table(store, store_list_pin(index, pin));
	if (from < 0)
		return error_set(error, from, "cannot open a list table: %s", strerror(-from));
	r = store_list_table(pages, &to, error);
	if (r < 0)
		return r;
	source = mmap(NULL, size, PROT_READ, MAP_SHARED, from, 0);
	target = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, to, 0);
	r = source == MAP_FAILED || target == MAP_FAILED ? -errno : 0;
	if (r == 0)
		memcpy(target, source, size);
	if (source != MAP_FAILED)
		munmap(source, size);
	if (target != MAP_FAILED)
		munmap(target, size);
	if (r == 0)
		r = bpf_map_update_elem(to_lists, &index, &to, BPF_ANY);
	if (r < 0)
		return error_set(error, r, "cannot fill a larger list table: %s", strerror(-r));
	return replace_pin(store, to, pin, PINS_OWNER, error);
}

/* Every link that is pinned gets the other program. */
static int update_links(const struct store *store, int program_fd, struct error *error)
{
	CLEANUP_CLOSEDIR DIR *dir = NULL;
	const struct dirent *entry;
	char path[PINS_PATH];
	int r = pins_path(path, store->directory, "links");

	if (r < 0)
		return r;
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		CLEANUP_CLOSE int link = -1;

		if (*entry->d_name == '.')
			continue;
		link = pins_open(path, entry->d_name, true);
		if (link < 0)
			continue;
		r = bpf_link_update(link, program_fd, NULL);
		/* An interface that is gone has a link that leads nowhere. */
		if (r < 0 && r != -ENOLINK && r != -ENODEV)
			return error_set(error, r, "cannot change the program of a link: %s",
					 strerror(-r));
	}
	return 0;
}

static int load_larger(struct store *store, uint32_t pages, struct filter_bpf *skeleton,
		       struct error *error)
{
	struct filter_state state = *store->tables.state;
	int r = 0;

	for (enum store_map id = 0; r == 0 && id < STORE_MAPS; id++)
		if (id != STORE_LISTS)
			r = bpf_map__reuse_fd(find_map(skeleton, id), store->fds[id]);
	if (r < 0)
		return error_set(error, r, "cannot use the filter's maps again: %s", strerror(-r));
	state.pages = pages;
	return load(skeleton, &state, error);
}

static int put_larger(struct store *store, uint32_t pages, int program_fd, int lists_fd,
		      struct error *error)
{
	int r = 0;

	for (uint32_t index = 0; r == 0 && index < LIST_TABLES; index++)
		r = copy_table(store, store->fds[STORE_LISTS], lists_fd, index, pages, error);
	/* Who dies or fails from here on leaves packets with tables that no pin leads to. */
	if (r == 0)
		store->tables.state->growing = 1;
	if (r == 0)
		r = update_links(store, program_fd, error);
	if (r == 0 && *store->directory)
		r = replace_pin(store, program_fd, "program", PINS_OWNER, error);
	if (r == 0 && *store->directory)
		r = replace_pin(store, lists_fd, store_map_pin(STORE_LISTS), PINS_GROUP_READS,
				error);
	return r;
}

int store_grow(struct store *store, uint32_t pages, struct error *error)
{
	struct filter_bpf *skeleton = open_skeleton();
	CLEANUP_CLOSE int program = -1, lists = -1;
	int r;

	if (!skeleton)
		return error_set(error, -errno, "cannot open the filter program: %s",
				 strerror(errno));
	r = load_larger(store, pages, skeleton, error);
	if (r == 0) {
		program = fcntl(bpf_program__fd(skeleton->progs.filter), F_DUPFD_CLOEXEC, 3);
		lists = fcntl(bpf_map__fd(skeleton->maps.lists), F_DUPFD_CLOEXEC, 3);
		r = program < 0 || lists < 0 ? -errno : 0;
	}
	filter_bpf__destroy(skeleton);
	if (r == 0)
		r = put_larger(store, pages, program, lists, error);
	if (r < 0)
		return r;
	close(store->program_fd);
	close(store->fds[STORE_LISTS]);
	store->program_fd = TAKE_FD(program);
	store->fds[STORE_LISTS] = TAKE_FD(lists);
	store->tables.state->pages = pages;
	store->tables.state->growing = 0;
	return 0;
}
