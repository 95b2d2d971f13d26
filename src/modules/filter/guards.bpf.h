/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits. Each is a token bucket, kept as the one time at which it would be full again
 * (filter.h), so there is nothing that a timer must reset and nothing that can be reset
 * late. A source's buckets are in `meters`, in a fixed room that a flood of new sources
 * cannot take from those that are known to offend.
 */
#pragma once

#include "bpf/helpers.h"
#include "modules/filter/filter.h"
#include "modules/filter/lists.bpf.h"
#include "modules/filter/maps.bpf.h"
#include "modules/filter/packet.bpf.h"

enum { OVERDRAFT_MAX = 1024 }; /* payments; more than there are CPUs */

/* The unit of limits: 2^-METER_SHIFT jiffies. */
static __always_inline __u64 now_fine(void)
{
	return (bpf_jiffies64() + READ_ONCE(globals.state.tick_offset)) << METER_SHIFT;
}

/*
 * Takes `units` from the bucket; false, and nothing taken, when there are not so many in it.
 * A debt that this limit could not have let grow is that of a former policy's, and forgotten;
 * the margin is for what CPUs that pay at the same moment may overdraw.
 */
static __always_inline bool spend(__u64 *due, const struct filter_limit *limit, __u64 units,
				  __u64 now)
{
	__u64 cost = units * limit->interval >> PRICE_SHIFT;
	__u64 former = READ_ONCE(*due), owed = former > now ? former - now : 0;
	__u64 next;

	if (unlikely(owed > limit->burst + OVERDRAFT_MAX * cost))
		owed = 0;
	if (owed + cost > limit->burst)
		return false;
	next = now + owed + cost;
	/* Where another CPU was faster, the bucket has just been brought up to now. */
	if (__sync_val_compare_and_swap(due, former, next) != former)
		__sync_fetch_and_add(due, cost);
	return true;
}

static __always_inline bool meter_is(const struct filter_meter *meter, __u64 key, __u32 id)
{
	return READ_ONCE(meter->key) == key && READ_ONCE(meter->use) >> 24 == id;
}

/* The meter of a source, or NULL when it has none. */
static __always_inline struct filter_meter *find_meter(__u64 key, __u32 id)
{
	__u32 home = filter_meter_home(key, id, seed);
	struct filter_meter_bucket *bucket = bpf_map_lookup_elem(&meters, &home);

	if (!bucket)
		return NULL;
	for (int i = 0; i < METER_SLOTS; i++)
		if (meter_is(&bucket->slot[i], key, id))
			return &bucket->slot[i];
	return NULL;
}

static __always_inline struct filter_tally *own_tally(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&tallies, &cpu);
}

/* A table is full (enum filter_table): told at most every ten seconds. */
__noinline int tell_full(__u32 table);

/* The slot that a source that has none may take, as filter.h says; NULL when it may not. */
static __always_inline struct filter_meter *free_meter(struct filter_meter_bucket *bucket,
						       __u64 now)
{
	struct filter_meter *best = NULL;
	__u32 least = METER_COUNT_MAX + 1;

	for (int i = 0; i < METER_SLOTS; i++) {
		struct filter_meter *meter = &bucket->slot[i];
		__u32 used = READ_ONCE(meter->use) & METER_COUNT_MAX;

		if (READ_ONCE(meter->due) <= now)
			return meter;
		if (used < least) {
			least = used;
			best = meter;
		}
	}
	if (least <= 1 || (least < METER_KNOWN && !(bpf_get_prandom_u32() & 15)))
		return best;
	return NULL;
}

/*
 * Two CPUs may take one slot at once; the one whose key stays wins, and the other source
 * is looked for again with its next packet. No packet waits for another.
 */
static __always_inline struct filter_meter *take_meter(__u64 key, __u32 id, __u64 now)
{
	__u32 home = filter_meter_home(key, id, seed);
	struct filter_meter_bucket *bucket = bpf_map_lookup_elem(&meters, &home);
	struct filter_meter *meter;
	struct filter_tally *tally;

	if (!bucket)
		return NULL;
	meter = free_meter(bucket, now);
	if (!meter) {
		tally = own_tally();
		if (tally)
			tally->untracked++;
		tell_full(TABLE_METERS);
		return NULL;
	}
	meter->use = id << 24;
	meter->due = now;
	meter->proven = now;
	meter->pending = 0;
	meter->key = key;
	return meter;
}

static __always_inline __u32 pending_bit(__u16 source_port)
{
	return 1u << ((source_port ^ source_port >> 5 ^ source_port >> 10) & 31);
}

static __always_inline const struct filter_limit *limit_of(const struct filter_guard *guard,
							   __u32 kind)
{
	if (kind == METER_PACKETS)
		return &guard->packets;
	return kind == METER_BYTES ? &guard->bytes : &guard->connections;
}

/*
 * Charges a source for `units` of what meter `id` counts. False when it is over the limit.
 * A source that finds no room is not limited: it is one of very many, which is what
 * `total` and SYN cookies are for. `port`: of a SYN whose handshake is to be looked for.
 */
__noinline int charge(__u64 key, __u32 id, __u32 slot, __u32 units, __u32 port)
{
	const struct filter_policy *policy = &globals.policies[slot % FILTER_POLICY_SLOTS];
	const struct filter_guard *guard = &policy->guards[id & GUARDS_MAX];
	struct filter_meter *meter = find_meter(key, id);
	__u64 now = now_fine();

	if (!meter)
		meter = take_meter(key, id, now);
	if (!meter)
		return true;
	if ((READ_ONCE(meter->use) & METER_COUNT_MAX) < METER_COUNT_MAX)
		__sync_fetch_and_add(&meter->use, 1);
	if (!spend(&meter->due, limit_of(guard, id >> 6 & 3), units, now))
		return false;
	if (port)
		meter->pending |= pending_bit(port);
	return true;
}

static __always_inline struct filter_guard_counter *guard_counter(__u32 guard)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct filter_guard_counters *own = bpf_map_lookup_elem(&guard_counters, &cpu);

	if (!own)
		return NULL;
	/* clang 16 would add to it before it is tested, and the verifier refuses that. */
	asm volatile("" : "+r"(own));
	return &own->guards[guard & GUARDS_MAX];
}

/* What a shadow policy charges lies apart from what the policy in force does. */
#define SHADOW_KEY (1ULL << 63)

static __always_inline bool within_limits(struct xdp_md *ctx, const struct packet *packet,
					  const struct filter_guard *guard, __u64 key, __u32 slot)
{
	__u32 number = packet->guard;

	if (packet->connects && guard->connections.interval &&
	    !charge(key, filter_meter_id(number, METER_CONNECTIONS), slot, 1,
		    packet->protocol == IPPROTO_TCP ? packet->source_port : 0))
		return false;
	if (guard->packets.interval &&
	    !charge(key, filter_meter_id(number, METER_PACKETS), slot, 1, 0))
		return false;
	if (guard->bytes.interval &&
	    !charge(key, filter_meter_id(number, METER_BYTES), slot, frame_bytes(ctx), 0))
		return false;
	return true;
}
