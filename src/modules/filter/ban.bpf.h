/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bans made here, in the kernel: in force with the next packet, ended by the clock, whoever
 * is or is not running. Writers are other CPUs and, one at a time, user space; filter.h says
 * how a slot is taken. All of this is rare, so the functions are global and plain.
 */
#pragma once

#include "bpf/helpers.h"
#include "modules/filter/account.bpf.h"
#include "modules/filter/guards.bpf.h"
#include "modules/filter/lists.bpf.h"
#include "modules/filter/proof.bpf.h"

enum { NO_ROOM = -28 }; /* ENOSPC */

#define BAN_WORD(end) ((__u64)(end) << BAN_END_SHIFT)

static __always_inline void set_bit(__u32 bit)
{
	__u32 word = bit / 64;
	__u64 *hint = bpf_map_lookup_elem(&hints, &word);

	if (hint && !(READ_ONCE(*hint) >> (bit % 64) & 1))
		__sync_fetch_and_or(hint, 1ULL << (bit % 64));
}

static __always_inline void set_hint(__u32 bit)
{
	set_bit(bit);
	set_bit(filter_hint_coarse(bit));
}

static __always_inline bool later(__u64 word, __u32 end)
{
	return (word >> BAN_END_SHIFT & BAN_END_MASK) >= end;
}

/* A ban that somebody forced stays forced for as long as it lasts. */
static __always_inline __u64 forced_bit(__u64 word, __u32 now)
{
	return ban_in_force(word, now) ? word & BAN_FORCED : 0;
}

/*
 * What is done at one step of a walk: global, so that the verifier checks it once and not for
 * every step. Two walks: `known` says that it is the first, in which a ban that stands is
 * looked for. An address that stands behind an ended slot must not be entered before it.
 */
__noinline int put_in_bucket4(struct ban4_bucket *bucket, __u32 address, __u32 end, __u32 known)
{
	__u32 now = now_ticks();

	if (!bucket)
		return false;
#pragma nounroll
	for (__u32 i = 0; i < BAN4_SLOTS; i++) {
		__u64 word = READ_ONCE(bucket->slot[i]), fresh;

		if (known ? (__u32)word != address || !word : ban_in_force(word, now))
			continue;
		if (known && later(word, end))
			return true;
		fresh = BAN_WORD(end) | address | (known ? forced_bit(word, now) : 0);
		if (__sync_val_compare_and_swap(&bucket->slot[i], word, fresh) == word)
			return true;
	}
	return false;
}

__noinline int put_ban4(__u32 address, __u32 end)
{
	__u32 home = filter_ban4_home(address, seed);

	for (__u32 i = 0; i < 2 * BAN4_PROBES; i++) {
		__u32 index = (home + i % BAN4_PROBES) % BAN4_BUCKETS;
		struct ban4_bucket *bucket = bpf_map_lookup_elem(&bans4, &index);

		if (bucket && put_in_bucket4(bucket, address, end, i < BAN4_PROBES))
			return 0;
	}
	return NO_ROOM;
}

/* The word that follows `word`: the number in its middle goes up. */
static __always_inline __u64 next_word(__u64 word, __u32 end, __u32 length)
{
	return BAN_WORD(end) | (((word >> 8) + 1) & 0xffffff) << 8 | length;
}

/* Changes the end of a ban whose key is there: 1 done, 0 another writer was faster. */
static __always_inline int extend(__u64 *slot, __u64 word, __u32 end, __u32 now)
{
	__u64 fresh = next_word(word, end, WIDE_LENGTH(word)) | forced_bit(word, now);

	return later(word, end) || __sync_val_compare_and_swap(slot, word, fresh) == word;
}

/* Takes a slot in which no ban is in force: the word that says so, 0 when it cannot be had. */
static __always_inline __u64 claim(__u64 *slot, __u64 word, __u32 now)
{
	__u64 taken = next_word(word, 0, LENGTH_NONE);

	if (word && ban_in_force(word, now))
		return 0;
	return __sync_val_compare_and_swap(slot, word, taken) == word ? taken : 0;
}

/*
 * Puts a ban into a slot of bans6 or bans_wide, which has `low` as well: true when it stands
 * there. `known` as above.
 */
static __always_inline bool put_in_slot(__u64 *word, __u64 *high, __u64 *low, struct filter_key key,
					__u32 length, __u32 end, __u32 known)
{
	__u64 seen = READ_ONCE(*word), taken;
	__u32 now = now_ticks();

	if (WIDE_LENGTH(seen) == LENGTH_NONE)
		return false;
	if (known)
		return WIDE_LENGTH(seen) == length && READ_ONCE(*high) == key.high &&
		       (!low || READ_ONCE(*low) == key.low) && extend(word, seen, end, now);
	taken = claim(word, seen, now);
	if (!taken)
		return false;
	*high = key.high;
	if (low)
		*low = key.low;
	__sync_lock_test_and_set(word, next_word(taken, end, length));
	return true;
}

__noinline int put_in_slot6(struct ban6_slot *slot, __u64 high, __u32 end, __u32 known)
{
	struct filter_key key = { high, 0 };

	return slot && put_in_slot(&slot->word, &slot->high, NULL, key, 64, end, known);
}

__noinline int put_ban6(__u64 high, __u32 end)
{
	__u32 home = filter_ban6_home(high, seed);

	for (__u32 i = 0; i < 2 * BAN6_PROBES; i++) {
		__u32 index = (home + i % BAN6_PROBES) % BAN6_BUCKETS, known = i < BAN6_PROBES;
		struct ban6_bucket *bucket = bpf_map_lookup_elem(&bans6, &index);

		for (int k = 0; bucket && k < BAN6_SLOTS; k++)
			if (put_in_slot6(&bucket->slot[k], high, end, known))
				return 0;
	}
	return NO_ROOM;
}

__noinline int put_in_slot_wide(struct wide_slot *slot, const struct filter_key *key, __u32 length,
				__u32 end, __u32 known)
{
	struct filter_key wanted;

	if (!slot || !key)
		return false;
	wanted = (struct filter_key){ key->high, key->low };
	return put_in_slot(&slot->word, &slot->key.high, &slot->key.low, wanted, length, end,
			   known);
}

__noinline int put_ban_wide(__u64 high, __u64 low, __u32 length, __u32 end)
{
	__u64 none = any_zero(high);
	__u32 wanted = length ^ none;
	struct filter_key key = masked(high, low, length, none);
	__u32 home = filter_wide_hash(key, wanted, seed);

	for (__u32 i = 0; i < 2 * WIDE_PROBES; i++) {
		__u32 index = (home + i % WIDE_PROBES) % BAN_WIDE_BUCKETS, known = i < WIDE_PROBES;
		struct wide_bucket *bucket = bpf_map_lookup_elem(&bans_wide, &index);

		for (int k = 0; bucket && k < WIDE_SLOTS; k++)
			if (put_in_slot_wide(&bucket->slot[k], &key, wanted, end, known))
				return 0;
	}
	return NO_ROOM;
}

/* What is banned of a source: the address in IPv4, its /64 in IPv6. */
static __always_inline struct filter_ban_key banned_key(__u32 family, struct filter_key source)
{
	struct filter_ban_key key = { .key = source, .length = 128 };

	if (family == FAMILY_V6) {
		key.key.low = 0;
		key.length = 64;
	}
	return key;
}

/* Before a ban: one that packets would not look for is none. */
static __always_inline void hint_at(__u32 family, struct filter_key source)
{
	globals.state.banned[family == FAMILY_V4 ? FAMILY_V4 : FAMILY_V6] = 1;
	set_hint(family == FAMILY_V4 ? filter_hint4(source.low) : filter_hint6(source.high, seed));
}

static __always_inline void send_ban(struct xdp_md *ctx, const struct packet *packet,
				     const struct filter_ban_key *key, __u32 end, __u32 offences,
				     bool proven, const struct filter_guard *guard)
{
	struct filter_event *event = draft_event(FILTER_EVENT_BAN);

	if (!event)
		return;
	describe_packet(ctx, packet, event);
	event->source = key->key;
	event->length = key->length;
	event->until = end;
	event->count = offences;
	event->proven = proven;
	event->dropped = true;
	if (guard)
		name_guard(event, guard);
	send_event(event);
}

/*
 * One more banned neighbour in this network: with enough of them within a day the network
 * is banned, once for each of them. Only proven offenders count here.
 */
static __always_inline void count_neighbour(struct xdp_md *ctx, const struct packet *packet,
					    struct filter_key source, __u32 length, __u32 threshold,
					    __u32 end, const struct filter_guard *guard)
{
	struct filter_ban_key key = { .key = filter_key_mask(source, length), .length = length };
	struct filter_ban_info fresh = { .origin = ORIGIN_GUARD }, *known;
	__u64 now = bpf_ktime_get_boot_ns();
	__u32 count;

	known = bpf_map_lookup_elem(&ban_info, &key);
	if (!known || now - known->since > DAY_NS) {
		fresh.since = now;
		fresh.offences = 1;
		__builtin_memcpy(fresh.why, "neighbours", sizeof("neighbours"));
		bpf_map_update_elem(&ban_info, &key, &fresh, BPF_ANY);
		return;
	}
	count = __sync_fetch_and_add(&known->offences, 1) + 1;
	if (count < threshold)
		return;
	if (put_ban_wide(key.key.high, key.key.low, length, end)) {
		tell_full(TABLE_BANS_WIDE);
		return;
	}
	globals.state.aggregated[packet->family == FAMILY_V4 ? FAMILY_V4 : FAMILY_V6] = 1;
	send_ban(ctx, packet, &key, end, count, true, guard);
}

__noinline int ban_neighbours(struct xdp_md *ctx, const struct packet *packet, __u32 slot,
			      __u32 end)
{
	const struct filter_policy *policy = &globals.policies[slot % FILTER_POLICY_SLOTS];
	const struct filter_guard *guard;
	struct filter_key source;
	__u32 threshold;

	if (!packet)
		return 0;
	guard = &policy->guards[packet->guard & GUARDS_MAX];
	threshold = policy->aggregate[packet->family == FAMILY_V4 ? FAMILY_V4 : FAMILY_V6];
	if (!threshold)
		return 0;
	source = read_address(ctx, packet->ip_offset, packet->family, false);
	if (packet->family == FAMILY_V4) {
		count_neighbour(ctx, packet, source, AGGREGATE_V4, threshold, end, guard);
	} else {
		count_neighbour(ctx, packet, source, AGGREGATE_V6, threshold, end, guard);
		count_neighbour(ctx, packet, source, AGGREGATE_V6_WIDE, threshold * 4, end, guard);
	}
	return 0;
}

/*
 * Whether what this source used up was its own doing: it completed all of the connections
 * that it was charged for but one, so that whoever forges SYNs in its name only takes from
 * what it may do, and it completed more than a few. Packets and bytes can be forged one by one,
 * with the ports of a connection too, and prove nothing.
 */
enum { PROOF_CONNECTIONS = 3 }; /* more than */

static __always_inline bool is_proven(const struct packet *packet, const struct filter_guard *guard,
				      __u64 key)
{
	__u64 now = now_fine(), one = guard->connections.interval >> PRICE_SHIFT;
	__u64 due, proven;
	struct filter_meter *meter;

	if (packet->protocol != IPPROTO_TCP || !packet->connects)
		return false;
	meter = find_meter(key, filter_meter_id(packet->guard, METER_CONNECTIONS));
	if (!meter)
		return false;
	due = READ_ONCE(meter->due);
	proven = READ_ONCE(meter->proven);
	if (due <= now || proven <= now)
		return false;
	return due <= proven + one && proven - now > PROOF_CONNECTIONS * one;
}

/* Ticks; 0: no ban. What may be forged bans for short, and does not add up. */
static __always_inline __u32 ban_length(const struct filter_policy *policy, __u32 ban,
					__u32 ban_max, __u32 offences, bool proven)
{
	__u64 length;

	if (!proven)
		return ban < policy->unproven_ban ? ban : policy->unproven_ban;
	length = (__u64)ban << (offences < 20 ? offences : 20);
	return length < ban_max ? length : ban_max;
}

/*
 * Bans the source of a packet that is over a limit of its guard. Returns the tick at which
 * the ban of a proven offender ends, for ban_neighbours(), else 0.
 */
__noinline __u32 ban_offender(struct xdp_md *ctx, const struct packet *packet, __u32 slot)
{
	const struct filter_policy *policy = &globals.policies[slot % FILTER_POLICY_SLOTS];
	struct filter_ban_info info = { .origin = ORIGIN_GUARD }, *known;
	const struct filter_guard *guard;
	struct filter_guard_counter *counter;
	struct filter_ban_key key;
	struct filter_tally *tally = own_tally();
	struct filter_key source;
	__u32 ticks, end;
	bool proven;

	if (!packet || !tally)
		return 0;
	guard = &policy->guards[packet->guard & GUARDS_MAX];
	source = read_address(ctx, packet->ip_offset, packet->family, false);
	if (is_nobody(packet->family, source))
		return 0;
	key = banned_key(packet->family, source);
	proven = is_proven(packet, guard, filter_source_key(packet->family, source));
	known = bpf_map_lookup_elem(&ban_info, &key);
	if (known && (known->origin == ORIGIN_GUARD || known->origin == ORIGIN_SCAN))
		info.offences = known->offences;
	ticks = ban_length(policy, guard->ban, guard->ban_max, info.offences, proven);
	if (!ticks)
		return 0;
	if (!spend(&globals.bans.due, &policy->ban_rate, 1, now_fine())) {
		tally->bans_withheld++;
		return 0;
	}
	end = now_ticks() + ticks + 1;
	hint_at(packet->family, source);
	if (packet->family == FAMILY_V4 ? put_ban4(source.low, end) : put_ban6(source.high, end)) {
		tally->bans_refused++;
		tell_full(packet->family == FAMILY_V4 ? TABLE_BANS4 : TABLE_BANS6);
		return 0;
	}
	info.since = bpf_ktime_get_boot_ns();
	info.offences += proven;
	__builtin_memcpy(info.why, guard->why, sizeof(info.why));
	if (bpf_map_update_elem(&ban_info, &key, &info, BPF_ANY))
		tell_full(TABLE_BAN_INFO);
	tally->bans++;
	counter = guard_counter(packet->guard);
	if (counter)
		counter->bans++;
	send_ban(ctx, packet, &key, end, info.offences, proven, guard);
	return proven ? end : 0;
}
