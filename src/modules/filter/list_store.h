/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists as the kernel holds them. For each table of lists (an element n of the map `lists`)
 * the ranges that it was built from stand beside it, each list in a map of its own, pinned as
 * tables/<n>/<order>-<label>; so a list can be shown and changed without its file, and one
 * that did not change is shared by the tables of two policies.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/host.h"
#include "modules/filter/ranges.h"
#include "modules/filter/settings.h"
#include "modules/filter/store.h"

struct list_source {
	uint8_t label;
	char name[LIST_NAME_SIZE];
	struct ranges_view ranges;
	int fd;            /* of the map that holds them, or -1: not in the kernel yet */
	void *memory;      /* what `ranges` points into, mapped or allocated */
	size_t mapped;     /* bytes; 0: allocated */
	struct ranges own; /* or these, read from a file */
	bool edited;       /* changed by hand since its file was read */
	bool undoes;       /* replaces one that was */
};

/* The lists of one policy, in the order of the configuration. */
struct list_set {
	struct list_source items[LISTS_MAX];
	size_t count;
};

/* Reads the lists of a policy from the kernel. Free with list_set_free(). */
int list_store_load(const struct store *store, const struct filter_policy *policy,
		    struct list_set *ret_set, struct error *error);
void list_set_free(struct list_set *set);

/* The same of the policy in force, also while another command puts the next one in force. */
int list_store_load_in_force(struct store *store, struct list_set *ret_set, struct error *error);

/* When what the list holds was loaded; of one that is in the kernel. */
uint64_t list_loaded(const struct list_source *source);

/*
 * What people want to know of the lists in force, by number; zeros where there is none. It is
 * read from where the lists stand, because a change may be taken back without anybody there.
 */
struct list_facts {
	uint64_t entries[2]; /* ranges after merging, IPv4 and IPv6 */
	uint64_t loaded;     /* CLOCK_REALTIME, nanoseconds */
};
void list_store_facts(const struct store *store, struct list_facts ret_facts[LISTS_MAX + 1]);

/*
 * Reads the lists that a configuration names, from their files: their labels say only
 * whether they allow. Warns of every line that it leaves out; -EINVAL when a list cannot be
 * read, or with `strict-lists` had lines to leave out. Those are left out that hold one of
 * the peers. For the `first` policy, with no other in force, a deny list that cannot be opened
 * is warned of and left out, unless `strict-lists` is on.
 */
int list_store_read(const struct filter_config *config, const struct peers *peers, bool first,
		    struct list_set *ret_set, struct error *error);

/* Visits the paths of the lists that the first policy was put in force without. */
typedef void list_missing(void *context, const char *path);
void list_store_missing(const struct store *store, list_missing *visit, void *context);

/*
 * Gives lists that list_store_read() read to a policy that is not in force. Lists and tables
 * that did not change are shared with the policy in force.
 */
int list_store_import(struct store *store, struct filter_policy *policy, struct list_set *set,
		      struct error *error);

/*
 * To be called when a policy with lists of list_store_import() is in force: none of them is
 * changed by hand any more, and where that was undone, it is told.
 */
void list_store_end_edits(struct list_set *set);

/* The room that a new store needs for these lists, for store_create_with_room(). */
int list_store_room(const struct list_set *set, uint32_t *ret_pages, struct error *error);

/*
 * Builds the table of a policy that is not in force from these lists. A store that is not pinned
 * keeps the table alone.
 */
int list_store_put(struct store *store, struct filter_policy *policy, const struct list_set *set,
		   struct error *error);

/* Frees the tables that no policy needs any more. To be called after a change of policy. */
void list_store_tidy(struct store *store);

/* The number of a list of the policy by its name; -ENOENT names those that there are. */
int list_store_find(const struct store *store, const struct list_set *set, const char *name,
		    size_t *ret_item, struct error *error);

#define CLEANUP_LIST_SET __attribute__((cleanup(list_set_free)))
