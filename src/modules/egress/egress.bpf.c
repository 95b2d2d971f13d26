/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a cgroup may send: one object for each policy, attached to its cgroup. judge() is what all
 * programs ask; connect and sendmsg say so to who called, and packets are what gets past these:
 * raw sockets, and sockets that were connected before there was a policy.
 */
#include "modules/egress/flow.bpf.h"
#include "modules/egress/tell.bpf.h"

enum verdict {
	VERDICT_ALLOWED = 1, /* not 0, which stands for none in a socket's memory */
	VERDICT_DENIED,      /* by a rule */
	VERDICT_NOT_ALLOWED, /* by no rule, where there are rules that allow */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct egress_rules);
} rules SEC(".maps");

/*
 * What was decided for a TCP socket: its generation, shifted, and the verdict; one word, as more
 * than one CPU may look. A SYN decides anew.
 */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} verdicts SEC(".maps");

enum { GENERATION_SHIFT = 8, VERDICT_MASK = 15, INBOUND = 16 };

/* ---- rules -------------------------------------------------------------------------------- */

static __always_inline bool matches(const struct egress_rule *rule, const struct flow *flow)
{
	if (rule->v4 != flow->v4 || (flow->address[0] & rule->mask[0]) != rule->address[0] ||
	    (flow->address[1] & rule->mask[1]) != rule->address[1])
		return false;
	if (!rule->protocols)
		return true;
	if (!(rule->protocols & flow->ports_of))
		return false;
	/* A later fragment has no ports: what may be denied is, what may be allowed is not. */
	if (!flow->has_ports)
		return rule->deny;
	return flow->port >= rule->first && flow->port <= rule->last;
}

/* Global, so that the verifier walks through the loop once. */
__noinline int judge(struct egress_rules *from, struct flow *flow)
{
	if (!from || !flow)
		return VERDICT_DENIED;
	for (__u32 i = 0; i < EGRESS_RULES && i < from->count; i++)
		if (matches(&from->rules[i], flow))
			return from->rules[i].deny ? VERDICT_DENIED : VERDICT_ALLOWED;
	return from->allows && !stays_here(flow) ? VERDICT_NOT_ALLOWED : VERDICT_ALLOWED;
}

static __always_inline struct egress_rules *rules_in_force(struct egress_state *now)
{
	__u32 slot = READ_ONCE(now->slot) & 1;

	return bpf_map_lookup_elem(&rules, &slot);
}

/* What a program returns: 1 goes on, 0 is EPERM, or a packet that is dropped. */
static __always_inline int conclude(struct egress_state *now, const struct egress_rules *from,
				    const struct flow *flow, enum egress_hook hook, __u64 cgroup)
{
	__sync_fetch_and_add(&now->denied[hook], 1);
	tell(now, flow, hook, cgroup, from->observe);
	return from->observe ? 1 : 0;
}

/* ---- sockets ------------------------------------------------------------------------------ */

static __always_inline int judge_call(struct flow *flow, enum egress_hook hook)
{
	struct egress_state *now = own_state();
	struct egress_rules *from = now ? rules_in_force(now) : NULL;

	if (!from)
		return 0;
	if (judge(from, flow) == VERDICT_ALLOWED) {
		__sync_fetch_and_add(&now->allowed[hook], 1);
		return 1;
	}
	return conclude(now, from, flow, hook, current_cgroup());
}

static __always_inline int judge_call4(struct bpf_sock_addr *call, enum egress_hook hook)
{
	struct flow flow = flow_to(call->protocol, bpf_ntohs((__u16)call->user_port));

	set_address4(&flow, call->user_ip4);
	return judge_call(&flow, hook);
}

static __always_inline int judge_call6(struct bpf_sock_addr *call, enum egress_hook hook)
{
	struct flow flow = flow_to(call->protocol, bpf_ntohs((__u16)call->user_port));
	__u32 words[4] = { call->user_ip6[0], call->user_ip6[1], call->user_ip6[2],
			   call->user_ip6[3] };

	set_address6(&flow, words);
	return judge_call(&flow, hook);
}

SEC("cgroup/connect4") int judge_connect4(struct bpf_sock_addr *call)
{
	return judge_call4(call, EGRESS_CONNECT);
}

SEC("cgroup/connect6") int judge_connect6(struct bpf_sock_addr *call)
{
	return judge_call6(call, EGRESS_CONNECT);
}

SEC("cgroup/sendmsg4") int judge_sendmsg4(struct bpf_sock_addr *call)
{
	return judge_call4(call, EGRESS_SENDMSG);
}

SEC("cgroup/sendmsg6") int judge_sendmsg6(struct bpf_sock_addr *call)
{
	return judge_call6(call, EGRESS_SENDMSG);
}

/* ---- packets ------------------------------------------------------------------------------ */

/*
 * Whether the other side began: then somebody listens at our port. A connection whose listener
 * ended before there was a policy cannot be told from one that began here.
 */
static __always_inline bool is_inbound(struct __sk_buff *packet, const struct flow *flow)
{
	struct bpf_sock_tuple wanted = { 0 };
	struct bpf_sock *listener;
	__u32 size = sizeof(wanted.ipv6);
	bool listens;

	if (flow->v4) {
		wanted.ipv4.daddr = flow->source[3];
		wanted.ipv4.dport = flow->source_port;
		size = sizeof(wanted.ipv4);
	} else {
		__builtin_memcpy(wanted.ipv6.daddr, flow->source, sizeof(flow->source));
		wanted.ipv6.dport = flow->source_port;
	}
	listener = bpf_skc_lookup_tcp(packet, &wanted, size, BPF_F_CURRENT_NETNS, 0);
	if (!listener)
		return false;
	listens = listener->state == BPF_TCP_LISTEN;
	bpf_sk_release(listener);
	return listens;
}

/* A listener answers many, each to be decided by itself: that the other side began is certain. */
static __always_inline enum verdict judge_answer(struct egress_rules *from, struct flow *flow)
{
	enum verdict verdict = judge(from, flow);

	return verdict == VERDICT_NOT_ALLOWED ? VERDICT_ALLOWED : verdict;
}

static __always_inline enum verdict judge_stream(struct __sk_buff *packet, struct bpf_sock *socket,
						 struct egress_rules *from, struct flow *flow)
{
	__u64 *known = bpf_sk_storage_get(&verdicts, socket, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	bool begins = (flow->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN, inbound = false;
	__u64 before = known && !begins ? READ_ONCE(*known) : 0;
	enum verdict verdict;

	if (before && before >> GENERATION_SHIFT == from->generation)
		return before & VERDICT_MASK;
	verdict = judge(from, flow);
	if (!begins && verdict == VERDICT_NOT_ALLOWED)
		inbound = before & INBOUND || is_inbound(packet, flow);
	if (inbound)
		verdict = VERDICT_ALLOWED;
	if (known)
		*known = (__u64)from->generation << GENERATION_SHIFT | (inbound ? INBOUND : 0) |
			 verdict;
	return verdict;
}

SEC("cgroup_skb/egress") int judge_packet(struct __sk_buff *packet)
{
	struct egress_state *now = own_state();
	struct egress_rules *from = now ? rules_in_force(now) : NULL;
	struct bpf_sock *socket = packet->sk;
	struct flow flow = { .protocol = 0 };
	enum verdict verdict;

	if (!from || !flow_of(packet, &flow))
		return 0;
	if (socket)
		socket = bpf_sk_fullsock(socket);
	if (!socket || socket->type != SOCKET_STREAM || socket->protocol != PROTOCOL_TCP)
		verdict = judge(from, &flow);
	else if (socket->state == BPF_TCP_LISTEN)
		verdict = judge_answer(from, &flow);
	else
		verdict = judge_stream(packet, socket, from, &flow);
	if (verdict == VERDICT_ALLOWED || is_neighbour_discovery(&flow))
		return 1;
	return conclude(now, from, &flow, EGRESS_PACKET, bpf_skb_cgroup_id(packet));
}

char LICENSE[] SEC("license") = "GPL";
