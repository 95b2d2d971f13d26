/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is remembered of a packet: one counter always, a sighting when dropped, seldom an event. */
#pragma once

#include "bpf/helpers.h"
#include "modules/filter/filter.h"
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

static __always_inline void send_event(struct xdp_md *ctx, const struct packet *packet,
				       const struct filter_sighting *seen, bool dropped)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct filter_losses *own = bpf_map_lookup_elem(&losses, &cpu);
	struct filter_event *event;

	if (!own)
		return;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		own->events_lost++;
		return;
	}
	event->header.time = bpf_ktime_get_boot_ns();
	event->header.module = EVENT_FILTER;
	event->header.kind = FILTER_EVENT_PACKET;
	event->header.size = sizeof(*event);
	event->source = seen->source;
	event->destination = read_address(ctx, packet->ip_offset, packet->family, true);
	event->source_port = packet->source_port;
	event->destination_port = packet->destination_port;
	event->protocol = packet->protocol;
	event->reason = seen->reason;
	event->dropped = dropped;
	event->ifindex = ctx->ingress_ifindex;
	event->bytes = frame_bytes(ctx);
	event->episode = seen->episode;
	event->reserved = 0;
	bpf_ringbuf_submit(event, 0);
	own->events_sent++;
}

/* filter.h says how sightings keep a flood of drops from becoming a flood of events. */
static __always_inline void sight(struct xdp_md *ctx, const struct packet *packet,
				  enum filter_reason reason, bool dropped)
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
	send_event(ctx, packet, seen, dropped);
}
