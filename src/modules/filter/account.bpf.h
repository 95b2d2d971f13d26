/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is remembered of a packet: one counter always, a sighting when dropped, seldom an event. */
#pragma once

#include "bpf/helpers.h"
#include "modules/filter/filter.h"
#include "modules/filter/guards.bpf.h"
#include "modules/filter/lists.bpf.h"
#include "modules/filter/maps.bpf.h"
#include "modules/filter/packet.bpf.h"

static __always_inline void count_packet(struct xdp_md *ctx, __u32 protocol,
					 enum filter_reason reason, enum filter_verdict verdict)
{
	__u32 index = filter_counters_index(bpf_get_smp_processor_id(), reason, verdict);
	struct filter_counters *counts = bpf_map_lookup_elem(&counters, &index);

	if (counts && protocol < PROTOCOL_ROOM) {
		counts->protocols[protocol].packets++;
		counts->protocols[protocol].bytes += frame_bytes(ctx);
	}
}

/* An attempt to connect, before it is decided whether the port is open. */
static __always_inline void count_attempt(const struct packet *packet)
{
	__u32 protocol = packet->protocol == IPPROTO_UDP ? FILTER_UDP : FILTER_TCP;
	__u32 cpu = bpf_get_smp_processor_id();
	__u32 bank = port_banks == cpus ? cpu : cpu % PORT_BANKS_MAX;
	__u32 port = packet->destination_port;
	__u32 index = (bank * FILTER_PORT_PROTOCOLS + protocol) * (FILTER_PORTS / PORTS_PER_PAGE) +
		      port / PORTS_PER_PAGE;
	struct filter_ports *page = bpf_map_lookup_elem(&ports, &index);

	if (!page)
		return;
	if (port_banks == cpus)
		page->attempts[port % PORTS_PER_PAGE]++;
	else
		__sync_fetch_and_add(&page->attempts[port % PORTS_PER_PAGE], 1);
}

/* Where events are written before they go into the rings: they are too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct filter_event);
} event_draft SEC(".maps");

static __always_inline struct filter_event *draft_event(enum filter_event_kind kind)
{
	__u32 first = 0;
	struct filter_event *event = bpf_map_lookup_elem(&event_draft, &first);

	if (!event)
		return NULL;
	__builtin_memset(event, 0, sizeof(*event));
	event->header.time = bpf_ktime_get_boot_ns();
	event->header.module = EVENT_FILTER;
	event->header.kind = kind;
	event->header.size = sizeof(*event);
	return event;
}

/* Into every ring; one that nobody reads is full. */
static __always_inline void send_event(struct filter_event *event)
{
	struct filter_tally *tally = own_tally();

	if (!tally)
		return;
	tally->events_sent++;
	if (bpf_ringbuf_output(&events0, event, sizeof(*event), 0))
		tally->events_lost[0]++;
	if (bpf_ringbuf_output(&events1, event, sizeof(*event), 0))
		tally->events_lost[1]++;
	if (bpf_ringbuf_output(&events2, event, sizeof(*event), 0))
		tally->events_lost[2]++;
	if (bpf_ringbuf_output(&events3, event, sizeof(*event), 0))
		tally->events_lost[3]++;
}

/* Fills in what an event says of a packet. */
static __always_inline void describe_packet(struct xdp_md *ctx, const struct packet *packet,
					    struct filter_event *event)
{
	event->source = read_address(ctx, packet->ip_offset, packet->family, false);
	event->destination = read_address(ctx, packet->ip_offset, packet->family, true);
	event->source_port = packet->source_port;
	event->destination_port = packet->destination_port;
	event->protocol = packet->protocol;
	event->ifindex = ctx->ingress_ifindex;
	event->bytes = frame_bytes(ctx);
	event->detail = packet->label;
}

static __always_inline void name_guard(struct filter_event *event, const struct filter_guard *guard)
{
	__builtin_memcpy(event->name, guard->name, sizeof(event->name));
}

/* Global, because it is rare and the verifier should check it once. */
__noinline int send_sighting(struct xdp_md *ctx, const struct packet *packet, __u32 what,
			     __u32 episode, __u32 slot)
{
	const struct filter_policy *policy = &globals.policies[slot % FILTER_POLICY_SLOTS];
	struct filter_event *event = draft_event(FILTER_EVENT_PACKET);

	if (!event || !packet)
		return 0;
	describe_packet(ctx, packet, event);
	event->reason = what & 0xff;
	event->dropped = what >> 8;
	event->episode = episode;
	if (packet->guard)
		name_guard(event, &policy->guards[packet->guard & GUARDS_MAX]);
	send_event(event);
	return 0;
}

/* filter.h says how sightings keep a flood of drops from becoming a flood of events. */
static __always_inline void sight(struct xdp_md *ctx, const struct packet *packet, __u32 reason,
				  bool dropped, __u32 slot)
{
	struct filter_key source = read_address(ctx, packet->ip_offset, packet->family, false);
	__u32 now = now_ticks();
	__u32 index = bpf_get_smp_processor_id() * SIGHTINGS_PER_CPU +
		      filter_wide_hash(source, reason, seed) % SIGHTINGS_PER_CPU;
	struct filter_sighting *seen = bpf_map_lookup_elem(&sightings, &index);

	if (!seen)
		return;
	if (likely(now - seen->last < SIGHTING_IDLE)) {
		if (seen->source.low == source.low && seen->source.high == source.high &&
		    seen->reason == reason) {
			seen->last = now;
			seen->packets++;
			seen->bytes += frame_bytes(ctx);
		}
		return;
	}
	seen->source = source;
	seen->reason = reason;
	seen->packets = 1;
	seen->bytes = frame_bytes(ctx);
	seen->last = now;
	seen->episode++;
	send_sighting(ctx, packet, reason | dropped << 8, seen->episode, slot);
}

int tell_full(__u32 table)
{
	struct filter_event *event;
	__u32 now = now_ticks();

	table %= TABLE_ROOM;
	if (now - globals.full_told[table] < FULL_TOLD_TICKS)
		return 0;
	globals.full_told[table] = now;
	event = draft_event(FILTER_EVENT_FULL);
	if (!event)
		return 0;
	event->detail = table;
	send_event(event);
	return 0;
}
