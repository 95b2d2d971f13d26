/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The filter's maps and programs as user space holds them: made once, pinned under
 * <state directory>/filter-v<FILTER_LAYOUT>, opened again by every command.
 *
 *   program             the XDP program
 *   state hints ...     its maps, by the names of filter.h
 *   links/<ifindex>     one XDP link an interface; its time of birth is when it was attached
 *   tables/<n>/<list>   the ranges of each list in element n of `lists`; see list_store.h
 *   kept/               there when `up` made this state last: `run` then leaves it in place
 *   reader<n>/          whoever holds its lock reads ring n; 0 is the owner's, not the group's
 *
 * The pins are made in a directory of another name and renamed, so that they are
 * seen all together or not at all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "core/pins.h"
#include "core/ticks.h"
#include "modules/filter/filter.h"
#include "modules/filter/tables.h"

enum store_map {
	STORE_STATE,
	STORE_HINTS,
	STORE_BANS4,
	STORE_BANS6,
	STORE_BANS_WIDE,
	STORE_COUNTERS,
	STORE_TALLIES,
	STORE_PORTS,
	STORE_SIGHTINGS,
	STORE_METERS,
	STORE_SCANNERS,
	STORE_GUARD_COUNTERS,
	STORE_LIST_COUNTERS,
	STORE_SHADOW_COUNTERS,
	STORE_CONFIG_TEXT,
	STORE_MAPPED, /* the ones above are mapped into memory, the ones below are not */
	STORE_BAN_INFO = STORE_MAPPED,
	STORE_LISTENING,
	STORE_LISTS,
	STORE_EVENTS0,
	STORE_MAPS = STORE_EVENTS0 + EVENT_RINGS,
};

enum store_access {
	STORE_READ,  /* maps in memory, for reading */
	STORE_COPY,  /* copies, brought up to date by store_refresh(): for those who have read
		      * permission only, to whom the kernel gives no shared memory */
	STORE_WRITE, /* maps in memory, for reading and writing */
};

struct store {
	char directory[PINS_PATH]; /* "" while nothing is pinned */
	enum store_access access;
	int program_fd; /* -1 when not for writing */
	int fds[STORE_MAPS];
	struct {
		void *memory;
		size_t size;
	} mappings[STORE_MAPPED];
	struct tables tables;
	const struct filter_counter *counters;
	const struct filter_tally *tallies; /* by CPU, as all that follow but ports */
	const uint64_t *ports;
	const struct filter_sighting *sightings;
	const struct filter_guard_counters *guard_counters;
	const struct filter_list_counters *list_counters;
	const struct filter_shadow_counters *shadow_counters;
	struct filter_config_text *config_text;      /* FILTER_POLICY_SLOTS */
	const struct filter_meter_bucket *meters;    /* METER_BUCKETS */
	const struct filter_scanner_group *scanners; /* SCANNER_GROUPS */
	struct ticks ticks;
};

/* Nothing opened; store_close() is fine with it. */
#define STORE_NONE ((struct store){ .program_fd = -1, .fds = { [0 ... STORE_MAPS - 1] = -1 } })

/*
 * Loads the programs and makes the maps, unpinned, with an empty policy in force
 * (observe, nothing blocked). Says what is missing when the kernel refuses.
 */
int store_create(struct store *ret_store, struct error *error);

/* The same with room for list tables of so many pages, at least. */
int store_create_with_room(uint32_t pages, struct store *ret_store, struct error *error);

/*
 * Loads the program again with room for list tables of `pages` pages each, over the
 * same maps, and puts it in the place of the former on every pinned link. The tables that
 * there are go along. Each packet is judged by one program or the other; they agree.
 */
int store_grow(struct store *store, uint32_t pages, struct error *error);

/* Pins what store_create() made under `parent` (pins_directory()). */
int store_pin(struct store *store, const char *parent, struct error *error);

/*
 * Opens for STORE_READ, which becomes STORE_COPY where permissions allow no more, or for
 * STORE_WRITE. -ENOENT when the filter is not up. Readers need no capability.
 */
int store_open(const char *parent, enum store_access access, struct store *ret_store,
	       struct error *error);

/* Makes a copy current; does nothing where the memory is shared. */
int store_refresh(struct store *store, struct error *error);

/* The directory of this layout below `parent`, there or not. */
void store_directory(const char *parent, char ret_path[PINS_PATH]);

void store_close(struct store *store);

/* The present tick; and, for whoever may write, takes account of time spent in suspend. */
uint32_t store_now(const struct store *store);
void store_follow_clock(struct store *store);

/* A tick of these tables as wall-clock time, nanoseconds. */
uint64_t store_tick_time(const struct store *store, uint32_t tick);

/* The tick that a ban of this many nanoseconds ends with; -EINVAL when that is past all ticks. */
int store_ban_end(const struct store *store, uint64_t duration, uint32_t *ret_tick,
		  struct error *error);

/* What is known of a ban; -ENOENT when nothing is. */
int store_ban_info(const struct store *store, const struct prefix *prefix,
		   struct filter_ban_info *ret_info);
int store_set_ban_info(struct store *store, const struct prefix *prefix,
		       const struct filter_ban_info *info);
void store_forget_ban(struct store *store, const struct prefix *prefix);

/* Forgets what is known of bans that are over. Returns how many there were. */
size_t store_sweep(struct store *store);

/* The policy in force; of an unconfirmed change whose time is over, the former one. */
struct filter_policy *store_policy(const struct store *store);

/* The policy that is tried beside it, or NULL. */
struct filter_policy *store_shadow(const struct store *store);

/* The tick at which an unconfirmed change is taken back, 0 when there is none. */
uint32_t store_pending(const struct store *store);

/* Whether that tick has come: the kernel judges by the former policy, nobody has tidied up yet. */
bool store_is_overdue(const struct store *store);

/* The policy that is gone back to; NULL when no change is pending. */
struct filter_policy *store_former(const struct store *store);

/* A slot that no packet is judged by, nor will be unless asked: zeroed, or a copy of the policy in
 * force. */
struct filter_policy *store_spare_policy(const struct store *store);
struct filter_policy *store_copy_policy(const struct store *store);

/*
 * Puts a policy got from store_spare_policy() in force: every packet from now on is
 * judged by it, every packet before was judged by the former. Returns after the last
 * packet has left the former, so its slot may be written again. With `deadline` (a tick)
 * packets go back to the former by themselves then, unless store_confirm() came.
 */
void store_put_in_force(struct store *store, struct filter_policy *policy, uint32_t deadline);

/* Ends what is pending: the change stays, or is taken back. */
void store_confirm(struct store *store);
void store_take_back(struct store *store);

/* Tries a policy got from store_spare_policy() beside the one in force; NULL: no longer. */
void store_try(struct store *store, struct filter_policy *policy);

/*
 * The content of an array of pages or lines: mapped (*ret_mapped bytes) where permissions
 * allow it, else copied (*ret_mapped 0, free() it). Returns the number of elements.
 */
int store_read_array(const struct store *store, int fd, void **ret_memory, size_t *ret_mapped,
		     struct error *error);

/* Where the table of lists with this number is pinned, below the store's directory. */
enum { STORE_LIST_PIN = 32 };
const char *store_list_pin(uint32_t table, char buffer[STORE_LIST_PIN]);

/* A new, empty table of lists: an array of pages that can be mapped. */
int store_list_table(uint32_t pages, int *ret_fd, struct error *error);

/* ---- for store_create.c -------------------------------------------------------- */

const char *store_map_pin(enum store_map id);
/* Maps what is mapped and makes the pointers; all map descriptors are open. */
int store_map_all(struct store *store, struct error *error);
void store_read_ticks(struct store *store);

static inline void cleanup_store(struct store *store)
{
	store_close(store);
}
#define CLEANUP_STORE __attribute__((cleanup(cleanup_store)))
