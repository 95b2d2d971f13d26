/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From frame to fields. Parsing follows what a Linux host would accept: what the
 * host would throw away is malformed, what it would accept is never called so.
 *
 * Lengths come from the IP header, not from the frame: Ethernet pads short frames,
 * and behind the padding there is nothing to read. Headers are read in place; one
 * that does not lie in the frame's first buffer is not followed (REASON_TOO_DEEP).
 */
#pragma once

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "bpf/helpers.h"
#include "bpf/kernel.h"
#include "modules/filter/filter.h"

/* Whether this kernel has bpf_cast_to_kern_ctx(); written between open and load. */
const volatile bool context_cast;

enum {
	VLAN_TAGS_MAX = 2,
	IPV6_EXTENSIONS_MAX = 8,
	HEADER_OFFSET_MAX = 0x7ff, /* the furthest that a header may begin in the frame */
};

#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_OFFSET_MASK    0x1fff
#define IPV6_OFFSET_MASK    0xfff8
#define IPV6_MORE_FRAGMENTS 1

/* Not struct ethhdr: that is packed, and read byte by byte. */
struct ethernet_header {
	__be16 addresses[6];
	__be16 type;
};

struct vlan_header {
	__be16 tci;
	__be16 type;
};

struct extension_header {
	__u8 next;
	__u8 length;
	__be16 offset; /* fragment header only */
	__be32 id;     /* fragment header only */
};

struct packet {
	__u32 ip_offset; /* of the IP header, from the start of the frame */
	__u32 offset;    /* of the transport header */
	__u32 length;    /* of what the IP header says follows from there */
	__u16 protocol;  /* IP protocol or PROTOCOL_* */
	__u16 source_port;
	__u16 destination_port;
	__u8 family;
	bool fragment;       /* part of a fragmented datagram */
	bool later_fragment; /* and not its first: there is no transport header */
	bool connects;       /* asks for a connection: SYN without ACK, or any UDP datagram */
	bool probes;         /* the same, or TCP flags that no connection ever has */
	bool acknowledges;   /* TCP: could complete a handshake, or belong to a connection */
	__u8 guard;          /* number of the guard that judged it, or 0 */
	__u8 label;          /* of the list that its source is on, or 0 */
};

static __always_inline void *frame_start(struct xdp_md *ctx)
{
	return (void *)(long)ctx->data;
}

static __always_inline void *frame_end(struct xdp_md *ctx)
{
	return (void *)(long)ctx->data_end;
}

/*
 * The length of the whole frame. Asking the helper costs a call; looking whether
 * the frame has more than one buffer does not, where the kernel lets us look.
 */
static __always_inline __u32 frame_bytes(struct xdp_md *ctx)
{
	if (context_cast) {
		const struct xdp_buff *buffer = bpf_cast_to_kern_ctx(ctx);

		if (likely(!(buffer->flags & XDP_FLAGS_HAS_FRAGS)))
			return frame_end(ctx) - frame_start(ctx);
	}
	return bpf_xdp_get_buff_len(ctx);
}

/*
 * What the IP header says, of `room` bytes that are there. Segments that the kernel put together
 * do not fit into the field when they are larger (BIG TCP): it is 0 then, and all of it counts.
 */
static __always_inline __u32 ip_length(__u32 field, __u32 room)
{
	return !field && room > 0xffff ? room : field;
}

/* Sets ip_offset and *type (network order), behind at most two VLAN tags. */
static __always_inline enum filter_reason parse_ethernet(struct xdp_md *ctx, struct packet *packet,
							 __be16 *type)
{
	struct ethernet_header *ethernet = frame_start(ctx);
	struct vlan_header *tag = (void *)(ethernet + 1);
	__u32 none;

	if ((void *)(ethernet + 1) > frame_end(ctx))
		return REASON_MALFORMED;
	*type = ethernet->type;
	/* The offset is a number of 5 bits to the verifier, not one of three that it knows. */
	none = any_zero(*type);
	asm volatile("%0 &= 31" : "+r"(none));
	packet->ip_offset = sizeof(*ethernet) ^ none;
#pragma unroll
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		if (likely(*type != bpf_htons(ETH_P_8021Q) && *type != bpf_htons(ETH_P_8021AD)))
			return REASON_PASS;
		if ((void *)(tag + 1) > frame_end(ctx))
			return REASON_MALFORMED;
		*type = tag->type;
		tag++;
		packet->ip_offset = (sizeof(*ethernet) + (i + 1) * sizeof(*tag)) ^ none;
	}
	if (*type == bpf_htons(ETH_P_8021Q) || *type == bpf_htons(ETH_P_8021AD))
		return REASON_TOO_DEEP;
	return REASON_PASS;
}

static __always_inline enum filter_reason parse_ipv4(struct xdp_md *ctx, struct packet *packet)
{
	struct iphdr *ip = frame_start(ctx) + packet->ip_offset;
	__u32 header, total, room;
	__u16 fragment;

	if ((void *)(ip + 1) > frame_end(ctx))
		return REASON_MALFORMED;
	packet->protocol = ip->protocol;
	header = ip->ihl * 4;
	room = frame_bytes(ctx) - packet->ip_offset;
	total = ip_length(bpf_ntohs(ip->tot_len), room);
	if (ip->version != 4 || header < sizeof(*ip) || total < header || total > room)
		return REASON_MALFORMED;

	packet->offset = packet->ip_offset + header;
	packet->length = total - header;
	fragment = ip->frag_off;
	if (unlikely(fragment & bpf_htons(IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK))) {
		fragment = bpf_ntohs(fragment) & IPV4_OFFSET_MASK;
		packet->fragment = true;
		packet->later_fragment = fragment;
		/* RFC 3128: the only use of it is to rewrite the flags of the TCP header before. */
		if (fragment == 1 && ip->protocol == IPPROTO_TCP)
			return REASON_MALFORMED;
	}
	return REASON_PASS;
}

/* One test instead of eight comparisons, each of which would double the verifier's work. */
static __always_inline bool is_extension(__u8 next)
{
	const __u64 below_64 = 1ULL << IPPROTO_HOPOPTS | 1ULL << IPPROTO_ROUTING |
			       1ULL << IPPROTO_FRAGMENT | 1ULL << IPPROTO_AH |
			       1ULL << IPPROTO_DSTOPTS;
	/* Mobility 135, Host Identity 139, Shim6 140: RFC 7045, 4. */
	const __u64 from_128 = 1ULL << (135 - 128) | 1ULL << (139 - 128) | 1ULL << (140 - 128);

	if (next < 64)
		return below_64 >> next & 1;
	return next >= 128 && next < 192 && from_128 >> (next & 63) & 1;
}

/* What walk_extensions() found, packed into its return value. */
#define WALK_REASON(word)   ((enum filter_reason)((word)&0xff))
#define WALK_PROTOCOL(word) ((__u8)((word) >> 8))
#define WALK_FRAGMENT       (1ULL << 16)
#define WALK_LATER          (1ULL << 17)
#define WALK_OFFSET(word)   ((__u32)((word) >> 18) & 0x3fff)
#define WALK_LENGTH(word)   ((__u32)((word) >> 32))

static __always_inline __u64 walk_result(enum filter_reason reason, __u8 next, __u64 flags,
					 __u32 offset, __u32 length)
{
	return reason | (__u64)next << 8 | flags | (__u64)(offset & 0x3fff) << 18 |
	       (__u64)length << 32;
}

/*
 * From the IPv6 header to the transport header. `offset` is where the first
 * extension header begins, `length` what the IP header says follows from there.
 * Global, so that the verifier checks the walk once and not behind every path.
 */
__noinline __u64 walk_extensions(struct xdp_md *ctx, __u32 offset, __u32 length, __u32 next)
{
	__u64 flags = 0;

	for (int i = 0; i < IPV6_EXTENSIONS_MAX; i++) {
		struct extension_header *header;
		__u32 size;

		if (!is_extension(next))
			return walk_result(REASON_PASS, next, flags, offset, length);
		if (length < sizeof(*header))
			return walk_result(REASON_MALFORMED, next, flags, offset, length);
		if (offset > HEADER_OFFSET_MAX)
			break;
		header = frame_start(ctx) + offset;
		if ((void *)(header + 1) > frame_end(ctx))
			break;

		size = (header->length + 1) * 8;
		if (next == IPPROTO_AH)
			size = (header->length + 2) * 4;
		if (next == IPPROTO_FRAGMENT) {
			__u16 fragment = bpf_ntohs(header->offset);

			size = sizeof(*header); /* its second byte is reserved, not a length */
			if (fragment & (IPV6_OFFSET_MASK | IPV6_MORE_FRAGMENTS))
				flags |= WALK_FRAGMENT;
			if (fragment & IPV6_OFFSET_MASK)
				flags |= WALK_LATER;
			/* As in parse_ipv4(). */
			if ((fragment & IPV6_OFFSET_MASK) == 8 && header->next == IPPROTO_TCP)
				return walk_result(REASON_MALFORMED, header->next, flags, offset,
						   length);
		}
		if (size > length)
			return walk_result(REASON_MALFORMED, next, flags, offset, length);
		offset += size;
		length -= size;
		next = header->next;
		if (flags & WALK_LATER)
			return walk_result(REASON_PASS, next, flags, offset, length);
	}
	return walk_result(is_extension(next) ? REASON_TOO_DEEP : REASON_PASS, next, flags, offset,
			   length);
}

static __always_inline enum filter_reason parse_ipv6(struct xdp_md *ctx, struct packet *packet)
{
	struct ipv6hdr *ip = frame_start(ctx) + packet->ip_offset;
	__u32 room;
	__u64 walk;

	if ((void *)(ip + 1) > frame_end(ctx))
		return REASON_MALFORMED;
	packet->protocol = ip->nexthdr;
	packet->offset = packet->ip_offset + sizeof(*ip);
	room = frame_bytes(ctx) - packet->offset;
	packet->length = ip_length(bpf_ntohs(ip->payload_len), room);
	if (ip->version != 6 || packet->length > room)
		return REASON_MALFORMED;
	/* An IPv4 address does not travel in IPv6; the host throws it away. */
	if (unlikely(!ip->saddr.s6_addr32[0] && !ip->saddr.s6_addr32[1] &&
		     ip->saddr.s6_addr32[2] == bpf_htonl(0xffff)))
		return REASON_MALFORMED;
	if (likely(!is_extension(ip->nexthdr)))
		return REASON_PASS;
	walk = walk_extensions(ctx, packet->offset, packet->length, ip->nexthdr);
	packet->protocol = WALK_PROTOCOL(walk);
	packet->offset = WALK_OFFSET(walk);
	packet->length = WALK_LENGTH(walk);
	packet->fragment = walk & WALK_FRAGMENT;
	packet->later_fragment = walk & WALK_LATER;
	return WALK_REASON(walk);
}

/* The verifier of Linux 6.1 forgets with a byte swap that these are 16 bits; clang knows it. */
static __always_inline __u32 bounded_port(__u32 port)
{
	asm volatile("%0 &= 0xffff" : "+r"(port));
	return port;
}

static __always_inline enum filter_reason parse_tcp(struct xdp_md *ctx, struct packet *packet)
{
	struct tcphdr *tcp = frame_start(ctx) + packet->offset;
	__u32 header;

	if (packet->length < sizeof(*tcp))
		return REASON_MALFORMED;
	if ((void *)(tcp + 1) > frame_end(ctx))
		return REASON_TOO_DEEP;
	header = tcp->doff * 4;
	if (header < sizeof(*tcp) || (header > packet->length && !packet->fragment))
		return REASON_MALFORMED;
	packet->source_port = bpf_ntohs(tcp->source);
	packet->destination_port = bounded_port(bpf_ntohs(tcp->dest));
	packet->connects = tcp->syn && !tcp->ack;
	packet->probes = !tcp->ack && !tcp->rst;
	packet->acknowledges = tcp->ack && !tcp->syn && !tcp->rst;
	return REASON_PASS;
}

static __always_inline enum filter_reason parse_udp(struct xdp_md *ctx, struct packet *packet)
{
	struct udphdr *udp = frame_start(ctx) + packet->offset;
	__u32 length;

	if (packet->length < sizeof(*udp))
		return REASON_MALFORMED;
	if ((void *)(udp + 1) > frame_end(ctx))
		return REASON_TOO_DEEP;
	length = bpf_ntohs(udp->len);
	/* In IPv6 a length of zero is a jumbogram's, which the host takes from the IP header. */
	if (length < sizeof(*udp) && !(length == 0 && packet->family == FAMILY_V6))
		return REASON_MALFORMED;
	if (length > packet->length && !packet->fragment)
		return REASON_MALFORMED;
	packet->source_port = bpf_ntohs(udp->source);
	packet->destination_port = bounded_port(bpf_ntohs(udp->dest));
	packet->connects = true;
	packet->probes = true;
	return REASON_PASS;
}

/* Not for later fragments. */
static __always_inline enum filter_reason parse_transport(struct xdp_md *ctx, struct packet *packet)
{
	if (packet->offset > HEADER_OFFSET_MAX)
		return REASON_TOO_DEEP;
	if (packet->protocol == IPPROTO_TCP)
		return parse_tcp(ctx, packet);
	if (packet->protocol == IPPROTO_UDP)
		return parse_udp(ctx, packet);
	/* The host wants 8 bytes of ICMP and of ICMPv6. */
	if (packet->protocol == (packet->family == FAMILY_V6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) &&
	    packet->length < 8)
		return REASON_MALFORMED;
	return REASON_PASS;
}

/*
 * Not over HEADER_OFFSET_MAX, without a branch, and read once: the verifier takes two reads for
 * two numbers, and that of Linux 6.1 forgets with a spill what a comparison said.
 */
static __always_inline __u32 bounded_offset(__u32 offset)
{
	asm volatile("%0 &= 0x7ff" : "+r"(offset));
	return offset;
}
_Static_assert(HEADER_OFFSET_MAX == 0x7ff, "bounded_offset() is a mask");

/* The addresses of a packet that was parsed before; zeros when it was not IP. */
static __always_inline struct filter_key read_address(struct xdp_md *ctx, __u32 ip_offset,
						      __u8 family, bool destination)
{
	struct filter_key key = { 0, 0 };

	ip_offset = bounded_offset(ip_offset);
	if (family == FAMILY_V4) {
		struct iphdr *ip = frame_start(ctx) + ip_offset;

		if ((void *)(ip + 1) <= frame_end(ctx))
			key.low = KEY_V4_LOW | bpf_ntohl(destination ? ip->daddr : ip->saddr);
	} else if (family == FAMILY_V6) {
		struct ipv6hdr *ip = frame_start(ctx) + ip_offset;

		if ((void *)(ip + 1) <= frame_end(ctx)) {
			__be64 *half = (__be64 *)(destination ? &ip->daddr : &ip->saddr);

			key.high = bpf_be64_to_cpu(half[0]);
			key.low = bpf_be64_to_cpu(half[1]);
		}
	}
	return key;
}
