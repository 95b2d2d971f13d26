/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a packet is on the wire: its protocol, how many, and how many bytes. At a socket it is what
 * the kernel shows to programs of cgroups, at an interface its own structure.
 */
#pragma once

#include "bpf/helpers.h"
#include "bpf/kernel.h"
#include "modules/cgroups/cgroups.h"

enum {
	PROTOCOL_ICMP = 1,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_ICMPV6 = 58,
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
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

/* Where the bytes of a packet are, from its IP header on; one of the two is NULL. */
struct bytes {
	struct __sk_buff *packet;
	const unsigned char *address;
};

static __always_inline long load(const struct bytes *bytes, __u32 offset, void *to, __u32 size)
{
	if (bytes->packet)
		return bpf_skb_load_bytes(bytes->packet, offset, to, size);
	return bpf_probe_read_kernel(to, size, bytes->address + offset);
}

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
	return header == 0 || header == 43 || header == PROTOCOL_FRAGMENT || header == 60;
}

/* The protocol behind the headers of IPv6, and where it begins. */
static __always_inline __u8 skip_extensions(const struct bytes *bytes, __u8 header, __u32 *offset)
{
	__u8 next[2];

	for (int i = 0; i < EXTENSIONS_MAX && is_extension(header); i++) {
		if (load(bytes, *offset, next, sizeof(next)) < 0)
			break;
		*offset += header == PROTOCOL_FRAGMENT ? 8 : 8 + 8 * (__u32)next[1];
		header = next[0];
	}
	return header;
}

/* Bytes of headers that each packet has that one large one is cut into. */
static __always_inline __u32 header_size(const struct bytes *bytes, __u8 protocol, __u32 offset)
{
	__u8 words = 0;

	if (protocol == PROTOCOL_UDP)
		return offset + UDP_HEADER;
	if (protocol != PROTOCOL_TCP || load(bytes, offset + 12, &words, 1) < 0)
		return 0;
	return offset + 4 * (words >> 4);
}

/* Of one in so many pieces, `size` bytes long. */
static __always_inline void fill_wire(const struct bytes *bytes, __u8 protocol, __u32 offset,
				      __u32 pieces, __u32 size, struct wire *ret_wire)
{
	ret_wire->protocol = traffic_protocol(protocol);
	ret_wire->packets = pieces > 1 ? pieces : 1;
	ret_wire->bytes = size;
	if (pieces > 1)
		ret_wire->bytes += (__u64)(pieces - 1) * header_size(bytes, protocol, offset);
}

/* At a socket. */
static __always_inline void look(struct __sk_buff *packet, struct wire *ret_wire)
{
	const __u8 *data = (const __u8 *)(long)packet->data,
		   *end = (const __u8 *)(long)packet->data_end;
	const struct bytes bytes = { .packet = packet };
	__u8 protocol = 0xff;
	__u32 offset = 0;

	if (data + IPV4_HEADER <= end && packet->protocol == bpf_htons(ETHERTYPE_IPV4)) {
		protocol = data[9];
		offset = 4 * (data[0] & 15);
	} else if (data + IPV6_HEADER <= end) {
		protocol = data[6];
		offset = IPV6_HEADER;
		if (is_extension(protocol))
			protocol = skip_extensions(&bytes, protocol, &offset);
	}
	fill_wire(&bytes, protocol, offset, packet->gso_segs, packet->len, ret_wire);
}

/* ---- at an interface ---------------------------------------------------------------------- */

/* How a field is read: of what is known to the verifier, or only an address. */
#define FIELD(pointer, known, field) ((known) ? (pointer)->field : BPF_CORE_READ(pointer, field))

/* What an interface took stands at the IP header, what it is to send before its own. */
static __always_inline bool look_at_interface(const struct sk_buff *packet, bool known, bool sent,
					      struct wire *ret_wire)
{
	const unsigned char *head = FIELD(packet, known, head), *data = FIELD(packet, known, data);
	struct skb_shared_info *shared = (void *)(head + FIELD(packet, known, end));
	struct bytes bytes = { .address =
				       sent ? head + FIELD(packet, known, network_header) : data };
	__u32 size = FIELD(packet, known, len) - (__u32)(bytes.address - data), offset, total;
	__u16 kind = FIELD(packet, known, protocol);
	__u8 header[IPV4_HEADER], protocol;

	if (kind != bpf_htons(ETHERTYPE_IPV4) && kind != bpf_htons(ETHERTYPE_IPV6))
		return false;
	if (load(&bytes, 0, header, sizeof(header)) < 0)
		return false;
	if (kind == bpf_htons(ETHERTYPE_IPV4)) {
		total = header[2] << 8 | header[3];
		protocol = header[9];
		offset = 4 * (header[0] & 15);
	} else {
		total = header[4] << 8 | header[5];
		total += total ? IPV6_HEADER : 0;
		protocol = header[6];
		offset = IPV6_HEADER;
		if (is_extension(protocol))
			protocol = skip_extensions(&bytes, protocol, &offset);
	}
	/* The shortest frames are filled up behind the packet. */
	if (total && total < size)
		size = total;
	fill_wire(&bytes, protocol, offset, BPF_CORE_READ(shared, gso_segs), size, ret_wire);
	return true;
}
