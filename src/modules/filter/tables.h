/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The user side of the tables in filter.h: putting entries in and taking them out
 * while packets are judged by them on other CPUs.
 *
 * Processes that write hold the lock of the state directory (core/pins.h), so there is
 * one at a time; but the kernel's program bans too. So bans are changed by compare and
 * exchange, and the same ban may stand in two slots where two writers made it at once:
 * what is told here of a ban is told of all its slots together. Readers need nothing.
 * No function here makes a system call.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "modules/filter/filter.h"

/* The tables as they lie in memory; mapped from BPF maps, or plain memory in tests. */
struct tables {
	struct filter_state *state;
	struct filter_policy *policies; /* FILTER_POLICY_SLOTS */
	uint64_t *hints;                /* HINT_WORDS */
	struct ban4_bucket *bans4;      /* BAN4_BUCKETS */
	struct ban6_bucket *bans6;      /* BAN6_BUCKETS */
	struct wide_bucket *bans_wide;  /* BAN_WIDE_BUCKETS */
};

struct filter_key key_of(const struct address *address);
struct address address_of(struct filter_key key);

/* ---- bans ---------------------------------------------------------------- */

struct ban {
	struct prefix prefix;
	uint32_t end; /* tick, or BAN_FOREVER; of several slots the last to end */
	bool forced;  /* any of its slots */
};

/* The shortest prefixes that can be banned; wider ones belong into a list. */
enum { BAN_V4_LENGTH_MIN = ADDRESS_V4_OFFSET + 8, BAN_V6_LENGTH_MIN = 32 };

/* -EINVAL with the reason for a prefix that is too wide, or no host's. */
int ban_check_prefix(const struct prefix *prefix, struct error *error);

/*
 * Bans, or changes the ban that there is, for a shorter time too. `now` is the present
 * tick. -ENOSPC when the part of the table that this prefix falls into is full, -EINVAL
 * as from ban_check_prefix(); nothing has changed then.
 */
int ban_add(struct tables *tables, const struct ban *ban, uint32_t now, struct error *error);

/* Ends the ban of exactly this prefix. -ENOENT when there is none in force. */
int ban_remove(struct tables *tables, const struct prefix *prefix, uint32_t now);

/* The ban in force on exactly this prefix; false when there is none. */
bool ban_find(const struct tables *tables, const struct prefix *prefix, uint32_t now,
	      struct ban *ret_ban);

/*
 * Goes through all bans in force; start with *position = 0. False at the end. Each ban
 * comes once; one that is made meanwhile may come or not.
 */
bool ban_next(const struct tables *tables, size_t *position, uint32_t now, struct ban *ret_ban);

/* How many bans are in force; those of the configuration are policy_ban_count(). */
size_t ban_count(const struct tables *tables, uint32_t now);

struct table_fill {
	size_t used; /* slots in force */
	size_t capacity;
};

struct tables_fill {
	struct table_fill bans4;
	struct table_fill bans6;
	struct table_fill bans_wide;
};

/* How full the ban tables are; goes through them once. Fine with copies. */
void tables_fill(const struct tables *tables, uint32_t now, struct tables_fill *ret_fill);

/* ---- allow entries, guarded peers and bans of one policy ------------------- */

/*
 * Adds `role` (ROLE_*) to the entry for this prefix, of a policy that is not in force.
 * -ENOSPC when the policy has no room for more; -EINVAL for a ban that ban_check_prefix()
 * refuses.
 */
int policy_add_role(struct tables *tables, struct filter_policy *policy,
		    const struct prefix *prefix, uint64_t role, struct error *error);

/*
 * Takes `role` from the entry for exactly this prefix, of a policy that is not in force.
 * -ENOENT when it has none of it.
 */
int policy_remove_role(struct tables *tables, struct filter_policy *policy,
		       const struct prefix *prefix, uint64_t role);

/* The or-ed roles of all entries that cover this address; 0 when none does. */
uint64_t policy_role(const struct filter_policy *policy, const struct address *address);

/* The roles of the entry for exactly this prefix; 0 when there is none. */
uint64_t policy_role_of(const struct tables *tables, const struct filter_policy *policy,
			const struct prefix *prefix);

/* Goes through the entries; start with *position = 0. False at the end. */
bool policy_next(const struct filter_policy *policy, size_t *position, struct prefix *ret_prefix,
		 uint64_t *ret_role);

/* The same for the bans of the configuration alone. */
bool policy_next_ban(const struct filter_policy *policy, size_t *position, struct ban *ret_ban);
size_t policy_ban_count(const struct filter_policy *policy);

/* ---- for bans.c and roles.c ------------------------------------------------ */

int prefix_family(const struct prefix *prefix);

/*
 * Sets the hint of every /24 (IPv4) or /48 (IPv6) that the prefix touches; of a prefix so
 * wide that this would be slow, all hints of its family.
 */
void tables_set_hints(struct tables *tables, const struct prefix *prefix);

/* Fine when it is there already; -ENOSPC when there is no room. */
int lengths_add(struct filter_lengths *lengths, uint8_t length);
