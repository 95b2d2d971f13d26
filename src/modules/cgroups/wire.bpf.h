/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a packet at a socket is on the wire: its protocol, how many, and how many bytes. */
#pragma once

#include "bpf/helpers.h"
#include "modules/cgroups/cgroups.h"

enum {
	PROTOCOL_ICMP = 1,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_ICMPV6 = 58,
	ETHERTYPE_IPV4 = 0x0800,
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	UDP_HEADER = 8,
	EXTENSIONS_MAX = 6,
};

struct wire {
	__u64 packets;
	__u64 bytes;
	__u32 protocol; /* enum traffic_protocol */
};

static __always_inline __u32 traffic_protocol(__u8 protocol)
{
	switch (protocol) {
	case PROTOCOL_TCP:
		return TRAFFIC_TCP;
	case PROTOCOL_UDP:
		return TRAFFIC_UDP;
	case PROTOCOL_ICMP:
		return TRAFFIC_ICMP;
	case PROTOCOL_ICMPV6:
		return TRAFFIC_ICMPV6;
	default:
		return TRAFFIC_OTHER;
	}
}

/* Hop-by-hop options, routing, fragment, destination options: what has another header behind it. */
static __always_inline bool is_extension(__u8 header)
{
	return header == 0 || header == 43 || header == 44 || header == 60;
}

/* The protocol behind the headers of IPv6, and where it begins. */
static __always_inline __u8 skip_extensions(struct __sk_buff *packet, __u8 header, __u32 *offset)
{
	__u8 next[2];

	for (int i = 0; i < EXTENSIONS_MAX && is_extension(header); i++) {
		if (bpf_skb_load_bytes(packet, *offset, next, sizeof(next)) < 0)
			break;
		*offset += header == 44 ? 8 : 8 + 8 * (__u32)next[1];
		header = next[0];
	}
	return header;
}

/* Bytes of headers that each packet has that one large one is cut into. */
static __always_inline __u32 header_size(struct __sk_buff *packet, __u8 protocol, __u32 offset)
{
	__u8 words = 0;

	if (protocol == PROTOCOL_UDP)
		return offset + UDP_HEADER;
	if (protocol != PROTOCOL_TCP || bpf_skb_load_bytes(packet, offset + 12, &words, 1) < 0)
		return 0;
	return offset + 4 * (words >> 4);
}

static __always_inline void look(struct __sk_buff *packet, struct wire *ret_wire)
{
	const __u8 *data = (const __u8 *)(long)packet->data,
		   *end = (const __u8 *)(long)packet->data_end;
	__u32 offset = 0, packets = packet->gso_segs;
	__u8 protocol = 0xff;

	if (data + IPV4_HEADER <= end && packet->protocol == bpf_htons(ETHERTYPE_IPV4)) {
		protocol = data[9];
		offset = 4 * (data[0] & 15);
	} else if (data + IPV6_HEADER <= end) {
		protocol = data[6];
		offset = IPV6_HEADER;
		if (is_extension(protocol))
			protocol = skip_extensions(packet, protocol, &offset);
	}
	ret_wire->protocol = traffic_protocol(protocol);
	ret_wire->packets = packets > 1 ? packets : 1;
	ret_wire->bytes = packet->len;
	if (packets > 1)
		ret_wire->bytes += (__u64)(packets - 1) * header_size(packet, protocol, offset);
}
