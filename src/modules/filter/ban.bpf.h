/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bans made here, in the kernel: in force with the next packet, ended by the clock, whoever
 * is or is not running. All of this is rare, so the functions are global and plain.
 */
#pragma once

#include "bpf/helpers.h"
#include "modules/filter/account.bpf.h"
#include "modules/filter/ban_put.bpf.h"
#include "modules/filter/guards.bpf.h"
#include "modules/filter/lists.bpf.h"
#include "modules/filter/proof.bpf.h"

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
 * Whether what this source used up was its own doing: it completed more than a few connections,
 * and all that it was charged for but one, and one in sixteen: some are under way at the same
 * time, and of some the ACK is not noticed (see `pending`). So whoever forges SYNs in its name
 * only takes from what it may do. Packets and bytes can be forged one by one,
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
	return due <= proven + one + ((proven - now) >> 4) &&
	       proven - now > PROOF_CONNECTIONS * one;
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
