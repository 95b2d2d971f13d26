/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/timestamp.h"
#include "core/grace.h"
#include "core/pins.h"
#include "modules/filter/filter.h"
#include "modules/filter/store.h"

static const struct {
	const char *pin; /* no dots: bpffs keeps those for itself */
	bool write;      /* whether those who may change things map it for writing */
} maps[] = {
	[STORE_STATE] = { "state", true },
	[STORE_HINTS] = { "hints", true },
	[STORE_BANS4] = { "bans4", true },
	[STORE_BANS6] = { "bans6", true },
	[STORE_BANS_WIDE] = { "bans_wide", true },
	[STORE_COUNTERS] = { "counters", false },
	[STORE_TALLIES] = { "tallies", false },
	[STORE_PORTS] = { "ports", false },
	[STORE_SIGHTINGS] = { "sightings", false },
	[STORE_METERS] = { "meters", false },
	[STORE_SCANNERS] = { "scanners", false },
	[STORE_GUARD_COUNTERS] = { "guard_counters", false },
	[STORE_LIST_COUNTERS] = { "list_counters", false },
	[STORE_SHADOW_COUNTERS] = { "shadow_counters", true }, /* begins anew with each shadow */
	[STORE_CONFIG_TEXT] = { "config_text", true },
	[STORE_BAN_INFO] = { "ban_info", true },
	[STORE_LISTENING] = { "listening", false },
	[STORE_LISTS] = { "lists", true },
	[STORE_EVENTS0] = { "events0", true },
	[STORE_EVENTS0 + 1] = { "events1", true },
	[STORE_EVENTS0 + 2] = { "events2", true },
	[STORE_EVENTS0 + 3] = { "events3", true },
};
_Static_assert(ARRAY_SIZE(maps) == STORE_MAPS, "a row for every map");

const char *store_map_pin(enum store_map id)
{
	return maps[id].pin;
}

static bool is_ring(enum store_map id)
{
	return id >= STORE_EVENTS0;
}

void store_directory(const char *parent, char ret_path[PINS_PATH])
{
	snprintf(ret_path, PINS_PATH, "%s/filter-v%d", parent, FILTER_LAYOUT);
}

/* ---- mapping ---------------------------------------------------------------- */

static int look_at(int fd, struct bpf_map_info *ret_info, struct error *error)
{
	uint32_t size = sizeof(*ret_info);

	memset(ret_info, 0, sizeof(*ret_info));
	if (bpf_obj_get_info_by_fd(fd, ret_info, &size) < 0)
		return error_set(error, -errno, "cannot look at a map: %s", strerror(errno));
	return 0;
}

static int map_array(int fd, bool writable, void **ret_memory, size_t *ret_size,
		     struct error *error)
{
	struct bpf_map_info info;
	void *memory;
	size_t size;
	int r = look_at(fd, &info, error);

	if (r < 0)
		return r;
	/* The kernel rounds the values of an array up to 8 bytes. */
	size = (size_t)((info.value_size + 7) & ~7u) * info.max_entries;
	memory = mmap(NULL, size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return error_set(error, -errno, "cannot map '%s' into memory: %s", info.name,
				 strerror(errno));
	*ret_memory = memory;
	*ret_size = size;
	return (int)info.max_entries;
}

/* All elements of an array, by as few system calls as the kernel lets us. */
static int copy_array(int fd, void **memory, struct error *error)
{
	CLEANUP_FREE uint32_t *keys = NULL;
	struct bpf_map_info info;
	uint32_t batch = 0, count, done = 0;
	int r = look_at(fd, &info, error);

	if (r < 0)
		return r;
	keys = calloc(info.max_entries, sizeof(*keys));
	if (!*memory)
		*memory = calloc(info.max_entries, info.value_size);
	if (!keys || !*memory)
		return error_set(error, -ENOMEM, "out of memory");
	while (done < info.max_entries) {
		count = info.max_entries - done;
		r = bpf_map_lookup_batch(fd, done ? &batch : NULL, &batch, keys + done,
					 (char *)*memory + (size_t)done * info.value_size, &count,
					 NULL);
		done += count;
		if (r == -ENOENT)
			break;
		if (r < 0)
			return error_set(error, r, "cannot read the map '%s': %s", info.name,
					 strerror(-r));
	}
	return (int)info.max_entries;
}

int store_read_array(const struct store *store, int fd, void **ret_memory, size_t *ret_mapped,
		     struct error *error)
{
	void *memory = NULL;
	int r;

	if (store->access != STORE_COPY)
		return map_array(fd, false, ret_memory, ret_mapped, error);
	r = copy_array(fd, &memory, error);
	if (r < 0) {
		free(memory);
		return r;
	}
	*ret_memory = memory;
	*ret_mapped = 0;
	return r;
}

/* Hints are for packets and for those who add entries; a copy of them is of no use. */
static int copy_all(struct store *store, struct error *error)
{
	int r = 0;

	for (enum store_map id = 0; r >= 0 && id < STORE_MAPPED; id++)
		if (id != STORE_HINTS)
			r = copy_array(store->fds[id], &store->mappings[id].memory, error);
	return r < 0 ? r : 0;
}

int store_refresh(struct store *store, struct error *error)
{
	return store->access == STORE_COPY ? copy_all(store, error) : 0;
}

int store_map_all(struct store *store, struct error *error)
{
	struct filter_globals *globals;
	int r = store_refresh(store, error);

	for (enum store_map id = 0; r >= 0 && id < STORE_MAPPED && store->access != STORE_COPY;
	     id++)
		r = map_array(store->fds[id], store->access == STORE_WRITE && maps[id].write,
			      &store->mappings[id].memory, &store->mappings[id].size, error);
	if (r < 0)
		return r;
	globals = store->mappings[STORE_STATE].memory;
	store->tables = (struct tables){
		.state = &globals->state,
		.policies = globals->policies,
		.hints = store->mappings[STORE_HINTS].memory,
		.bans4 = store->mappings[STORE_BANS4].memory,
		.bans6 = store->mappings[STORE_BANS6].memory,
		.bans_wide = store->mappings[STORE_BANS_WIDE].memory,
	};
	store->counters = store->mappings[STORE_COUNTERS].memory;
	store->tallies = store->mappings[STORE_TALLIES].memory;
	store->ports = store->mappings[STORE_PORTS].memory;
	store->sightings = store->mappings[STORE_SIGHTINGS].memory;
	store->guard_counters = store->mappings[STORE_GUARD_COUNTERS].memory;
	store->list_counters = store->mappings[STORE_LIST_COUNTERS].memory;
	store->shadow_counters = store->mappings[STORE_SHADOW_COUNTERS].memory;
	store->config_text = store->mappings[STORE_CONFIG_TEXT].memory;
	store->meters = store->mappings[STORE_METERS].memory;
	store->scanners = store->mappings[STORE_SCANNERS].memory;
	return 0;
}

void store_read_ticks(struct store *store)
{
	const struct filter_state *state = store->tables.state;

	store->ticks = (struct ticks){
		.hz = state->jiffies_hz,
		.shift = state->tick_shift,
		.anchor_jiffies = state->anchor_jiffies,
		.anchor_boottime = state->anchor_boottime,
	};
}

/* ---- pinning and opening ------------------------------------------------------ */

/*
 * Whoever reads a ring writes how far, and can so take its events from others: the first
 * is not for the group.
 */
static enum pins_access access_of(enum store_map id)
{
	return id > STORE_EVENTS0 ? PINS_GROUP_WRITES : PINS_GROUP_READS;
}

static int pin_all(const struct store *store, const char *directory, struct error *error)
{
	static const struct {
		const char *name;
		enum pins_access access;
	} directories[] = {
		{ "links", PINS_GROUP_READS },   { "tables", PINS_GROUP_READS },
		{ "reader0", PINS_OWNER },       { "reader1", PINS_GROUP_READS },
		{ "reader2", PINS_GROUP_READS }, { "reader3", PINS_GROUP_READS },
	};
	char path[PINS_PATH];
	int r = pins_make_directory(directory, PINS_GROUP_PASSES, error);

	if (r == 0)
		r = pins_add(store->program_fd, directory, "program", PINS_OWNER, error);
	for (enum store_map id = 0; r == 0 && id < STORE_MAPS; id++)
		r = pins_add(store->fds[id], directory, maps[id].pin, access_of(id), error);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(directories); i++) {
		r = pins_path(path, directory, directories[i].name);
		if (r == 0)
			r = pins_make_directory(path, directories[i].access, error);
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
		bool write = store->access != STORE_COPY || is_ring(id);
		int fd = pins_open(store->directory, maps[id].pin, write);

		if (fd == -EACCES && store->access == STORE_READ) {
			store->access = STORE_COPY;
			fd = pins_open(store->directory, maps[id].pin, false);
		}
		if (fd == -ENOENT)
			return -ENOENT;
		if (fd < 0 && !(is_ring(id) && store->access == STORE_COPY))
			return error_set(error, fd, "cannot open the filter's '%s': %s",
					 maps[id].pin, strerror(-fd));
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
					 "cannot open the filter's program: %s",
					 strerror(-store.program_fd));
	}
	r = store_map_all(&store, error);
	if (r < 0)
		return r;
	store_read_ticks(&store);
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

enum { FORMER_SHIFT = 8, DEADLINE_SHIFT = 32 };

static uint64_t in_force(const struct store *store)
{
	return __atomic_load_n(&store->tables.state->in_force, __ATOMIC_ACQUIRE);
}

static uint32_t slot_in_force(const struct store *store)
{
	uint64_t word = in_force(store);

	return (store_is_overdue(store) ? word >> FORMER_SHIFT : word) % FILTER_POLICY_SLOTS;
}

uint32_t store_pending(const struct store *store)
{
	return (uint32_t)(in_force(store) >> DEADLINE_SHIFT);
}

bool store_is_overdue(const struct store *store)
{
	uint32_t deadline = store_pending(store);

	return deadline && store_now(store) >= deadline;
}

struct filter_policy *store_policy(const struct store *store)
{
	return &store->tables.policies[slot_in_force(store)];
}

struct filter_policy *store_former(const struct store *store)
{
	uint64_t word = in_force(store);

	if (!(word >> DEADLINE_SHIFT))
		return NULL;
	return &store->tables.policies[(word >> FORMER_SHIFT) % FILTER_POLICY_SLOTS];
}

struct filter_policy *store_shadow(const struct store *store)
{
	uint32_t shadow = __atomic_load_n(&store->tables.state->shadow, __ATOMIC_ACQUIRE);

	return shadow ? &store->tables.policies[(shadow - 1) % FILTER_POLICY_SLOTS] : NULL;
}

static bool is_used(const struct store *store, uint32_t slot)
{
	const struct filter_policy *policy = &store->tables.policies[slot];

	return slot == in_force(store) % FILTER_POLICY_SLOTS || policy == store_former(store) ||
	       policy == store_shadow(store);
}

/* In force, former and shadow: with four slots one is always left. */
static struct filter_policy *spare_slot(const struct store *store)
{
	uint32_t slot = 0;

	while (is_used(store, slot))
		slot++;
	return &store->tables.policies[slot];
}

struct filter_policy *store_spare_policy(const struct store *store)
{
	struct filter_policy *policy = spare_slot(store);

	memset(policy, 0, sizeof(*policy));
	policy->list_table = LIST_TABLES;
	return policy;
}

struct filter_policy *store_copy_policy(const struct store *store)
{
	struct filter_policy *policy = spare_slot(store);

	memcpy(policy, store_policy(store), sizeof(*policy));
	memcpy(&store->config_text[policy - store->tables.policies],
	       &store->config_text[slot_in_force(store)], sizeof(*store->config_text));
	return policy;
}

static uint32_t slot_of(const struct store *store, const struct filter_policy *policy)
{
	return (uint32_t)(policy - store->tables.policies);
}

static void set_in_force(struct store *store, uint64_t word)
{
	__atomic_store_n(&store->tables.state->in_force, word, __ATOMIC_SEQ_CST);
	grace_period();
}

void store_put_in_force(struct store *store, struct filter_policy *policy, uint32_t deadline)
{
	uint64_t former = slot_in_force(store);

	policy->generation = store_policy(store)->generation + 1;
	policy->applied = timestamp_now();
	set_in_force(store, slot_of(store, policy) | former << FORMER_SHIFT |
				    (uint64_t)deadline << DEADLINE_SHIFT);
}

void store_confirm(struct store *store)
{
	set_in_force(store, in_force(store) % FILTER_POLICY_SLOTS);
}

void store_take_back(struct store *store)
{
	set_in_force(store, (in_force(store) >> FORMER_SHIFT) % FILTER_POLICY_SLOTS);
}

void store_try(struct store *store, struct filter_policy *policy)
{
	uint32_t shadow = policy ? slot_of(store, policy) + 1 : 0;

	if (store->tables.state->shadow) {
		__atomic_store_n(&store->tables.state->shadow, 0, __ATOMIC_SEQ_CST);
		grace_period();
	}
	if (!shadow)
		return;
	policy->generation = store_policy(store)->generation + 1;
	policy->applied = timestamp_now();
	memset(store->mappings[STORE_SHADOW_COUNTERS].memory, 0,
	       store->mappings[STORE_SHADOW_COUNTERS].size);
	__atomic_store_n(&store->tables.state->shadow, shadow, __ATOMIC_SEQ_CST);
}
