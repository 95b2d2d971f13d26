/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "fresh.h"

enum { MAPS_MAX = 64, ATTEMPTS = 5 };

struct map {
	int fd;
	struct bpf_map_info info;
	uint64_t *memory; /* an array; of a ring, the page with the consumer's position */
	size_t size;
	uint64_t *producer; /* of a ring */
};

static struct {
	struct store store;
	uint32_t program; /* id; 0: nothing is kept */
	struct map maps[MAPS_MAX];
	size_t count;
	struct filter_globals *globals; /* as they were at first */
	uint64_t digest;
} kept;

/* ---- the maps ---------------------------------------------------------------------- */

static bool is_state(const struct map *map)
{
	return map->memory && map->size >= sizeof(*kept.globals) && strstr(map->info.name, ".bss");
}

/* Constants cannot change. */
static bool is_constant(const struct map *map)
{
	return map->info.map_flags & BPF_F_RDONLY_PROG;
}

static void *map_memory(const struct map *map, size_t size, int protection, size_t offset)
{
	void *memory = mmap(NULL, size, protection, MAP_SHARED, map->fd, (off_t)offset);

	return memory == MAP_FAILED ? NULL : memory;
}

static size_t percpu_size(const struct map *map)
{
	return (size_t)((map->info.value_size + 7) & ~7u) * (size_t)libbpf_num_possible_cpus();
}

static int map_map(struct map *map, struct error *error)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	switch (map->info.type) {
	case BPF_MAP_TYPE_ARRAY:
		if (is_constant(map))
			return 0;
		map->size = (size_t)((map->info.value_size + 7) & ~7u) * map->info.max_entries;
		map->memory = map_memory(map, map->size, PROT_READ | PROT_WRITE, 0);
		break;
	case BPF_MAP_TYPE_RINGBUF:
		map->size = page;
		map->memory = map_memory(map, page, PROT_READ | PROT_WRITE, 0);
		map->producer = map_memory(map, page, PROT_READ, page);
		if (!map->producer)
			return error_set(error, -errno, "cannot map '%s'", map->info.name);
		break;
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return 0;
	default:
		return error_set(error, -EOPNOTSUPP, "no test knows how to empty '%s', type %u",
				 map->info.name, map->info.type);
	}
	return map->memory ? 0 : error_set(error, -errno, "cannot map '%s'", map->info.name);
}

static int add_map(uint32_t id, struct error *error)
{
	struct map *map = &kept.maps[kept.count];
	uint32_t size = sizeof(map->info);

	for (size_t i = 0; i < kept.count; i++)
		if (kept.maps[i].info.id == id)
			return 0;
	if (kept.count == MAPS_MAX)
		return error_set(error, -E2BIG, "more than %d maps", MAPS_MAX);
	memset(map, 0, sizeof(*map));
	map->fd = bpf_map_get_fd_by_id(id);
	if (map->fd < 0)
		return error_set(error, map->fd, "cannot open map %u", id);
	kept.count++;
	if (bpf_obj_get_info_by_fd(map->fd, &map->info, &size) < 0)
		return error_set(error, -errno, "cannot look at map %u", id);
	return map_map(map, error);
}

/* Those that the program uses, and those that only user space does. */
static int add_maps(struct error *error)
{
	uint32_t ids[MAPS_MAX];
	struct bpf_prog_info program = { .nr_map_ids = MAPS_MAX, .map_ids = (uintptr_t)ids };
	uint32_t size = sizeof(program);
	int r = 0;

	if (bpf_obj_get_info_by_fd(kept.store.program_fd, &program, &size) < 0)
		return error_set(error, -errno, "cannot look at the program");
	for (uint32_t i = 0; r == 0 && i < program.nr_map_ids; i++)
		r = add_map(ids[i], error);
	for (enum store_map id = 0; r == 0 && id < STORE_MAPS; id++) {
		struct bpf_map_info info = { 0 };

		size = sizeof(info);
		r = bpf_obj_get_info_by_fd(kept.store.fds[id], &info, &size) < 0
			    ? error_set(error, -errno, "cannot look at a map")
			    : add_map(info.id, error);
	}
	kept.program = program.id;
	return r;
}

/* ---- emptying ------------------------------------------------------------------------ */

static void empty_hash(const struct map *map)
{
	char key[256];

	while (bpf_map_get_next_key(map->fd, NULL, key) == 0)
		if (bpf_map_delete_elem(map->fd, key) < 0)
			return;
}

static void empty_percpu(const struct map *map)
{
	CLEANUP_FREE void *zeros = calloc(1, percpu_size(map));

	for (uint32_t i = 0; zeros && i < map->info.max_entries; i++)
		bpf_map_update_elem(map->fd, &i, zeros, BPF_ANY);
}

static void empty(const struct map *map)
{
	switch (map->info.type) {
	case BPF_MAP_TYPE_ARRAY:
		if (map->memory)
			memset(map->memory, 0, map->size);
		if (is_state(map))
			memcpy(map->memory, kept.globals, sizeof(*kept.globals));
		break;
	case BPF_MAP_TYPE_RINGBUF:
		__atomic_store_n(map->memory, *map->producer, __ATOMIC_RELEASE);
		break;
	case BPF_MAP_TYPE_HASH:
		empty_hash(map);
		break;
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
		for (uint32_t i = 0; i < map->info.max_entries; i++)
			bpf_map_delete_elem(map->fd, &i);
		break;
	default:
		empty_percpu(map);
	}
}

/* ---- the proof -------------------------------------------------------------------------- */

static uint64_t mix(uint64_t digest, const uint64_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		digest = (digest ^ words[i]) * 0x9e3779b97f4a7c15ULL + (digest >> 29);
	return digest;
}

/* Of what a packet or a command would find in it. */
static uint64_t digest_of(uint64_t digest, const struct map *map)
{
	CLEANUP_FREE uint64_t *values = NULL;
	char key[256];
	uint64_t word;

	switch (map->info.type) {
	case BPF_MAP_TYPE_ARRAY:
		return mix(digest, map->memory, map->size / sizeof(uint64_t));
	case BPF_MAP_TYPE_RINGBUF:
		word = *map->producer - *map->memory;
		return mix(digest, &word, 1);
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		values = calloc(1, percpu_size(map));
		for (uint32_t i = 0; values && i < map->info.max_entries; i++)
			if (bpf_map_lookup_elem(map->fd, &i, values) == 0)
				digest = mix(digest, values, percpu_size(map) / sizeof(uint64_t));
		return digest;
	default: /* is there any entry at all? */
		word = bpf_map_get_next_key(map->fd, NULL, key) == 0;
		if (map->info.type == BPF_MAP_TYPE_ARRAY_OF_MAPS) {
			word = 0;
			for (uint32_t i = 0, id; i < map->info.max_entries; i++)
				word += bpf_map_lookup_elem(map->fd, &i, &id) == 0;
		}
		return mix(digest, &word, 1);
	}
}

static uint64_t digest_of_all(void)
{
	uint64_t digest = 0;

	for (size_t i = 0; i < kept.count; i++)
		digest = digest_of(digest, &kept.maps[i]);
	return digest;
}

/* ---- stores -------------------------------------------------------------------------------- */

static void forget(void)
{
	for (size_t i = 0; i < kept.count; i++) {
		struct map *map = &kept.maps[i];

		if (map->memory)
			munmap(map->memory, map->size);
		if (map->producer)
			munmap(map->producer, map->size);
		if (map->fd >= 0)
			close(map->fd);
	}
	store_close(&kept.store);
	free(kept.globals);
	memset(&kept, 0, sizeof(kept));
	kept.store = STORE_NONE;
}

static int load(struct error *error)
{
	int r = -ENOMEM;

	/* Where others keep the machine busy the clock cannot always be measured. */
	for (int attempt = 0; r < 0 && attempt < ATTEMPTS; attempt++)
		r = store_create(&kept.store, error);
	if (r < 0)
		return r;
	r = add_maps(error);
	kept.globals = malloc(sizeof(*kept.globals));
	if (r == 0 && !kept.globals)
		r = error_set(error, -ENOMEM, "out of memory");
	if (r < 0) {
		forget();
		return r;
	}
	memcpy(kept.globals, kept.store.mappings[STORE_STATE].memory, sizeof(*kept.globals));
	kept.digest = digest_of_all();
	return 0;
}

int fresh_take(struct store *ret_store, struct error *error)
{
	if (!kept.program) {
		int r = load(error);

		if (r < 0)
			return r;
	} else {
		for (size_t i = 0; i < kept.count; i++)
			empty(&kept.maps[i]);
		if (digest_of_all() != kept.digest)
			return error_set(error, -EUCLEAN,
					 "a map still holds what an earlier test left in it");
	}
	*ret_store = kept.store;
	return 0;
}

static uint32_t program_of(const struct store *store)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(store->program_fd, &info, &size) < 0 ? 0 : info.id;
}

/* One that has grown has other descriptors than before. */
void fresh_give_back(struct store *store)
{
	bool grown = program_of(store) != kept.program;

	*store->directory = '\0';
	if (grown) {
		kept.store = *store;
		forget();
	}
	*store = STORE_NONE;
}
