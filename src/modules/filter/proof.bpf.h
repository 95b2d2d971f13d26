/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Has a source shown that it receives what it is sent? Anybody can write any address on a
 * SYN; only who got our SYN-ACK can acknowledge it. So handshakes are counted when they
 * complete, by asking the kernel for the socket, at most once for each SYN that was let in.
 */
#pragma once

#include "bpf/helpers.h"
#include "bpf/kernel.h"
#include "modules/filter/guards.bpf.h"

/* include/net/tcp_states.h */
enum { STATE_LISTEN = 10, STATE_NEW_SYN_RECV = 12 };

/* Fills the tuple; returns its size, 0 when the addresses cannot be read. */
static __always_inline __u32 read_tuple(struct xdp_md *ctx, const struct packet *packet,
					struct bpf_sock_tuple *tuple)
{
	if (packet->ip_offset > HEADER_OFFSET_MAX)
		return 0;
	if (packet->family == FAMILY_V4) {
		struct iphdr *ip = frame_start(ctx) + packet->ip_offset;

		if ((void *)(ip + 1) > frame_end(ctx))
			return 0;
		tuple->ipv4.saddr = ip->saddr;
		tuple->ipv4.daddr = ip->daddr;
		tuple->ipv4.sport = bpf_htons(packet->source_port);
		tuple->ipv4.dport = bpf_htons(packet->destination_port);
		return sizeof(tuple->ipv4);
	} else {
		struct ipv6hdr *ip = frame_start(ctx) + packet->ip_offset;

		if ((void *)(ip + 1) > frame_end(ctx))
			return 0;
		__builtin_memcpy(tuple->ipv6.saddr, &ip->saddr, sizeof(tuple->ipv6.saddr));
		__builtin_memcpy(tuple->ipv6.daddr, &ip->daddr, sizeof(tuple->ipv6.daddr));
		tuple->ipv6.sport = bpf_htons(packet->source_port);
		tuple->ipv6.dport = bpf_htons(packet->destination_port);
		return sizeof(tuple->ipv6);
	}
}

static __always_inline struct tcphdr *tcp_header(struct xdp_md *ctx, const struct packet *packet)
{
	struct tcphdr *tcp;

	if (packet->offset > HEADER_OFFSET_MAX)
		return NULL;
	tcp = frame_start(ctx) + packet->offset;
	return (void *)(tcp + 1) > frame_end(ctx) ? NULL : tcp;
}

/* A listener answered with a SYN cookie of its own: the kernel knows whether this is its answer. */
static __always_inline bool answers_cookie(struct xdp_md *ctx, const struct packet *packet,
					   struct bpf_sock *socket)
{
	struct tcphdr *tcp = tcp_header(ctx, packet);
	void *ip;

	if (!tcp || packet->ip_offset > HEADER_OFFSET_MAX)
		return false;
	ip = frame_start(ctx) + packet->ip_offset;
	if (packet->family == FAMILY_V4) {
		if (ip + sizeof(struct iphdr) > frame_end(ctx))
			return false;
		return bpf_tcp_check_syncookie(socket, ip, sizeof(struct iphdr), tcp,
					       sizeof(*tcp)) == 0;
	}
	if (ip + sizeof(struct ipv6hdr) > frame_end(ctx))
		return false;
	return bpf_tcp_check_syncookie(socket, ip, sizeof(struct ipv6hdr), tcp, sizeof(*tcp)) == 0;
}

/* Whether this packet, which has ACK and not SYN, belongs to a handshake that it completed. */
__noinline int completes_handshake(struct xdp_md *ctx, const struct packet *packet)
{
	struct bpf_sock_tuple tuple = {};
	struct tcp_request_sock *request;
	struct bpf_sock *socket;
	bool completes = false;
	struct tcphdr *tcp;
	__u32 size, acknowledged, state;

	if (!packet)
		return false;
	tcp = tcp_header(ctx, packet);
	if (!tcp)
		return false;
	acknowledged = bpf_ntohl(tcp->ack_seq);
	size = read_tuple(ctx, packet, &tuple);
	if (!size)
		return false;
	socket = bpf_skc_lookup_tcp(ctx, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!socket)
		return false;
	state = socket->state;
	/* A connection that stands proves nothing: its ports are easily known, its numbers not. */
	if (state == STATE_NEW_SYN_RECV) {
		request = bpf_skc_to_tcp_request_sock(socket);
		completes = request && request->snt_isn + 1 == acknowledged;
	} else if (state == STATE_LISTEN) {
		completes = answers_cookie(ctx, packet, socket);
	}
	bpf_sk_release(socket);
	return completes;
}

/* Notes a completed handshake in the meter that was charged for its SYN. */
static __always_inline void look_for_proof(struct xdp_md *ctx, const struct packet *packet,
					   const struct filter_guard *guard, __u64 key)
{
	struct filter_meter *meter =
		find_meter(key, filter_meter_id(packet->guard, METER_CONNECTIONS));
	__u32 bit = pending_bit(packet->source_port);

	if (likely(!meter || !(READ_ONCE(meter->pending) & bit)))
		return;
	meter->pending &= ~bit;
	if (completes_handshake(ctx, packet))
		spend(&meter->proven, &guard->connections, 1, now_fine());
}
