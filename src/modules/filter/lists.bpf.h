/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is this source banned or exempt? Look-ups in the tables that filter.h lays out. */
#pragma once

#include "bpf/helpers.h"
#include "modules/filter/filter.h"
#include "modules/filter/maps.bpf.h"
#include "modules/filter/packet.bpf.h"

static __always_inline __u32 now_ticks(void)
{
	return (bpf_jiffies64() + READ_ONCE(globals.state.tick_offset)) >> tick_shift;
}

/*
 * Addresses of which many share one, or that a host has before it has another: 0.0.0.0, ::,
 * and fe80::/10, where the whole link is one /64. They are limited, and neither banned here
 * nor listed: lists of what is routed nowhere name them, and a link would fall apart.
 */
static __always_inline bool is_nobody(__u32 family, struct filter_key source)
{
	if (family == FAMILY_V4)
		return (__u32)source.low == 0;
	return source.high == 0 || source.high >> 54 == 0xfe80 >> 6;
}

static __always_inline bool maybe_allowed(const struct filter_policy *policy, __u32 family,
					  struct filter_key source)
{
	__u32 hint = filter_allow_hint(family, source, seed) % ALLOW_HINT_BITS;

	return policy->allow_hints[family][hint / 64] >> (hint % 64) & 1;
}

static __always_inline bool is_hinted(__u32 bit)
{
	__u32 word = bit / 64;
	__u64 *hint = bpf_map_lookup_elem(&hints, &word);

	return !hint || *hint >> (bit % 64) & 1;
}

/*
 * False proves that there is no role, no ban and no IPv4 list for anything near the source of
 * this packet, which was parsed. The hints take too much room to be in a near cache, so they
 * are not read where only roles can matter, of which the policy has hints of its own.
 */
static __always_inline bool maybe_known(struct xdp_md *ctx, const struct packet *packet,
					const struct filter_policy *policy)
{
	struct filter_key source = read_address(ctx, packet->ip_offset, packet->family, false);
	__u32 bit;

	if (packet->family == FAMILY_V4) {
		if (!(policy->flags & POLICY_LISTS4) && !READ_ONCE(globals.state.banned[FAMILY_V4]))
			return maybe_allowed(policy, FAMILY_V4, source);
		bit = filter_hint4(source.low);
	} else {
		if (!READ_ONCE(globals.state.banned[FAMILY_V6]))
			return maybe_allowed(policy, FAMILY_V6, source);
		bit = filter_hint6(source.high, seed);
	}
	return is_hinted(filter_hint_coarse(bit)) && is_hinted(bit);
}

static __always_inline bool ban_in_force(__u64 word, __u32 now)
{
	__u32 end = (word >> BAN_END_SHIFT) & BAN_END_MASK;

	return now < end || end == BAN_FOREVER;
}

/*
 * The word of a ban in force on this IPv4 address in this one bucket, or 0. Without an
 * early return: the verifier then walks the slots once, not once for each way out.
 */
static __always_inline __u64 match_ban4(struct ban4_bucket *bucket, __u32 address, __u32 now)
{
	__u64 found = any_zero(bucket->slot[0]);

#pragma unroll
	for (int i = 0; i < BAN4_SLOTS; i++) {
		__u64 word = READ_ONCE(bucket->slot[i]);

		/* Two CPUs may have banned it at once: any of its slots counts. */
		if ((__u32)word == address && ban_in_force(word, now))
			found |= word;
	}
	return found;
}

/* The word of the ban in force on this IPv4 address, or 0. */
__noinline __u64 find_ban4(__u32 address, __u32 now)
{
	__u32 home = filter_ban4_home(address, seed);

	for (__u32 probe = 0; probe < BAN4_PROBES; probe++) {
		__u32 index = (home + probe) % BAN4_BUCKETS;
		struct ban4_bucket *bucket = bpf_map_lookup_elem(&bans4, &index);
		__u64 word;

		if (!bucket)
			return 0;
		word = match_ban4(bucket, address, now);
		if (word || !READ_ONCE(bucket->slot[BAN4_SLOTS - 1]))
			return word;
	}
	return 0;
}

/* How many buckets of a walk may be looked at once more, because they were being changed. */
enum { LOOKS_AGAIN = 3 };

/*
 * The word of the ban in force on this IPv6 /64 in one bucket, or 0. Not zero in *changed: no
 * answer, its slot was changed meanwhile. The key of a ban in force is not changed, so a slot
 * with another key has no say, whatever is being done to it.
 */
static __always_inline __u64 match_ban6(struct ban6_bucket *bucket, __u64 high, __u32 now,
					__u64 *changed)
{
	__u64 found = any_zero(high);

	*changed = found;
#pragma unroll
	for (int i = 0; i < BAN6_SLOTS; i++) {
		struct ban6_slot *slot = &bucket->slot[i];
		__u64 word = READ_ONCE(slot->word);

		if (READ_ONCE(slot->high) != high)
			continue;
		*changed |= word ^ READ_AGAIN(slot->word);
		if (WIDE_LENGTH(word) == 64 && ban_in_force(word, now))
			found |= word;
	}
	return found;
}

__noinline __u64 find_ban6(__u64 high, __u32 now)
{
	__u32 index = filter_ban6_home(high, seed);

	for (__u32 i = 0; i < BAN6_PROBES + LOOKS_AGAIN; i++) {
		struct ban6_bucket *bucket = bpf_map_lookup_elem(&bans6, &index);
		__u64 word, changed;

		if (!bucket)
			return 0;
		word = match_ban6(bucket, high, now, &changed);
		if (changed)
			continue;
		if (word || !READ_ONCE(bucket->slot[BAN6_SLOTS - 1].word))
			return word;
		index = (index + 1) % BAN6_BUCKETS;
	}
	return 0;
}

/*
 * Whether `slot`, of which *word is read, holds this prefix; one that never held any may seem to
 * hold 0/0. *changed as above.
 */
static __always_inline bool wide_match(struct wide_slot *slot, struct filter_key key, __u32 length,
				       __u64 *word, __u64 *changed)
{
	*word = READ_ONCE(slot->word);
	if (READ_ONCE(slot->key.low) != key.low || READ_ONCE(slot->key.high) != key.high ||
	    WIDE_LENGTH(*word) != length)
		return false;
	*changed |= *word ^ READ_AGAIN(slot->word);
	return true;
}

/* The first `length` bits of an address, without what the verifier has learned of them. */
static __always_inline struct filter_key masked(__u64 high, __u64 low, __u32 length, __u64 none)
{
	struct filter_key key = filter_key_mask((struct filter_key){ high, low }, length);

	return (struct filter_key){ key.high ^ none, key.low ^ none };
}

/*
 * The functions below are global, not static: the verifier then checks each once, for
 * any arguments, and not again behind every path that leads to it. They are only called
 * for packets whose hint bit is set and that judge_source_quickly() cannot decide.
 */

/* The word of the ban in force on exactly the first `length` bits of this source, or 0. */
__noinline __u64 find_ban_wide(__u64 high, __u64 low, __u32 length, __u32 now)
{
	__u64 none = any_zero(high);
	__u32 wanted = length ^ none;
	struct filter_key key = masked(high, low, length, none);
	__u32 index = filter_wide_hash(key, wanted, seed) % BAN_WIDE_BUCKETS;

	for (__u32 i = 0; i < WIDE_PROBES + LOOKS_AGAIN; i++) {
		struct wide_bucket *bucket = bpf_map_lookup_elem(&bans_wide, &index);
		__u64 found = none, changed = none, word;

		if (!bucket)
			return 0;
#pragma unroll
		for (int k = 0; k < WIDE_SLOTS; k++)
			if (wide_match(&bucket->slot[k], key, wanted, &word, &changed) &&
			    ban_in_force(word, now))
				found |= word;
		if (changed)
			continue;
		if (found || !READ_ONCE(bucket->slot[WIDE_SLOTS - 1].word))
			return found;
		index = (index + 1) % BAN_WIDE_BUCKETS;
	}
	return 0;
}

/* The role of the entry of a policy for exactly the first `length` bits, or 0. */
__noinline __u64 find_role(__u64 high, __u64 low, __u32 length, __u32 slot)
{
	struct filter_policy *policy = &globals.policies[slot % FILTER_POLICY_SLOTS];
	__u64 none = any_zero(high);
	__u32 wanted = length ^ none;
	struct filter_key key = masked(high, low, length, none);
	__u32 index = filter_wide_hash(key, wanted, seed) % ALLOW_BUCKETS;

	for (__u32 i = 0; i < WIDE_PROBES + LOOKS_AGAIN; i++) {
		struct wide_bucket *bucket = &policy->allow[index];
		__u64 role = none, changed = none, word;

#pragma unroll
		for (int k = 0; k < WIDE_SLOTS; k++)
			if (wide_match(&bucket->slot[k], key, wanted, &word, &changed))
				role |= bucket->slot[k].role;
		if (changed)
			continue;
		if (role || !bucket->slot[WIDE_SLOTS - 1].word)
			return role;
		index = (index + 1) % ALLOW_BUCKETS;
	}
	return 0;
}

/* The answer of judge_source(): banned, or else the roles that exempt it from something. */
#define SOURCE_BANNED (1ULL << 63)

/* Behind a ban that a guarded peer is exempt from there may be one by force, on another prefix. */
static __always_inline bool ban_holds(__u64 ban, __u64 role)
{
	__u64 counts = role ? BAN_FORCED : ~0ULL;

	return ban & counts;
}

/* A ban of the configuration, as a word of the ban table. */
static __always_inline __u64 ban_of_role(__u64 role)
{
	if (role & ROLE_BAN_FORCED)
		return BAN_FORCED | BAN_FOREVER << BAN_END_SHIFT;
	return role & ROLE_BAN ? BAN_FOREVER << BAN_END_SHIFT : 0;
}

/* Bans of whole networks: those that somebody made, and those that neighbours earned. */
static __always_inline __u64 find_networks(__u32 family, struct filter_key source, __u64 role,
					   __u32 now)
{
	const struct filter_lengths *lengths = &globals.state.ban_lengths[family];
	__u64 ban = 0;

	if (READ_ONCE(globals.state.aggregated[family])) {
		__u32 length = family == FAMILY_V4 ? AGGREGATE_V4 : AGGREGATE_V6;

		ban = find_ban_wide(source.high, source.low, length, now);
		if (family == FAMILY_V6)
			ban |= find_ban_wide(source.high, source.low, AGGREGATE_V6_WIDE, now);
	}
	for (__u32 i = 0; i < LENGTHS_MAX && i < READ_ONCE(lengths->count); i++) {
		if (ban_holds(ban, role))
			break;
		ban |= find_ban_wide(source.high, source.low, lengths->length[i], now);
	}
	return ban;
}

/* What is known of the source of this packet. */
__noinline __u64 judge_source(struct xdp_md *ctx, __u32 ip_offset, __u32 family, __u32 slot)
{
	struct filter_policy *policy = &globals.policies[slot % FILTER_POLICY_SLOTS];
	const struct filter_lengths *lengths;
	struct filter_key source;
	__u64 role = 0, ban = 0;
	__u32 now;

	source = read_address(ctx, ip_offset, family, false);
	family = family == FAMILY_V4 ? FAMILY_V4 : FAMILY_V6;
	if (maybe_allowed(policy, family, source)) {
		lengths = &policy->allow_lengths[family];
		for (__u32 i = 0; i < LENGTHS_MAX && i < lengths->count; i++)
			role |= find_role(source.high, source.low, lengths->length[i], slot);
	}
	ban = ban_of_role(role);
	role &= ~(__u64)(ROLE_BAN | ROLE_BAN_FORCED);
	/* What the operator allowed wins over everything; a guarded peer can be banned by force. */
	if (role & ROLE_ALLOW)
		return role;
	if (ban_holds(ban, role))
		return SOURCE_BANNED;
	if (role && !READ_ONCE(globals.state.forced_bans))
		return role;

	now = now_ticks();
	ban = family == FAMILY_V4 ? find_ban4(source.low, now) : find_ban6(source.high, now);
	if (!ban_holds(ban, role))
		ban |= find_networks(family, source, role, now);
	return ban_holds(ban, role) ? SOURCE_BANNED : role;
}

/* Not an answer, see below. */
#define SOURCE_UNDECIDED (1ULL << 62)

/* Guarded peers are single addresses; with an allowed prefix besides it takes judge_source(). */
static __always_inline __u64 find_role_quickly(const struct filter_policy *policy, __u32 family,
					       struct filter_key source)
{
	const struct filter_lengths *lengths = &policy->allow_lengths[family];
	__u32 home = filter_wide_hash(source, 128, seed) % ALLOW_BUCKETS;
	struct wide_bucket *bucket = (struct wide_bucket *)&policy->allow[home];
	__u64 role = any_zero(source.low), changed = role, word;

	if (lengths->count != 1 || lengths->length[0] != 128)
		return SOURCE_UNDECIDED;
#pragma unroll
	for (int i = 0; i < WIDE_SLOTS; i++)
		if (wide_match(&bucket->slot[i], source, 128, &word, &changed))
			role |= bucket->slot[i].role;
	if (changed || role & (ROLE_BAN | ROLE_BAN_FORCED))
		return SOURCE_UNDECIDED;
	if (role)
		return READ_ONCE(globals.state.forced_bans) ? SOURCE_UNDECIDED : role;
	return bucket->slot[WIDE_SLOTS - 1].word ? SOURCE_UNDECIDED : 0;
}

/* Banned by itself, undecided, or 0 for not banned. */
static __always_inline __u64 find_ban4_quickly(struct filter_key source)
{
	__u32 index = filter_ban4_home(source.low, seed);
	struct ban4_bucket *bucket;

	if (!READ_ONCE(globals.state.banned[FAMILY_V4]))
		return 0;
	bucket = bpf_map_lookup_elem(&bans4, &index);
	if (!bucket)
		return SOURCE_UNDECIDED;
	if (match_ban4(bucket, source.low, now_ticks()))
		return SOURCE_BANNED;
	if (READ_ONCE(bucket->slot[BAN4_SLOTS - 1]) || globals.state.ban_lengths[FAMILY_V4].count ||
	    READ_ONCE(globals.state.aggregated[FAMILY_V4]))
		return SOURCE_UNDECIDED;
	return 0;
}

/* The same of addresses that somebody banned one by one, in the table of any length. */
static __always_inline __u64 find_host_ban_quickly(struct filter_key source, __u32 now)
{
	__u32 index = filter_wide_hash(source, 128, seed) % BAN_WIDE_BUCKETS;
	struct wide_bucket *bucket = bpf_map_lookup_elem(&bans_wide, &index);
	__u64 found = any_zero(source.low), changed = found, word;

	if (!bucket)
		return SOURCE_UNDECIDED;
#pragma unroll
	for (int i = 0; i < WIDE_SLOTS; i++)
		if (wide_match(&bucket->slot[i], source, 128, &word, &changed) &&
		    ban_in_force(word, now))
			found |= word;
	if (changed)
		return SOURCE_UNDECIDED;
	if (found)
		return SOURCE_BANNED;
	return READ_ONCE(bucket->slot[WIDE_SLOTS - 1].word) ? SOURCE_UNDECIDED : 0;
}

static __always_inline __u64 find_ban6_quickly(struct filter_key source)
{
	const struct filter_lengths *lengths = &globals.state.ban_lengths[FAMILY_V6];
	__u32 index = filter_ban6_home(source.high, seed), now = now_ticks();
	struct ban6_bucket *bucket;
	__u64 found, changed;

	if (!READ_ONCE(globals.state.banned[FAMILY_V6]))
		return 0;
	bucket = bpf_map_lookup_elem(&bans6, &index);
	if (!bucket)
		return SOURCE_UNDECIDED;
	found = match_ban6(bucket, source.high, now, &changed);
	if (changed)
		return SOURCE_UNDECIDED;
	if (found)
		return SOURCE_BANNED;
	if (READ_ONCE(bucket->slot[BAN6_SLOTS - 1].word) ||
	    READ_ONCE(globals.state.aggregated[FAMILY_V6]))
		return SOURCE_UNDECIDED;
	if (!READ_ONCE(lengths->count))
		return 0;
	if (lengths->count > 1 || lengths->length[0] != 128)
		return SOURCE_UNDECIDED;
	return find_host_ban_quickly(source, now);
}

/*
 * The same answer without a call, or SOURCE_UNDECIDED, for the addresses that an attack
 * and its surroundings consist of: banned by themselves or not at all, found in the first
 * bucket. Where returns are guarded against speculation, a call costs as much as all of this.
 */
static __always_inline __u64 judge_source_quickly(struct xdp_md *ctx, __u32 ip_offset, __u8 family,
						  const struct filter_policy *policy)
{
	struct filter_key source = read_address(ctx, ip_offset, family, false);
	__u64 role;

	family = family == FAMILY_V4 ? FAMILY_V4 : FAMILY_V6;
	if (maybe_allowed(policy, family, source)) {
		role = find_role_quickly(policy, family, source);
		if (role)
			return role;
	}
	return family == FAMILY_V4 ? find_ban4_quickly(source) : find_ban6_quickly(source);
}
