/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The filter's maps and programs as user space holds them: made once, pinned under
 * <state directory>/filter-v<FILTER_LAYOUT>, opened again by every command.
 *
 *   program             the XDP program
 *   state hints bans4 bans_wide counters losses ports sightings ban_info events
 *   links/<ifindex>     one XDP link an interface; its time of birth is when it was attached
 *   kept/               there when `up` made this state last: `run` then leaves it in place
 *   reader/             whoever holds its lock reads the ring
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
	STORE_BANS_WIDE,
	STORE_COUNTERS,
	STORE_LOSSES,
	STORE_PORTS,
	STORE_SIGHTINGS,
	STORE_MAPPED, /* the ones above are mapped into memory, the ones below are not */
	STORE_BAN_INFO = STORE_MAPPED,
	STORE_EVENTS,
	STORE_MAPS,
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
	const struct filter_losses *losses;
	const uint64_t *ports;
	const struct filter_sighting *sightings;
	struct ticks ticks;
};

/* Nothing opened; store_close() is fine with it. */
#define STORE_NONE ((struct store){ .program_fd = -1, .fds = { [0 ... STORE_MAPS - 1] = -1 } })

/*
 * Loads the programs and makes the maps, unpinned, with an empty policy in force
 * (observe, nothing blocked). Says what is missing when the kernel refuses.
 */
int store_create(struct store *ret_store, struct error *error);

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

/* The policy in force, and one that no packet is being judged by. */
struct filter_policy *store_policy(const struct store *store);
struct filter_policy *store_spare_policy(const struct store *store);

/*
 * Puts a policy got from store_spare_policy() in force: every packet from now on is
 * judged by it, every packet before was judged by the former. Returns after the last
 * packet has left the former, so its slot may be written again.
 */
void store_put_in_force(struct store *store, struct filter_policy *policy);

static inline void cleanup_store(struct store *store)
{
	store_close(store);
}
#define CLEANUP_STORE __attribute__((cleanup(cleanup_store)))
