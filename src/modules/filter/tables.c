/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <string.h>

#include "modules/filter/tables.h"

/* A slot that is being written: no prefix has this length, so no reader can match it. */
#define LENGTH_NONE 0xff

static uint32_t word_end(uint64_t word)
{
	return (word >> BAN_END_SHIFT) & BAN_END_MASK;
}

static bool in_force(uint64_t word, uint32_t now)
{
	return now < word_end(word) || word_end(word) == BAN_FOREVER;
}

static uint64_t load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static uint64_t ban_word(const struct ban *ban, uint32_t low)
{
	return (uint64_t)(ban->end & BAN_END_MASK) << BAN_END_SHIFT |
	       (ban->forced ? BAN_FORCED : 0) | low;
}

/* The word that follows `previous` in a wide slot: the number in the middle goes up. */
static uint64_t wide_word(uint64_t previous, uint64_t end_and_forced, uint8_t length)
{
	uint32_t number = (((uint32_t)previous >> 8) + 1) & 0xffffff;

	return end_and_forced | number << 8 | length;
}

struct filter_key key_of(const struct address *address)
{
	struct filter_key key;

	memcpy(&key, address->bytes, sizeof(key));
	return (struct filter_key){ be64toh(key.high), be64toh(key.low) };
}

struct address address_of(struct filter_key key)
{
	struct address address;

	key = (struct filter_key){ htobe64(key.high), htobe64(key.low) };
	memcpy(address.bytes, &key, sizeof(key));
	return address;
}

static int family_of(const struct prefix *prefix)
{
	return prefix_is_v4(prefix) ? FAMILY_V4 : FAMILY_V6;
}

static bool is_v4_host(const struct prefix *prefix)
{
	return prefix_is_v4(prefix) && prefix_is_host(prefix);
}

static void set_hint(uint64_t *hints, uint32_t bit)
{
	__atomic_fetch_or(&hints[bit / 64], 1ULL << (bit % 64), __ATOMIC_SEQ_CST);
}

/* Sets the hint of every /24 (IPv4) or /48 (IPv6) that the prefix touches. */
static void set_hints(uint64_t *hints, const struct prefix *prefix, uint64_t seed)
{
	struct filter_key key = key_of(&prefix->address);

	if (prefix_is_v4(prefix)) {
		uint32_t first = filter_hint4((uint32_t)key.low);
		uint32_t length = prefix->length - ADDRESS_V4_OFFSET;
		uint32_t count = length >= 24 ? 1 : 1u << (24 - length);

		for (uint32_t i = 0; i < count; i++)
			set_hint(hints, first + i);
	} else {
		uint64_t count = prefix->length >= 48 ? 1 : 1ULL << (48 - prefix->length);

		for (uint64_t i = 0; i < count; i++)
			set_hint(hints, filter_hint6(key.high + (i << 16), seed));
	}
}

static int lengths_add(struct filter_lengths *lengths, uint8_t length)
{
	for (uint32_t i = 0; i < lengths->count; i++)
		if (lengths->length[i] == length)
			return 0;
	if (lengths->count == LENGTHS_MAX)
		return -ENOSPC;
	lengths->length[lengths->count] = length;
	__atomic_store_n(&lengths->count, lengths->count + 1, __ATOMIC_RELEASE);
	return 0;
}

/* ---- IPv4 addresses ------------------------------------------------------ */

static uint64_t *ban4_slot(const struct tables *tables, uint32_t address, size_t i)
{
	uint32_t home = filter_ban4_home(address, tables->state->seed);

	return (uint64_t *)&tables->bans4[(home + i / BAN4_SLOTS) % BAN4_BUCKETS]
		.slot[i % BAN4_SLOTS];
}

/* Slots fill from the front, so behind an empty one there is nothing. */
static uint64_t *ban4_find(const struct tables *tables, uint32_t address)
{
	for (size_t i = 0; i < BAN4_PROBES * BAN4_SLOTS; i++) {
		uint64_t *slot = ban4_slot(tables, address, i);
		uint64_t word = load(slot);

		if (!word)
			return NULL;
		if ((uint32_t)word == address)
			return slot;
	}
	return NULL;
}

static int ban4_add(struct tables *tables, uint32_t address, const struct ban *ban, uint32_t now)
{
	uint64_t *slot = ban4_find(tables, address);

	for (size_t i = 0; !slot && i < BAN4_PROBES * BAN4_SLOTS; i++)
		if (!in_force(load(ban4_slot(tables, address, i)), now))
			slot = ban4_slot(tables, address, i);
	if (!slot)
		return -ENOSPC;
	store(slot, ban_word(ban, address));
	return 0;
}

/* ---- everything else ------------------------------------------------------ */

static struct wide_slot *wide_slot(struct wide_bucket *buckets, size_t count, uint32_t home,
				   size_t i)
{
	return &buckets[(home + i / WIDE_SLOTS) % count].slot[i % WIDE_SLOTS];
}

static struct wide_slot *wide_find(struct wide_bucket *buckets, size_t count, uint32_t home,
				   struct filter_key key, uint8_t length)
{
	for (size_t i = 0; i < WIDE_PROBES * WIDE_SLOTS; i++) {
		struct wide_slot *slot = wide_slot(buckets, count, home, i);

		if (!slot->word)
			return NULL;
		if (WIDE_LENGTH(slot->word) == length && slot->key.high == key.high &&
		    slot->key.low == key.low)
			return slot;
	}
	return NULL;
}

static struct wide_slot *ban_wide_find(const struct tables *tables, const struct prefix *prefix)
{
	struct filter_key key = key_of(&prefix->address);
	uint32_t home = filter_wide_hash(key, prefix->length, tables->state->seed);

	return wide_find(tables->bans_wide, BAN_WIDE_BUCKETS, home, key, prefix->length);
}

static int ban_wide_add(struct tables *tables, const struct ban *ban, uint32_t now)
{
	struct filter_key key = key_of(&ban->prefix.address);
	uint32_t home = filter_wide_hash(key, ban->prefix.length, tables->state->seed);
	struct wide_slot *slot = ban_wide_find(tables, &ban->prefix);
	int r;

	for (size_t i = 0; !slot && i < WIDE_PROBES * WIDE_SLOTS; i++) {
		struct wide_slot *candidate =
			wide_slot(tables->bans_wide, BAN_WIDE_BUCKETS, home, i);

		if (!in_force(load((uint64_t *)&candidate->word), now))
			slot = candidate;
	}
	if (!slot)
		return -ENOSPC;
	r = lengths_add(&tables->state->ban_lengths[family_of(&ban->prefix)], ban->prefix.length);
	if (r < 0)
		return r;

	if (WIDE_LENGTH(slot->word) != ban->prefix.length || slot->key.high != key.high ||
	    slot->key.low != key.low) {
		store((uint64_t *)&slot->word, wide_word(slot->word, 0, LENGTH_NONE));
		store((uint64_t *)&slot->key.high, key.high);
		store((uint64_t *)&slot->key.low, key.low);
	}
	store((uint64_t *)&slot->word, wide_word(slot->word, ban_word(ban, 0), ban->prefix.length));
	return 0;
}

/* ---- bans ---------------------------------------------------------------- */

static int check_prefix(const struct prefix *prefix, struct error *error)
{
	/* Its ended slot would be a zero word, which means that nothing comes behind. */
	if (is_v4_host(prefix) && address_v4(&prefix->address) == 0)
		return error_set(error, -EINVAL, "0.0.0.0 is no host's address");
	if (prefix_is_v4(prefix) && prefix->length < BAN_V4_LENGTH_MIN)
		return error_set(error, -EINVAL,
				 "a ban covers at most a /8 of IPv4; block more with a firewall");
	if (!prefix_is_v4(prefix) && prefix->length < BAN_V6_LENGTH_MIN)
		return error_set(error, -EINVAL,
				 "a ban covers at most a /32 of IPv6; block more with a firewall");
	return 0;
}

int ban_add(struct tables *tables, const struct ban *ban, uint32_t now, struct error *error)
{
	int r = check_prefix(&ban->prefix, error);

	if (r < 0)
		return r;
	/* First the hints: an entry that a reader would not look for is no ban. */
	set_hints(tables->hints, &ban->prefix, tables->state->seed);
	if (ban->forced)
		__atomic_store_n(&tables->state->forced_bans, 1, __ATOMIC_SEQ_CST);
	if (is_v4_host(&ban->prefix))
		r = ban4_add(tables, (uint32_t)key_of(&ban->prefix.address).low, ban, now);
	else
		r = ban_wide_add(tables, ban, now);
	if (r == -ENOSPC)
		return error_set(error, r,
				 "the ban table has no room for it (%zu bans in force); "
				 "'sumun unban' what is no longer needed",
				 ban_count(tables, now));
	return r;
}

int ban_remove(struct tables *tables, const struct prefix *prefix, uint32_t now)
{
	if (is_v4_host(prefix)) {
		uint32_t address = (uint32_t)key_of(&prefix->address).low;
		uint64_t *slot = ban4_find(tables, address);

		if (!slot || !in_force(load(slot), now))
			return -ENOENT;
		store(slot, address);
	} else {
		struct wide_slot *slot = ban_wide_find(tables, prefix);

		if (!slot || !in_force(slot->word, now))
			return -ENOENT;
		store((uint64_t *)&slot->word, wide_word(slot->word, 0, prefix->length));
	}
	return 0;
}

static struct ban make_ban(struct filter_key key, uint8_t length, uint64_t word)
{
	return (struct ban){
		.prefix = { .address = address_of(key), .length = length },
		.end = word_end(word),
		.forced = word & BAN_FORCED,
	};
}

/* A copy of the slot that is whole: false when it changed while it was read. */
static bool wide_read(const struct wide_slot *slot, struct wide_slot *ret_slot)
{
	ret_slot->word = load((const uint64_t *)&slot->word);
	ret_slot->key.high = load((const uint64_t *)&slot->key.high);
	ret_slot->key.low = load((const uint64_t *)&slot->key.low);
	return load((const uint64_t *)&slot->word) == ret_slot->word &&
	       WIDE_LENGTH(ret_slot->word) != LENGTH_NONE;
}

bool ban_find(const struct tables *tables, const struct prefix *prefix, uint32_t now,
	      struct ban *ret_ban)
{
	struct filter_key key = key_of(&prefix->address);
	uint64_t word;

	if (is_v4_host(prefix)) {
		uint64_t *slot = ban4_find(tables, (uint32_t)key.low);

		word = slot ? load(slot) : 0;
	} else {
		struct wide_slot *slot = ban_wide_find(tables, prefix);

		word = slot ? load((uint64_t *)&slot->word) : 0;
	}
	if (!in_force(word, now))
		return false;
	*ret_ban = make_ban(key, prefix->length, word);
	return true;
}

bool ban_next(const struct tables *tables, size_t *position, uint32_t now, struct ban *ret_ban)
{
	while (*position < BAN4_CAPACITY) {
		size_t i = (*position)++;
		uint64_t word =
			load((const uint64_t *)&tables->bans4[i / BAN4_SLOTS].slot[i % BAN4_SLOTS]);

		if (!in_force(word, now))
			continue;
		*ret_ban = make_ban((struct filter_key){ 0, KEY_V4_LOW | (uint32_t)word },
				    ADDRESS_BITS, word);
		return true;
	}
	while (*position < BAN4_CAPACITY + BAN_WIDE_CAPACITY) {
		size_t i = (*position)++ - BAN4_CAPACITY;
		struct wide_slot slot;

		if (!wide_read(&tables->bans_wide[i / WIDE_SLOTS].slot[i % WIDE_SLOTS], &slot) ||
		    !in_force(slot.word, now))
			continue;
		*ret_ban = make_ban(slot.key, WIDE_LENGTH(slot.word), slot.word);
		return true;
	}
	return false;
}

size_t ban_count(const struct tables *tables, uint32_t now)
{
	size_t position = 0, count = 0;
	struct ban ban;

	while (ban_next(tables, &position, now, &ban))
		count++;
	return count;
}

/* ---- allow entries and guarded peers --------------------------------------- */

/* Sets the bit of every IPv4 /16 or IPv6 /48 that the prefix touches. */
static void set_allow_hints(struct filter_policy *policy, const struct prefix *prefix,
			    uint64_t seed)
{
	struct filter_key key = key_of(&prefix->address);
	int family = family_of(prefix);
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

/* A prefix so wide that setting its hints one by one would be slow gets them all at once. */
static void set_all_hints(struct tables *tables, int family)
{
	memset(tables->hints + (family == FAMILY_V4 ? 0 : HINT_WORDS / 2), 0xff,
	       HINT_WORDS / 2 * sizeof(*tables->hints));
}

int policy_add_role(struct tables *tables, struct filter_policy *policy,
		    const struct prefix *prefix, uint64_t role, struct error *error)
{
	struct filter_key key = key_of(&prefix->address);
	uint32_t home = filter_wide_hash(key, prefix->length, tables->state->seed);
	int family = family_of(prefix);
	struct wide_slot *slot = wide_find(policy->allow, ALLOW_BUCKETS, home, key, prefix->length);

	for (size_t i = 0; !slot && i < WIDE_PROBES * WIDE_SLOTS; i++)
		if (!wide_slot(policy->allow, ALLOW_BUCKETS, home, i)->word)
			slot = wide_slot(policy->allow, ALLOW_BUCKETS, home, i);
	if (!slot || (!slot->word && policy_entries(policy) >= ALLOW_CAPACITY))
		return error_set(error, -ENOSPC,
				 "more than %d allow entries and guarded peers together",
				 ALLOW_CAPACITY);
	if (lengths_add(&policy->allow_lengths[family], prefix->length) < 0)
		return error_set(error, -ENOSPC,
				 "more than %d different prefix lengths among the allow entries",
				 LENGTHS_MAX);

	if (prefix->length < (family == FAMILY_V4 ? ADDRESS_V4_OFFSET + 4 : 28))
		set_all_hints(tables, family);
	else
		set_hints(tables->hints, prefix, tables->state->seed);
	set_allow_hints(policy, prefix, tables->state->seed);
	slot->key = key;
	slot->role |= role;
	slot->word = BAN_FOREVER << BAN_END_SHIFT | prefix->length;
	return 0;
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
	while (*position < ALLOW_BUCKETS * WIDE_SLOTS) {
		size_t i = (*position)++;
		const struct wide_slot *slot = &policy->allow[i / WIDE_SLOTS].slot[i % WIDE_SLOTS];

		if (!slot->word)
			continue;
		ret_prefix->address = address_of(slot->key);
		ret_prefix->length = WIDE_LENGTH(slot->word);
		*ret_role = slot->role;
		return true;
	}
	return false;
}
