/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/timestamp.h"
#include "modules/filter/list_hints.h"
#include "modules/filter/list_store.h"
#include "modules/filter/prefix_table.h"
#include "modules/filter/terms.h"

enum { PAGE = 4096, LOAD_ATTEMPTS = 10 };

/* -ENOENT in a store that is not pinned: its lists can be neither shown nor changed. */
static int table_directory(const struct store *store, uint32_t table, char ret_path[PINS_PATH])
{
	char name[32];

	if (!*store->directory)
		return -ENOENT;
	snprintf(name, sizeof(name), "tables/%u", table);
	return pins_path(ret_path, store->directory, name);
}

/* ---- reading ------------------------------------------------------------------------- */

static void source_free(struct list_source *source)
{
	if (source->mapped)
		munmap(source->memory, source->mapped);
	else
		free(source->memory);
	ranges_free(&source->own);
	cleanup_close(&source->fd);
}

void list_set_free(struct list_set *set)
{
	while (set->count)
		source_free(&set->items[--set->count]);
}

static int load_source(const struct store *store, const char *directory, const char *name,
		       struct list_source *source, struct error *error)
{
	unsigned order, label;
	int r;

	if (sscanf(name, "%u-%u", &order, &label) != 2)
		return error_set(error, -EINVAL, "'%s/%s' is no list of ours", directory, name);
	*source = (struct list_source){ .label = (uint8_t)label };
	strcpy(source->name, list_name(store, LABEL_LIST(source->label)));
	source->fd = pins_open(directory, name, store->access != STORE_COPY);
	if (source->fd < 0)
		return error_set(error, source->fd, "cannot open '%s/%s': %s", directory, name,
				 strerror(-source->fd));
	r = store_read_array(store, source->fd, &source->memory, &source->mapped, error);
	if (r < 0) {
		cleanup_close(&source->fd);
		return r;
	}
	r = ranges_read(source->memory, (size_t)r * PAGE, &source->ranges, error);
	if (r < 0)
		source_free(source);
	else
		source->edited = ((const struct list_ranges *)source->memory)->edited;
	return r;
}

/* Names begin with two digits of order, so that scandir(3) gives them in it. */
static int is_source(const struct dirent *entry)
{
	return isdigit((unsigned char)entry->d_name[0]);
}

int list_store_load(const struct store *store, const struct filter_policy *policy,
		    struct list_set *ret_set, struct error *error)
{
	struct list_set set = { .count = 0 };
	struct dirent **entries = NULL;
	char directory[PINS_PATH];
	int r = 0, count;

	if (policy->list_table >= LIST_TABLES) {
		*ret_set = set;
		return 0;
	}
	r = table_directory(store, policy->list_table, directory);
	if (r < 0)
		return r;
	count = scandir(directory, &entries, is_source, alphasort);
	if (count < 0)
		return error_set(error, -errno, "cannot look into '%s': %s", directory,
				 strerror(errno));
	for (int i = 0; i < count; i++) {
		if (r == 0 && set.count < LISTS_MAX) {
			r = load_source(store, directory, entries[i]->d_name, &set.items[set.count],
					error);
			set.count += r == 0;
		}
		free(entries[i]);
	}
	free(entries);
	if (r < 0) {
		list_set_free(&set);
		return r;
	}
	*ret_set = set;
	return 0;
}

/* The head of a list stands in its first page, so that is all that is read. */
static int read_head(const char *directory, const char *name, struct list_ranges *ret_head)
{
	CLEANUP_CLOSE int fd = pins_open(directory, name, false);
	uint64_t page[PAGE / sizeof(uint64_t)];
	uint32_t first = 0;
	int r = fd < 0 ? fd : bpf_map_lookup_elem(fd, &first, page);

	if (r == 0)
		memcpy(ret_head, page, sizeof(*ret_head));
	return r;
}

static void read_facts(const struct store *store, uint32_t table,
		       struct list_facts ret_facts[LISTS_MAX + 1])
{
	CLEANUP_CLOSEDIR DIR *dir = NULL;
	const struct dirent *entry;
	char directory[PINS_PATH];

	memset(ret_facts, 0, (LISTS_MAX + 1) * sizeof(*ret_facts));
	if (table >= LIST_TABLES || table_directory(store, table, directory) < 0)
		return;
	dir = opendir(directory);
	while (dir && (entry = readdir(dir))) {
		struct list_ranges head;
		unsigned order, label;

		if (sscanf(entry->d_name, "%u-%u", &order, &label) != 2 ||
		    read_head(directory, entry->d_name, &head) < 0)
			continue;
		ret_facts[LABEL_LIST(label)] =
			(struct list_facts){ .entries = { head.count[0], head.count[1] },
					     .loaded = head.loaded };
	}
}

void list_store_facts(const struct store *store, struct list_facts ret_facts[LISTS_MAX + 1])
{
	for (int i = 0; i < LOAD_ATTEMPTS; i++) {
		uint32_t generation = store_policy(store)->generation;

		read_facts(store, store_policy(store)->list_table, ret_facts);
		if (store_policy(store)->generation == generation)
			return;
	}
}

uint64_t list_loaded(const struct list_source *source)
{
	return ((const struct list_ranges *)source->memory)->loaded;
}

int list_store_load_in_force(struct store *store, struct list_set *ret_set, struct error *error)
{
	for (int i = 0; i < LOAD_ATTEMPTS; i++) {
		const struct filter_policy *policy = store_policy(store);
		uint32_t generation = policy->generation;
		struct list_set set = { .count = 0 };
		int refreshed, r = list_store_load(store, policy, &set, error);

		/* A policy that stayed kept its table all the time. */
		refreshed = store_refresh(store, error);
		if (refreshed == 0 && store_policy(store)->generation == generation) {
			if (r == 0)
				*ret_set = set;
			return r;
		}
		list_set_free(&set);
		if (refreshed < 0)
			return refreshed;
	}
	return error_set(error, -EBUSY, "the policy changes all the time; try again");
}

int list_store_find(const struct store *store, const struct list_set *set, const char *name,
		    size_t *ret_item, struct error *error)
{
	char names[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < set->count; i++) {
		const char *known = list_name(store, LABEL_LIST(set->items[i].label));

		if (strcmp(known, name) == 0) {
			*ret_item = i;
			return 0;
		}
		if (used < sizeof(names))
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 used ? ", " : "", known);
	}
	return error_set(error, -ENOENT, "there is no list '%s'; there are: %s", name,
			 used ? names : "none; 'deny-list' in the configuration adds one");
}

/* ---- writing ------------------------------------------------------------------------- */

/* A map that holds these ranges. */
static int make_source(const struct list_source *source, int *ret_fd, struct error *error)
{
	const struct ranges_view *view = &source->ranges;
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	const struct ranges ranges = { .v4 = (struct range4 *)view->v4,
				       .v6 = (struct range6 *)view->v6,
				       .count4 = view->count4,
				       .count6 = view->count6 };
	size_t pages = (ranges_image_size(&ranges) + PAGE - 1) / PAGE;
	CLEANUP_CLOSE int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "list", sizeof(uint32_t), PAGE,
					      (uint32_t)pages, &options);
	void *memory;

	if (fd < 0)
		return error_set(error, fd, "the kernel has no room for a list: %s", strerror(-fd));
	memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return error_set(error, -errno, "cannot map a list: %s", strerror(errno));
	ranges_write(&ranges, memory);
	((struct list_ranges *)memory)->loaded = timestamp_now();
	((struct list_ranges *)memory)->edited = source->edited;
	munmap(memory, pages * PAGE);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int pin_source(const char *directory, size_t order, const struct list_source *source,
		      struct error *error)
{
	CLEANUP_CLOSE int fd = -1;
	char name[32];
	int r = 0;

	snprintf(name, sizeof(name), "%02zu-%u", order, source->label);
	if (source->fd >= 0)
		return pins_add(source->fd, directory, name, PINS_GROUP_READS, error);
	r = make_source(source, &fd, error);
	return r < 0 ? r : pins_add(fd, directory, name, PINS_GROUP_READS, error);
}

static size_t make_inputs(const struct list_set *set, struct prefix_input inputs[LISTS_MAX])
{
	for (size_t i = 0; i < set->count; i++)
		inputs[i] = (struct prefix_input){ set->items[i].label, set->items[i].ranges };
	return set->count;
}

/* With some to spare for lists that grow; 0 when that is more than an array can hold. */
static uint32_t room_for(size_t pages)
{
	pages += pages / 8 + 1;
	return pages > INT32_MAX / PREFIX_PAGE_SIZE ? 0 : (uint32_t)pages;
}

static int say_too_large(struct error *error)
{
	return error_set(error, -E2BIG, "the lists are too large together");
}

/* What somebody began to make larger and did not finish is made larger once more. */
static int make_room(struct store *store, size_t pages, struct error *error)
{
	uint32_t present = store->tables.state->pages, room = present;

	if (pages > present)
		room = room_for(pages);
	if (!room)
		return say_too_large(error);
	if (room == present && !store->tables.state->growing)
		return 0;
	return store_grow(store, room, error);
}

int list_store_room(const struct list_set *set, uint32_t *ret_pages, struct error *error)
{
	struct prefix_input inputs[LISTS_MAX];
	size_t count = make_inputs(set, inputs), pages = 0;
	int r;

	for (size_t i = 0; i < count; i++)
		inputs[i].label |= (uint8_t)(i + 1);
	r = prefix_table_pages(inputs, count, &pages, error);
	if (r == 0 && !room_for(pages))
		r = say_too_large(error);
	if (r == 0)
		*ret_pages = room_for(pages);
	return r;
}

static int build(struct store *store, const struct prefix_input *inputs, size_t count,
		 uint32_t table, struct error *error)
{
	size_t pages = store->tables.state->pages, size = pages * PREFIX_PAGE_SIZE;
	CLEANUP_CLOSE int fd = -1;
	char pin[STORE_LIST_PIN];
	void *memory;
	int r = store_list_table((uint32_t)pages, &fd, error);

	if (r < 0)
		return r;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return error_set(error, -errno, "cannot map a list table: %s", strerror(errno));
	r = prefix_table_build(inputs, count, memory, pages, error);
	munmap(memory, size);
	if (r == 0 && *store->directory)
		r = pins_add(fd, store->directory, store_list_pin(table, pin), PINS_OWNER, error);
	if (r == 0) {
		r = bpf_map_update_elem(store->fds[STORE_LISTS], &table, &fd, BPF_ANY);
		if (r < 0)
			error_set(error, r, "cannot enter a list table: %s", strerror(-r));
	}
	return r;
}

static bool is_used(const struct store *store, uint32_t table)
{
	const struct filter_policy *policies[] = { store_policy(store), store_former(store),
						   store_shadow(store) };
	uint64_t slot = store->tables.state->in_force % FILTER_POLICY_SLOTS;

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
		if (policies[i] && policies[i]->list_table == table)
			return true;
	return store->tables.policies[slot].list_table == table;
}

/* Whether there was one. */
static bool free_table(struct store *store, uint32_t table)
{
	char directory[PINS_PATH];

	if (table_directory(store, table, directory) == 0)
		pins_remove(directory);
	return bpf_map_delete_elem(store->fds[STORE_LISTS], &table) == 0;
}

void list_store_tidy(struct store *store)
{
	bool freed = false;

	for (uint32_t table = 0; table < LIST_TABLES; table++)
		if (!is_used(store, table))
			freed |= free_table(store, table);
	if (freed)
		list_hints_trim(store);
}

static int pin_sources(struct store *store, uint32_t table, const struct list_set *set,
		       struct error *error)
{
	char directory[PINS_PATH];
	int r = table_directory(store, table, directory);

	if (r == 0)
		r = pins_make_directory(directory, PINS_GROUP_READS, error);
	for (size_t i = 0; r == 0 && i < set->count; i++)
		r = pin_source(directory, i, &set->items[i], error);
	return r;
}

int list_store_put(struct store *store, struct filter_policy *policy, const struct list_set *set,
		   struct error *error)
{
	struct prefix_input inputs[LISTS_MAX];
	size_t count = make_inputs(set, inputs), pages;
	uint32_t table = 0;
	int r;

	policy->flags &= ~(uint32_t)(POLICY_LISTS4 | POLICY_LISTS6);
	policy->list_table = LIST_TABLES;
	policy->deny_lists = policy->allow_lists = 0;
	if (!count)
		return 0;
	r = prefix_table_pages(inputs, count, &pages, error);
	if (r == 0)
		r = make_room(store, pages, error);
	if (r < 0)
		return r;
	while (is_used(store, table))
		table++; /* at most four policies have tables, and there are LIST_TABLES */
	free_table(store, table);
	r = *store->directory ? pin_sources(store, table, set, error) : 0;
	if (r == 0)
		r = build(store, inputs, count, table, error);
	if (r < 0) {
		free_table(store, table);
		return r;
	}
	for (size_t i = 0; i < count; i++) {
		list_hints_set(store->tables.hints, &inputs[i].ranges);
		policy->flags |= inputs[i].ranges.count4 ? POLICY_LISTS4 : 0;
		policy->flags |= inputs[i].ranges.count6 ? POLICY_LISTS6 : 0;
		*(inputs[i].label & LABEL_ALLOW ? &policy->allow_lists : &policy->deny_lists) |=
			1ULL << LABEL_LIST(inputs[i].label);
	}
	policy->list_table = table;
	return 0;
}
