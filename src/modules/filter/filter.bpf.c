/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One packet, from top to bottom: parse, bans, blocked ports, count. Cheapest first,
 * and a verdict on the source falls before anything behind its address is looked at.
 */
#include "bpf/helpers.h"
#include "modules/filter/account.bpf.h"
#include "modules/filter/filter.h"
#include "modules/filter/lists.bpf.h"
#include "modules/filter/maps.bpf.h"
#include "modules/filter/packet.bpf.h"

static __always_inline bool port_blocked(const struct filter_policy *policy,
					 const struct packet *packet)
{
	__u32 protocol = packet->protocol == IPPROTO_UDP ? FILTER_UDP : FILTER_TCP;
	__u16 port = packet->destination_port;

	return policy->blocked[protocol][port / 64] >> (port % 64) & 1;
}

/* The answers of a guarded peer's own service are let in, whatever port they come to. */
static __always_inline bool port_exempt(__u64 role, const struct packet *packet)
{
	__u16 from = role >> ROLE_SOURCE_PORT_SHIFT;

	return role & ROLE_ALLOW || (from && from == packet->source_port);
}

static __always_inline enum filter_reason judge(struct xdp_md *ctx, struct packet *packet,
						__u32 slot)
{
	enum filter_reason reason;
	__u64 role = 0;
	__be16 type;

	reason = parse_ethernet(ctx, packet, &type);
	if (reason != REASON_PASS)
		return reason;
	if (type == bpf_htons(ETH_P_IP)) {
		packet->family = FAMILY_V4;
		reason = parse_ipv4(ctx, packet);
	} else if (type == bpf_htons(ETH_P_IPV6)) {
		packet->family = FAMILY_V6;
		reason = parse_ipv6(ctx, packet);
	} else {
		packet->protocol = type == bpf_htons(ETH_P_ARP) ? PROTOCOL_ARP : PROTOCOL_NON_IP;
		return REASON_NON_IP;
	}
	if (reason == REASON_MALFORMED)
		return reason;

	if (unlikely(maybe_listed(ctx, packet))) {
		role = judge_source_quickly(ctx, packet->ip_offset, packet->family,
					    &globals.policies[slot]);
		if (role & SOURCE_UNDECIDED)
			role = judge_source(ctx, packet->ip_offset, packet->family, slot);
		if (role & SOURCE_BANNED)
			return REASON_BANNED;
	}
	if (reason != REASON_PASS)
		return reason;

	if (packet->later_fragment)
		return role ? REASON_ALLOWED : REASON_FRAGMENT;
	reason = parse_transport(ctx, packet);
	if (reason != REASON_PASS)
		return reason;
	if (packet->protocol == IPPROTO_TCP || packet->protocol == IPPROTO_UDP) {
		if (packet->connects)
			count_attempt(packet);
		if (port_blocked(&globals.policies[slot], packet) && !port_exempt(role, packet))
			return REASON_BLOCKED_PORT;
	}
	return role ? REASON_ALLOWED : REASON_PASS;
}

SEC("xdp.frags")
int filter(struct xdp_md *ctx)
{
	struct packet packet = { .protocol = PROTOCOL_UNKNOWN, .family = FAMILY_COUNT };
	/* Read once: the packet is judged by one policy, whatever is swapped meanwhile. */
	__u32 slot = READ_ONCE(globals.state.active) % FILTER_POLICY_SLOTS;
	enum filter_reason reason = judge(ctx, &packet, slot);
	bool enforce;

	if (likely(reason < REASON_FIRST_DROP)) {
		count_packet(ctx, packet.protocol, reason, VERDICT_PASSED);
		return XDP_PASS;
	}
	enforce = globals.policies[slot].mode == MODE_ENFORCE;
	sight(ctx, &packet, reason, enforce);
	count_packet(ctx, packet.protocol, reason, enforce ? VERDICT_DROPPED : VERDICT_PASSED);
	return enforce ? XDP_DROP : XDP_PASS;
}

/* Not a packet's business: two clocks read at one moment, for core/ticks.h. */
SEC("syscall")
int read_clock(struct filter_clock *clock)
{
	clock->jiffies = bpf_jiffies64();
	clock->boottime = bpf_ktime_get_boot_ns();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
