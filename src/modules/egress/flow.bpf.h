/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where something is sent to, as it stands in a call or in a packet. */
#pragma once

#include "bpf/helpers.h"
#include "modules/egress/egress.h"

enum {
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_AUTHENTICATION = 51,
	PROTOCOL_ICMPV6 = 58,
	SOCKET_STREAM = 1,
	TCP_SYN = 2,
	TCP_ACK = 16,
	EXTENSIONS_MAX = 8,
	LOOPBACK_DEVICE = 1, /* in every network namespace */
};

struct flow {
	__u64 address[2];  /* network order; IPv4 as ::ffff:a.b.c.d */
	__u32 source[4];   /* of packets only; of IPv4 the last */
	__u16 port;        /* host order */
	__u16 source_port; /* network order; of TCP packets only */
	__u8 protocol;
	__u8 ports_of;  /* enum egress_protocol; 0: a protocol that has none */
	__u8 has_ports; /* they are known */
	__u8 v4;
	__u8 tcp_flags;
	__u8 icmp_type;
	__u8 leaves; /* by a device that is not the loopback */
	__u8 unused;
};

/* Behind a header of authentication could be either. */
static __always_inline __u8 ports_of(__u8 protocol)
{
	return protocol == PROTOCOL_TCP              ? EGRESS_TCP
	       : protocol == PROTOCOL_UDP            ? EGRESS_UDP
	       : protocol == PROTOCOL_AUTHENTICATION ? EGRESS_TCP | EGRESS_UDP
						     : 0;
}

static __always_inline struct flow flow_to(__u32 protocol, __u16 port)
{
	return (struct flow){ .protocol = (__u8)protocol,
			      .port = port,
			      .ports_of = ports_of((__u8)protocol),
			      .has_ports = protocol != PROTOCOL_AUTHENTICATION };
}

#define MAPPED_V4 bpf_cpu_to_be64(0xffff00000000ULL)

/* To send to no address is to send to this host. */
static __always_inline void set_address4(struct flow *flow, __u32 address)
{
	flow->v4 = 1;
	flow->address[0] = 0;
	flow->address[1] =
		bpf_cpu_to_be64(0xffff00000000ULL | (address ? bpf_ntohl(address) : 0x7f000001));
}

static __always_inline void set_address6(struct flow *flow, const __u32 words[4])
{
	if (!words[0] && !words[1] && words[2] == bpf_htonl(0xffff)) {
		set_address4(flow, words[3]);
		return;
	}
	flow->v4 = 0;
	flow->address[0] = (__u64)words[1] << 32 | words[0];
	flow->address[1] = (__u64)words[3] << 32 | words[2];
	if (!flow->address[0] && !flow->address[1])
		flow->address[1] = bpf_cpu_to_be64(1);
}

/* A raw socket can send to addresses of the loopback by any device. */
static __always_inline bool stays_here(const struct flow *flow)
{
	__u64 low = bpf_be64_to_cpu(flow->address[1]);

	if (flow->leaves)
		return false;
	if (flow->v4)
		return (low & 0xff000000) == 0x7f000000;
	return !flow->address[0] && low == 1;
}

/* What IPv6 itself cannot do without, and a namespace's kernel sends in the name of its maker. */
static __always_inline bool is_neighbour_discovery(const struct flow *flow)
{
	bool listeners =
		     flow->icmp_type == 143 || (flow->icmp_type >= 130 && flow->icmp_type <= 132),
	     neighbours = flow->icmp_type >= 133 && flow->icmp_type <= 136;

	return !flow->v4 && flow->protocol == PROTOCOL_ICMPV6 && (listeners || neighbours);
}

/* ---- packets ------------------------------------------------------------------------------ */

static __always_inline void read_ports(struct __sk_buff *packet, __u32 offset, struct flow *flow)
{
	__u16 ports[2];

	flow->ports_of = ports_of(flow->protocol);
	if (flow->protocol == PROTOCOL_ICMPV6)
		bpf_skb_load_bytes(packet, offset, &flow->icmp_type, 1);
	if (!flow->ports_of || flow->protocol == PROTOCOL_AUTHENTICATION ||
	    bpf_skb_load_bytes(packet, offset, ports, sizeof(ports)) < 0)
		return;
	flow->source_port = ports[0];
	flow->port = bpf_ntohs(ports[1]);
	flow->has_ports = 1;
	if (flow->protocol == PROTOCOL_TCP)
		bpf_skb_load_bytes(packet, offset + 13, &flow->tcp_flags, 1);
}

static __always_inline bool flow_of4(struct __sk_buff *packet, struct flow *flow)
{
	struct {
		__u8 version, service;
		__u16 size, id, fragment;
		__u8 time, protocol;
		__u16 sum;
		__u32 source, target;
	} header;

	if (bpf_skb_load_bytes(packet, 0, &header, sizeof(header)) < 0)
		return false;
	flow->protocol = header.protocol;
	flow->ports_of = ports_of(header.protocol);
	flow->source[3] = header.source;
	set_address4(flow, header.target);
	if (!(header.fragment & bpf_htons(0x1fff)))
		read_ports(packet, 4 * (header.version & 15), flow);
	return true;
}

/* Hop-by-hop options, routing, fragment, destination options: what has another header behind it. */
static __always_inline bool is_extension(__u8 header)
{
	return header == 0 || header == 43 || header == PROTOCOL_FRAGMENT || header == 60;
}

static __always_inline bool flow_of6(struct __sk_buff *packet, struct flow *flow)
{
	struct {
		__u32 version;
		__u16 size;
		__u8 next, hops;
		__u32 source[4], target[4];
	} header;
	struct {
		__u8 next, size;
		__u16 fragment;
	} extension;
	__u32 offset = sizeof(header);
	bool later = false;

	if (bpf_skb_load_bytes(packet, 0, &header, sizeof(header)) < 0)
		return false;
	flow->protocol = header.next;
	__builtin_memcpy(flow->source, header.source, sizeof(header.source));
	set_address6(flow, header.target);
	for (int i = 0; i < EXTENSIONS_MAX && is_extension(flow->protocol); i++) {
		bool fragment = flow->protocol == PROTOCOL_FRAGMENT;

		if (bpf_skb_load_bytes(packet, offset, &extension, sizeof(extension)) < 0)
			break;
		later |= fragment && extension.fragment & bpf_htons(0xfff8);
		offset += fragment ? 8 : 8 + 8 * (__u32)extension.size;
		flow->protocol = extension.next;
		if (later)
			break;
	}
	flow->ports_of = ports_of(flow->protocol);
	/* What hides its protocol behind so many headers could be either. */
	if (is_extension(flow->protocol))
		flow->ports_of = EGRESS_TCP | EGRESS_UDP;
	else if (!later)
		read_ports(packet, offset, flow);
	return true;
}

/* False for what is no IP. */
static __always_inline bool flow_of(struct __sk_buff *packet, struct flow *flow)
{
	flow->leaves = packet->ifindex != LOOPBACK_DEVICE;
	if (packet->protocol == bpf_htons(0x0800))
		return flow_of4(packet, flow);
	return packet->protocol == bpf_htons(0x86dd) && flow_of6(packet, flow);
}
