/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One packet, from top to bottom: parse, lists and bans, ports, guards, count. Cheapest
 * first, and a verdict on the source falls before anything behind its address is looked at.
 */
#include "bpf/helpers.h"
#include "modules/filter/account.bpf.h"
#include "modules/filter/ban.bpf.h"
#include "modules/filter/cookie.bpf.h"
#include "modules/filter/filter.h"
#include "modules/filter/guards.bpf.h"
#include "modules/filter/lists.bpf.h"
#include "modules/filter/maps.bpf.h"
#include "modules/filter/packet.bpf.h"
#include "modules/filter/prefixes.bpf.h"
#include "modules/filter/scan.bpf.h"

/* The answers of a guarded peer's own service are let in, whatever port they come to. */
static __always_inline bool port_exempt(__u64 role, const struct packet *packet)
{
	__u16 from = role >> ROLE_SOURCE_PORT_SHIFT;

	return role & ROLE_ALLOW || (from && from == packet->source_port);
}

/*
 * The limits of the guard that a packet falls to. A shadow policy charges meters of its own
 * and bans nobody.
 */
static __always_inline enum filter_reason apply_guard(struct xdp_md *ctx, struct packet *packet,
						      __u32 slot, bool shadow)
{
	const struct filter_policy *policy = &globals.policies[slot];
	const struct filter_guard *guard = &policy->guards[packet->guard & GUARDS_MAX];
	struct filter_key source = read_address(ctx, packet->ip_offset, packet->family, false);
	__u64 key = filter_source_key(packet->family, source) ^ (shadow ? SHADOW_KEY : 0);
	struct filter_guard_counter *count = shadow ? NULL : guard_counter(packet->guard);
	__u32 end;

	if (packet->connects && count)
		count->connections++;
	if (!within_limits(ctx, packet, guard, key, slot)) {
		if (count)
			count->limited++;
		if (!shadow && guard->ban && guard->mode == MODE_ENFORCE &&
		    policy->mode == MODE_ENFORCE) {
			end = ban_offender(ctx, packet, slot);
			if (end)
				ban_neighbours(ctx, packet, slot, end);
		}
		return REASON_LIMITED;
	}
	if (packet->acknowledges && guard->ban && guard->connections.interval && !shadow)
		look_for_proof(ctx, packet, guard, key);
	return REASON_PASS;
}

/* More SYNs than the stack should see: can this one be answered here? */
static __always_inline bool answered(struct xdp_md *ctx, const struct packet *packet, __u32 slot,
				     bool shadow)
{
	const struct filter_policy *policy = &globals.policies[slot];

	return policy->flags & POLICY_COOKIES && packet->protocol == IPPROTO_TCP &&
	       packet->connects && !shadow && policy->mode == MODE_ENFORCE &&
	       !spend(&globals.syns.due, &policy->cookies_above, 1, now_fine()) &&
	       answer_syn(ctx, packet);
}

/* Is there room for one more connection among those of all sources? */
static __always_inline bool has_room(const struct packet *packet, __u32 slot, bool shadow)
{
	__u32 number = packet->guard & GUARDS_MAX;
	const struct filter_limit *total = &globals.policies[slot].guards[number].total;
	struct filter_guard_counter *count;

	if (!total->interval || spend(&globals.totals[slot][number].due, total, 1, now_fine()))
		return true;
	count = shadow ? NULL : guard_counter(number);
	if (count)
		count->shed++;
	return false;
}

/* A guard that only observes keeps nobody from anything that comes after it. */
static __always_inline bool only_observes(const struct filter_policy *policy,
					  const struct packet *packet)
{
	return policy->mode == MODE_ENFORCE &&
	       policy->guards[packet->guard & GUARDS_MAX].mode == MODE_OBSERVE;
}

static __always_inline enum filter_reason judge_port(struct xdp_md *ctx, struct packet *packet,
						     __u64 role, __u32 slot, bool shadow)
{
	const struct filter_policy *policy = &globals.policies[slot];
	__u32 protocol = packet->protocol == IPPROTO_UDP ? FILTER_UDP : FILTER_TCP;
	__u32 action = policy->ports[protocol][packet->destination_port];

	if (packet->connects && !shadow)
		count_attempt(packet);
	if (packet->probes && !shadow && !role &&
	    (action & PORT_WATCHED || (policy->flags & POLICY_SCAN && !known_open(packet))))
		knock(ctx, packet, slot, action);
	if (action & PORT_BLOCKED && !port_exempt(role, packet))
		return REASON_BLOCKED_PORT;
	packet->guard = action & PORT_GUARD_MASK;
	return REASON_PASS;
}

/* The label of an IPv4 address that many others are listed near of; 0: none. */
__noinline __u32 find_label4(__u32 index, __u32 address)
{
	void *table = bpf_map_lookup_elem(&lists, &index);

	return table ? prefix_find4(table, address) : 0;
}

/* The label of the source in the lists of this policy; 0: on none. */
static __always_inline __u32 find_label(struct xdp_md *ctx, const struct packet *packet,
					const struct filter_policy *policy)
{
	struct filter_key source = read_address(ctx, packet->ip_offset, packet->family, false);
	__u32 index = policy->list_table;
	void *table = bpf_map_lookup_elem(&lists, &index);
	__u32 label;

	if (!table)
		return 0;
	if (packet->family == FAMILY_V4) {
		label = prefix_find4_quickly(table, source.low);
		if (label == PREFIX_UNDECIDED)
			label = find_label4(index, source.low);
	} else {
		label = prefix_find6(table, source.high, source.low);
	}
	return label & LABEL_ALLOW || !is_nobody(packet->family, source) ? label : 0;
}

/* What holds an IPv6 link together (RFC 4861) falls under no limit. */
static __always_inline bool is_neighbour_discovery(struct xdp_md *ctx, const struct packet *packet)
{
	__u8 *type;

	if (packet->protocol != IPPROTO_ICMPV6 || packet->family != FAMILY_V6 ||
	    packet->later_fragment || packet->offset > HEADER_OFFSET_MAX)
		return false;
	type = frame_start(ctx) + packet->offset;
	return (void *)(type + 1) <= frame_end(ctx) && *type >= 133 && *type <= 137;
}

/* Everything that is known of the source alone. REASON_PASS: nothing against it, or a role. */
static __always_inline enum filter_reason judge_address(struct xdp_md *ctx, struct packet *packet,
							__u32 slot, __u64 *role)
{
	const struct filter_policy *policy = &globals.policies[slot];
	bool known = maybe_known(ctx, packet, policy), banned;
	__u32 lists = packet->family == FAMILY_V4 ? POLICY_LISTS4 : POLICY_LISTS6;

	if (unlikely(known)) {
		*role = judge_source_quickly(ctx, packet->ip_offset, packet->family, policy);
		if (*role & SOURCE_UNDECIDED)
			*role = judge_source(ctx, packet->ip_offset, packet->family, slot);
	}
	banned = *role & SOURCE_BANNED;
	/* Nothing but an allow list is above a ban. */
	if (banned && !policy->allow_lists)
		return REASON_BANNED;
	/* In IPv4 the lists set hints too; an IPv6 list may cover more than hints can say. */
	if (policy->flags & lists && (known || packet->family == FAMILY_V6))
		packet->label = find_label(ctx, packet, policy);
	if (packet->label & LABEL_ALLOW) {
		*role = ROLE_ALLOW;
		return REASON_PASS;
	}
	if (banned) {
		packet->label = 0;
		return REASON_BANNED;
	}
	return packet->label && !*role ? REASON_LISTED : REASON_PASS;
}

static __always_inline enum filter_reason judge(struct xdp_md *ctx, struct packet *packet,
						__u32 slot, bool shadow)
{
	const struct filter_policy *policy = &globals.policies[slot];
	enum filter_reason reason, source;
	__u64 role = any_zero(globals.state.in_force);
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
	source = judge_address(ctx, packet, slot, &role);
	if (source != REASON_PASS)
		return source;
	if (reason != REASON_PASS)
		return reason;

	if (!is_neighbour_discovery(ctx, packet))
		packet->guard = policy->other_guard;
	if (packet->later_fragment) {
		reason = role ? REASON_ALLOWED : REASON_FRAGMENT;
	} else {
		reason = parse_transport(ctx, packet);
		if (reason == REASON_PASS &&
		    (packet->protocol == IPPROTO_TCP || packet->protocol == IPPROTO_UDP))
			reason = judge_port(ctx, packet, role, slot, shadow);
		if (reason == REASON_PASS && role)
			reason = REASON_ALLOWED;
	}
	if (role || reason >= REASON_FIRST_DROP)
		return reason;
	if (packet->guard) {
		source = apply_guard(ctx, packet, slot, shadow);
		if (source != REASON_PASS && !only_observes(policy, packet))
			return source;
	} else if (policy->flags & POLICY_SOURCES && packet->connects && !shadow &&
		   packet->protocol == IPPROTO_TCP) {
		struct filter_key key = read_address(ctx, packet->ip_offset, packet->family, false);

		charge(filter_source_key(packet->family, key), 0, slot, 1, 0);
	}
	if (answered(ctx, packet, slot, shadow))
		return REASON_COOKIE;
	if (source != REASON_PASS)
		return source;
	if (packet->connects && !has_room(packet, slot, shadow))
		return REASON_SHED;
	return reason;
}

static __always_inline void count_list(struct xdp_md *ctx, __u32 label)
{
	__u32 cpu = bpf_get_smp_processor_id(), number = LABEL_LIST(label);
	struct filter_list_counters *own = bpf_map_lookup_elem(&list_counters, &cpu);

	if (own) {
		own->lists[number].packets++;
		own->lists[number].bytes += frame_bytes(ctx);
	}
}

/* A guard that only observes lets its packets pass, whatever the policy does with others. */
static __always_inline bool enforced(const struct filter_policy *policy,
				     const struct packet *packet, enum filter_reason reason)
{
	if (policy->mode != MODE_ENFORCE)
		return false;
	if (reason == REASON_LIMITED || reason == REASON_SHED)
		return policy->guards[packet->guard & GUARDS_MAX].mode == MODE_ENFORCE;
	return true;
}

/* What the shadow policy would have said of a packet of which `reason` was said. */
__noinline int try_shadow(struct xdp_md *ctx, __u32 reason)
{
	struct packet packet = { .protocol = PROTOCOL_UNKNOWN, .family = FAMILY_COUNT };
	__u32 slot = (READ_ONCE(globals.state.shadow) - 1) % FILTER_POLICY_SLOTS;
	__u32 cpu = bpf_get_smp_processor_id();
	struct filter_shadow_counters *own = bpf_map_lookup_elem(&shadow_counters, &cpu);
	__u32 other = judge(ctx, &packet, slot, true) % REASON_ROOM;

	if (own) {
		own->pairs[reason % REASON_ROOM][other].packets++;
		own->pairs[reason % REASON_ROOM][other].bytes += frame_bytes(ctx);
	}
	return 0;
}

/* Was this interface attached for a policy that was then taken back? */
static __always_inline bool is_new_interface(__u32 ifindex)
{
	for (int i = 0; i < NEW_INTERFACES_MAX; i++)
		if (globals.state.new_interfaces[i] == ifindex)
			return true;
	return false;
}

SEC("xdp.frags")
int filter(struct xdp_md *ctx)
{
	struct packet packet = { .protocol = PROTOCOL_UNKNOWN, .family = FAMILY_COUNT };
	/* Read once: the packet is judged by one policy, whatever is swapped meanwhile. */
	__u64 in_force = READ_ONCE(globals.state.in_force);
	__u32 slot = in_force % FILTER_POLICY_SLOTS;
	enum filter_reason reason;
	bool enforce;

	if (unlikely(in_force >> 32) && now_ticks() >= in_force >> 32) {
		/* Nobody confirmed the policy in time: as if it had never come. */
		slot = (in_force >> 8) % FILTER_POLICY_SLOTS;
		if (is_new_interface(ctx->ingress_ifindex))
			return XDP_PASS;
	}
	reason = judge(ctx, &packet, slot, false);
	/* An answer took the place of its SYN: there is nothing left to try. */
	if (unlikely(globals.state.shadow) && reason != REASON_COOKIE)
		try_shadow(ctx, reason);
	if (packet.label)
		count_list(ctx, packet.label);
	if (likely(reason < REASON_FIRST_DROP)) {
		count_packet(ctx, packet.protocol, reason, VERDICT_PASSED);
		return XDP_PASS;
	}
	if (reason == REASON_COOKIE) {
		count_packet(ctx, packet.protocol, reason, VERDICT_ANSWERED);
		return XDP_TX;
	}
	enforce = enforced(&globals.policies[slot], &packet, reason);
	sight(ctx, &packet, reason, enforce, slot);
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
