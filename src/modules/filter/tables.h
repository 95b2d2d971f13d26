/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The user side of the tables in filter.h: putting entries in and taking them out
 * while packets are judged by them on other CPUs.
 *
 * Writers hold the lock of the state directory (core/pins.h), so there is one at a
 * time; readers need nothing. No function here makes a system call.
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
	struct wide_bucket *bans_wide;  /* BAN_WIDE_BUCKETS */
};

struct filter_key key_of(const struct address *address);
struct address address_of(struct filter_key key);

/* ---- bans ---------------------------------------------------------------- */

struct ban {
	struct prefix prefix;
	uint32_t end; /* tick, or BAN_FOREVER */
	bool forced;
};

/* The shortest prefixes that can be banned; wider ones belong into a list. */
enum { BAN_V4_LENGTH_MIN = ADDRESS_V4_OFFSET + 8, BAN_V6_LENGTH_MIN = 32 };

/*
 * Bans, or changes the ban that there is. `now` is the present tick. -ENOSPC when
 * the part of the table that this prefix falls into is full, -EINVAL for a prefix
 * that is too wide; nothing has changed then.
 */
int ban_add(struct tables *tables, const struct ban *ban, uint32_t now, struct error *error);

/* Ends the ban of exactly this prefix. -ENOENT when there is none in force. */
int ban_remove(struct tables *tables, const struct prefix *prefix, uint32_t now);

/* The ban in force on exactly this prefix; false when there is none. */
bool ban_find(const struct tables *tables, const struct prefix *prefix, uint32_t now,
	      struct ban *ret_ban);

/* Goes through all bans in force; start with *position = 0. False at the end. */
bool ban_next(const struct tables *tables, size_t *position, uint32_t now, struct ban *ret_ban);

/* How many bans are in force. */
size_t ban_count(const struct tables *tables, uint32_t now);

/* ---- allow entries and guarded peers of one policy ------------------------- */

/* Adds `role` (ROLE_*) to the entry for this prefix. -ENOSPC when the policy has no room for more.
 */
int policy_add_role(struct tables *tables, struct filter_policy *policy,
		    const struct prefix *prefix, uint64_t role, struct error *error);

/* The or-ed roles of all entries that cover this address; 0 when none does. */
uint64_t policy_role(const struct filter_policy *policy, const struct address *address);

/* Goes through the entries; start with *position = 0. False at the end. */
bool policy_next(const struct filter_policy *policy, size_t *position, struct prefix *ret_prefix,
		 uint64_t *ret_role);
