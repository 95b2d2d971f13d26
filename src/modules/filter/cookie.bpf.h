/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SYN cookies before the stack: above a rate, a SYN to an open port is answered from here
 * with the cookie that the kernel would have sent (RFC 4987, 3.6), and nothing is kept of it.
 * The kernel accepts the client's answer when net.ipv4.tcp_syncookies is 2; it refuses to
 * make a cookie otherwise, and then the SYN goes its usual way.
 *
 * The answer takes the place of the SYN and is never longer than it.
 */
#pragma once

#include "bpf/helpers.h"
#include "modules/filter/guards.bpf.h"
#include "modules/filter/proof.bpf.h"

/* include/linux/socket.h; the C library's own header does not go together with the kernel's. */
enum { AF_INET = 2, AF_INET6 = 10 };

enum {
	COOKIE_WINDOW = 64240,
	COOKIE_TTL = 64,
	TCP_OPTION_MSS = 2,
	MSS_V4 = 1460,
	MSS_V6 = 1440,
	TCP_HEADERS_MAX = 3, /* 60 bytes: one header with all the options that it can have */
};

struct mss_option {
	__u8 kind;
	__u8 length;
	__be16 mss;
};

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* The sum of `count` 32-bit words, a constant. */
static __always_inline __u64 sum_words(const void *data, int count)
{
	const __u32 *words = data;
	__u64 sum = 0;

#pragma unroll
	for (int i = 0; i < count; i++)
		sum += words[i];
	return sum;
}

static __always_inline void swap_macs(struct ethernet_header *ethernet)
{
#pragma unroll
	for (int i = 0; i < 3; i++) {
		__be16 other = ethernet->addresses[i];

		ethernet->addresses[i] = ethernet->addresses[i + 3];
		ethernet->addresses[i + 3] = other;
	}
}

/* Behind it stands the room for one option, when `doff` is 6. */
static __always_inline void write_tcp(struct tcphdr *tcp, __u32 cookie, __u16 mss, bool option)
{
	__be16 source = tcp->source;
	__be32 sequence = tcp->seq;

	tcp->source = tcp->dest;
	tcp->dest = source;
	tcp->seq = bpf_htonl(cookie);
	tcp->ack_seq = bpf_htonl(bpf_ntohl(sequence) + 1);
	((__be16 *)tcp)[6] = bpf_htons((option ? 6 : 5) << 12 | 0x12); /* SYN, ACK */
	tcp->window = bpf_htons(COOKIE_WINDOW);
	tcp->check = 0;
	tcp->urg_ptr = 0;
	if (option)
		*(struct mss_option *)(tcp + 1) =
			(struct mss_option){ TCP_OPTION_MSS, 4, bpf_htons(mss) };
}

static __always_inline __u64 sum_tcp(const struct tcphdr *tcp, bool option)
{
	return sum_words(tcp, 5) + (option ? sum_words(tcp + 1, 1) : 0) + bpf_htons(IPPROTO_TCP) +
	       bpf_htons(option ? 24 : 20);
}

static __always_inline void write_ipv4(struct iphdr *ip, bool option)
{
	__be32 source = ip->saddr;

	ip->tos = 0;
	ip->tot_len = bpf_htons(sizeof(*ip) + (option ? 24 : 20));
	ip->id = 0;
	ip->frag_off = bpf_htons(0x4000); /* do not fragment */
	ip->ttl = COOKIE_TTL;
	ip->check = 0;
	ip->saddr = ip->daddr;
	ip->daddr = source;
	ip->check = fold(sum_words(ip, 5));
}

static __always_inline void write_ipv6(struct ipv6hdr *ip, bool option)
{
	struct in6_addr source = ip->saddr;

	*(__be32 *)ip = bpf_htonl(6u << 28);
	ip->payload_len = bpf_htons(option ? 24 : 20);
	ip->hop_limit = COOKIE_TTL;
	ip->saddr = ip->daddr;
	ip->daddr = source;
}

/*
 * The kernel's cookie for this SYN, the connection's MSS above it; negative when it gives
 * none. It wants the header with all its options, whose length no frame promises beforehand:
 * so it gets a copy.
 */
static __always_inline __s64 make_cookie(struct xdp_md *ctx, const struct packet *packet, void *ip,
					 __u32 ip_size, __u32 tcp_size)
{
	struct bpf_sock_tuple tuple = {};
	struct tcphdr tcp[TCP_HEADERS_MAX] = {};
	__u32 size = read_tuple(ctx, packet, &tuple);
	struct bpf_sock *socket;
	__s64 cookie = -1;

	if (!size || tcp_size < sizeof(*tcp) || tcp_size > sizeof(tcp))
		return -1;
	/* A copy on the stack, from before the test, would not be bounded for Linux 6.1. */
	asm volatile("" : "+r"(tcp_size));
	if (bpf_xdp_load_bytes(ctx, packet->offset, tcp, tcp_size))
		return -1;
	socket = bpf_skc_lookup_tcp(ctx, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!socket)
		return -1;
	if (socket->state == STATE_LISTEN)
		cookie = bpf_tcp_gen_syncookie(socket, ip, ip_size, tcp, tcp_size);
	bpf_sk_release(socket);
	return cookie;
}

static __always_inline bool answer_ipv4(struct xdp_md *ctx, const struct packet *packet)
{
	struct iphdr *ip = frame_start(ctx) + bounded_offset(packet->ip_offset);
	struct tcphdr *tcp = (void *)(ip + 1);
	__s64 cookie;
	bool option;
	__u16 mss;

	if ((void *)(tcp + 1) > frame_end(ctx) || ip->ihl != 5)
		return false;
	cookie = make_cookie(ctx, packet, ip, sizeof(*ip), tcp->doff * 4);
	if (cookie < 0)
		return false;
	option = tcp->doff > 5 && (void *)(tcp + 1) + sizeof(struct mss_option) <= frame_end(ctx);
	mss = cookie >> 32;
	write_ipv4(ip, option);
	/* Twice, so that each has a constant size to check. */
	if (option) {
		if ((void *)(tcp + 1) + sizeof(struct mss_option) > frame_end(ctx))
			return false;
		write_tcp(tcp, cookie, mss < MSS_V4 ? mss : MSS_V4, true);
		tcp->check = fold(sum_words(&ip->saddr, 2) + sum_tcp(tcp, true));
	} else {
		write_tcp(tcp, cookie, 0, false);
		tcp->check = fold(sum_words(&ip->saddr, 2) + sum_tcp(tcp, false));
	}
	return true;
}

static __always_inline bool answer_ipv6(struct xdp_md *ctx, const struct packet *packet)
{
	struct ipv6hdr *ip = frame_start(ctx) + bounded_offset(packet->ip_offset);
	struct tcphdr *tcp = (void *)(ip + 1);
	__s64 cookie;
	bool option;
	__u16 mss;

	if ((void *)(tcp + 1) > frame_end(ctx) || ip->nexthdr != IPPROTO_TCP)
		return false;
	cookie = make_cookie(ctx, packet, ip, sizeof(*ip), tcp->doff * 4);
	if (cookie < 0)
		return false;
	option = tcp->doff > 5 && (void *)(tcp + 1) + sizeof(struct mss_option) <= frame_end(ctx);
	mss = cookie >> 32;
	write_ipv6(ip, option);
	if (option) {
		if ((void *)(tcp + 1) + sizeof(struct mss_option) > frame_end(ctx))
			return false;
		write_tcp(tcp, cookie, mss < MSS_V6 ? mss : MSS_V6, true);
		tcp->check = fold(sum_words(&ip->saddr, 8) + sum_tcp(tcp, true));
	} else {
		write_tcp(tcp, cookie, 0, false);
		tcp->check = fold(sum_words(&ip->saddr, 8) + sum_tcp(tcp, false));
	}
	return true;
}

/*
 * A listener on all addresses would answer for hosts behind this one, too. What the kernel
 * would not forward from here is for this host, or for nobody.
 */
static __always_inline bool is_for_us(struct xdp_md *ctx, const struct packet *packet)
{
	struct bpf_fib_lookup route = { .ifindex = ctx->ingress_ifindex };
	struct bpf_sock_tuple tuple = {};
	long r;

	if (!read_tuple(ctx, packet, &tuple))
		return false;
	if (packet->family == FAMILY_V4) {
		route.family = AF_INET;
		route.ipv4_src = tuple.ipv4.saddr;
		route.ipv4_dst = tuple.ipv4.daddr;
	} else {
		route.family = AF_INET6;
		__builtin_memcpy(route.ipv6_src, tuple.ipv6.saddr, sizeof(route.ipv6_src));
		__builtin_memcpy(route.ipv6_dst, tuple.ipv6.daddr, sizeof(route.ipv6_dst));
	}
	r = bpf_fib_lookup(ctx, &route, sizeof(route), 0);
	return r == BPF_FIB_LKUP_RET_NOT_FWDED || r == BPF_FIB_LKUP_RET_FWD_DISABLED;
}

/* Turns a SYN into its answer; false, and nothing changed, when that cannot be done. */
__noinline int answer_syn(struct xdp_md *ctx, const struct packet *packet)
{
	struct ethernet_header *ethernet;
	struct filter_tally *tally = own_tally();
	bool answered;

	if (!packet || !tally || packet->fragment || packet->ip_offset > HEADER_OFFSET_MAX ||
	    !is_for_us(ctx, packet))
		return false;
	answered =
		packet->family == FAMILY_V4 ? answer_ipv4(ctx, packet) : answer_ipv6(ctx, packet);
	if (!answered) {
		tally->cookies_passed++;
		return false;
	}
	ethernet = frame_start(ctx);
	if ((void *)(ethernet + 1) <= frame_end(ctx))
		swap_macs(ethernet);
	return true;
}
