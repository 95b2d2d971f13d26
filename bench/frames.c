/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <string.h>

#include "frames.h"
#include "rules.h"

enum { PAYLOAD = 18 }; /* fills the shortest Ethernet frame with IPv4 and UDP */

size_t frame_variants(const struct frame_kind *kind)
{
	return kind->source == SOURCE_EACH_BANNED ? RULES_BANS : 1;
}

static uint32_t sum_bytes(uint32_t sum, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i + 1 < size; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	if (size % 2)
		sum += (uint32_t)bytes[size - 1] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static struct address source_of(const struct frame_kind *kind, size_t which)
{
	if (kind->from)
		return *kind->from;
	switch (kind->source) {
	case SOURCE_NEIGHBOUR:
		return rules_neighbour(kind->v6);
	case SOURCE_ONE_BANNED:
	case SOURCE_EACH_BANNED:
		return rules_banned(kind->v6, which);
	case SOURCE_GUARDED:
		return rules_resolver(kind->v6);
	case SOURCE_STRANGER:
		break;
	}
	return rules_stranger(kind->v6);
}

/* Returns the size of the IP header; what follows it has `length` bytes. */
static size_t write_ip(const struct frame_kind *kind, size_t which, uint16_t length, uint8_t *at,
		       uint32_t *ret_pseudo)
{
	struct address source = source_of(kind, which), destination = rules_here(kind->v6);
	size_t from = kind->v6 ? 0 : ADDRESS_V4_OFFSET / 8;

	*ret_pseudo = sum_bytes(kind->protocol + length, source.bytes + from, 16 - from);
	*ret_pseudo = sum_bytes(*ret_pseudo, destination.bytes + from, 16 - from);
	if (kind->v6) {
		struct ipv6hdr ip = {
			.version = 6,
			.payload_len = htons(length),
			.nexthdr = kind->protocol,
			.hop_limit = 64,
		};

		memcpy(&ip.saddr, source.bytes, 16);
		memcpy(&ip.daddr, destination.bytes, 16);
		memcpy(at, &ip, sizeof(ip));
		return sizeof(ip);
	} else {
		struct iphdr ip = {
			.version = 4,
			.ihl = 5,
			.tot_len = htons((uint16_t)sizeof(ip) + length),
			.id = htons(0x1234),
			.ttl = 64,
			.protocol = kind->protocol,
			.saddr = address_v4(&source),
			.daddr = address_v4(&destination),
		};

		ip.check = fold(sum_bytes(0, &ip, sizeof(ip)));
		memcpy(at, &ip, sizeof(ip));
		return sizeof(ip);
	}
}

size_t frame_build(const struct frame_kind *kind, size_t which, const uint8_t destination[6],
		   uint8_t buffer[FRAME_MAX])
{
	bool tcp = kind->protocol == IPPROTO_TCP;
	uint16_t length =
		(uint16_t)((tcp ? sizeof(struct tcphdr) : sizeof(struct udphdr)) + PAYLOAD);
	uint16_t to = htons(kind->to_port        ? kind->to_port
			    : kind->blocked_port ? RULES_PORT
						 : RULES_OPEN_PORT);
	uint16_t from = htons(kind->source == SOURCE_GUARDED ? 53 : 40000);
	uint8_t *at = buffer + 2 * ETH_ALEN, *transport;
	uint32_t pseudo;
	uint16_t type;

	memset(buffer, 0, FRAME_MAX);
	memcpy(buffer, destination, ETH_ALEN);
	memcpy(buffer + ETH_ALEN, "\x02\0\0\0\0\x01", ETH_ALEN);
	for (unsigned i = 0; i < kind->tags; i++) {
		type = htons(i == 0 && kind->tags > 1 ? ETH_P_8021AD : ETH_P_8021Q);
		memcpy(at, &type, sizeof(type));
		at[3] = (uint8_t)(7 + i);
		at += 4;
	}
	type = htons(kind->v6 ? ETH_P_IPV6 : ETH_P_IP);
	memcpy(at, &type, sizeof(type));
	at += sizeof(type);
	transport = at + write_ip(kind, which, length, at, &pseudo);
	if (tcp) {
		struct tcphdr header = { .source = from,
					 .dest = to,
					 .doff = 5,
					 .ack = !kind->syn,
					 .syn = kind->syn,
					 .window = htons(64240) };

		memcpy(transport, &header, sizeof(header));
		header.check = fold(sum_bytes(pseudo, transport, length));
		memcpy(transport, &header, sizeof(header));
	} else {
		struct udphdr header = { .source = from, .dest = to, .len = htons(length) };

		memcpy(transport, &header, sizeof(header));
		/* None in IPv4 (RFC 768), because the generator changes the source. */
		if (kind->v6) {
			header.check = fold(sum_bytes(pseudo, transport, length));
			memcpy(transport, &header, sizeof(header));
		}
	}
	return (size_t)(transport + length - buffer);
}
