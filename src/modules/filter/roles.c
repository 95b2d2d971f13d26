/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of tables.h that is about the allow table of a policy. It is only written while
 * no packet looks at it, so nothing here is atomic. An entry that has lost its roles keeps
 * its slot: behind one that was never used, readers look no further.
 */
#include <string.h>

#include "modules/filter/tables.h"

enum { ROLES_BAN = ROLE_BAN | ROLE_BAN_FORCED, SLOTS = ALLOW_BUCKETS * WIDE_SLOTS };

static struct wide_slot *slot_at(const struct filter_policy *policy, size_t i)
{
	return (struct wide_slot *)&policy->allow[i / WIDE_SLOTS % ALLOW_BUCKETS]
		.slot[i % WIDE_SLOTS];
}

/* The slot of this prefix, else the first free one, else NULL. */
static struct wide_slot *find_slot(const struct tables *tables, const struct filter_policy *policy,
				   const struct prefix *prefix)
{
	struct filter_key key = key_of(&prefix->address);
	size_t home = filter_wide_hash(key, prefix->length, tables->state->seed) % ALLOW_BUCKETS;
	struct wide_slot *free = NULL;

	for (size_t i = 0; i < WIDE_PROBES * WIDE_SLOTS; i++) {
		struct wide_slot *slot = slot_at(policy, home * WIDE_SLOTS + i);

		if (slot->word && WIDE_LENGTH(slot->word) == prefix->length &&
		    slot->key.high == key.high && slot->key.low == key.low)
			return slot;
		if (!free && !slot->role)
			free = slot;
		if (!slot->word)
			break;
	}
	return free;
}

/* Sets the bit of every IPv4 /16 or IPv6 /48 that the prefix touches. */
static void set_allow_hints(struct filter_policy *policy, const struct prefix *prefix,
			    uint64_t seed)
{
	struct filter_key key = key_of(&prefix->address);
	int family = prefix_family(prefix);
	uint32_t unit = family == FAMILY_V4 ? ADDRESS_V4_OFFSET + 16 : 48;
	uint64_t count = 1;

	if (prefix->length < unit)
		count = 1ULL << (unit - prefix->length < 16 ? unit - prefix->length : 16);
	if (count == ALLOW_HINT_BITS) {
		memset(policy->allow_hints[family], 0xff, sizeof(policy->allow_hints[family]));
		return;
	}
	for (uint64_t i = 0; i < count; i++) {
		uint32_t hint = filter_allow_hint((uint32_t)family, key, seed);

		policy->allow_hints[family][hint / 64] |= 1ULL << (hint % 64);
		key.low += family == FAMILY_V4 ? 1 << 16 : 0;
		key.high += family == FAMILY_V6 ? 1 << 16 : 0;
	}
}

static size_t policy_entries(const struct filter_policy *policy)
{
	size_t position = 0, count = 0;
	struct prefix prefix;
	uint64_t role;

	while (policy_next(policy, &position, &prefix, &role))
		count++;
	return count;
}

int policy_add_role(struct tables *tables, struct filter_policy *policy,
		    const struct prefix *prefix, uint64_t role, struct error *error)
{
	struct wide_slot *slot = find_slot(tables, policy, prefix);
	int r = role & ROLES_BAN ? ban_check_prefix(prefix, error) : 0;

	if (r < 0)
		return r;
	if (!slot || (!slot->role && policy_entries(policy) >= ALLOW_CAPACITY))
		return error_set(error, -ENOSPC,
				 "more than %d entries of 'allow', 'ban' and guarded peers "
				 "together; put them into a file, for 'allow-list' or 'deny-list'",
				 ALLOW_CAPACITY);
	if (lengths_add(&policy->allow_lengths[prefix_family(prefix)], prefix->length) < 0)
		return error_set(error, -ENOSPC,
				 "more than %d different prefix lengths among 'allow' and 'ban'; "
				 "put them into a file, for 'allow-list' or 'deny-list'",
				 LENGTHS_MAX);

	tables_set_hints(tables, prefix);
	set_allow_hints(policy, prefix, tables->state->seed);
	slot->key = key_of(&prefix->address);
	slot->role |= role;
	slot->word = BAN_FOREVER << BAN_END_SHIFT | prefix->length;
	return 0;
}

/* Takes away the lengths that no entry has any more: each costs packets a look-up. */
static void shrink_lengths(struct filter_policy *policy)
{
	size_t position = 0;
	struct prefix prefix;
	uint64_t role;

	memset(policy->allow_lengths, 0, sizeof(policy->allow_lengths));
	while (policy_next(policy, &position, &prefix, &role))
		lengths_add(&policy->allow_lengths[prefix_family(&prefix)], prefix.length);
}

int policy_remove_role(struct tables *tables, struct filter_policy *policy,
		       const struct prefix *prefix, uint64_t role)
{
	struct wide_slot *slot = find_slot(tables, policy, prefix);

	if (!(policy_role_of(tables, policy, prefix) & role))
		return -ENOENT;
	slot->role &= ~role;
	if (!slot->role)
		shrink_lengths(policy);
	return 0;
}

uint64_t policy_role_of(const struct tables *tables, const struct filter_policy *policy,
			const struct prefix *prefix)
{
	/* A slot that is only free has no role. */
	const struct wide_slot *slot = find_slot(tables, policy, prefix);

	return slot ? slot->role : 0;
}

uint64_t policy_role(const struct filter_policy *policy, const struct address *address)
{
	size_t position = 0;
	struct prefix prefix;
	uint64_t role, all = 0;

	while (policy_next(policy, &position, &prefix, &role))
		if (prefix_contains(&prefix, address))
			all |= role;
	return all;
}

bool policy_next(const struct filter_policy *policy, size_t *position, struct prefix *ret_prefix,
		 uint64_t *ret_role)
{
	while (*position < SLOTS) {
		const struct wide_slot *slot = slot_at(policy, (*position)++);

		if (!slot->role)
			continue;
		ret_prefix->address = address_of(slot->key);
		ret_prefix->length = WIDE_LENGTH(slot->word);
		*ret_role = slot->role;
		return true;
	}
	return false;
}

bool policy_next_ban(const struct filter_policy *policy, size_t *position, struct ban *ret_ban)
{
	struct prefix prefix;
	uint64_t role;

	while (policy_next(policy, position, &prefix, &role)) {
		if (!(role & ROLES_BAN))
			continue;
		*ret_ban = (struct ban){ .prefix = prefix,
					 .end = BAN_FOREVER,
					 .forced = role & ROLE_BAN_FORCED };
		return true;
	}
	return false;
}

size_t policy_ban_count(const struct filter_policy *policy)
{
	size_t position = 0, count = 0;
	struct ban ban;

	while (policy_next_ban(policy, &position, &ban))
		count++;
	return count;
}
