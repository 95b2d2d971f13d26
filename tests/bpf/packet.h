/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames for tests, written as a list of layers:
 *
 *	{ ETHERNET(), VLAN(.tpid = 0x88a8), IPV4(.source = "192.0.2.7"), TCP(.flags = TCP_SYN) }
 *
 * What a field does not say is filled in correctly (types, lengths, next headers);
 * EXACTLY(x) writes x instead, wrong as it may be. Checksums stay zero: the filter
 * does not look at them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	FRAME_MAX = 65536,
	LAYERS_MAX = 20,
};

struct frame {
	size_t size;
	size_t linear; /* bytes in the first buffer of it; 0: what the kernel makes of it */
	uint8_t bytes[FRAME_MAX];
};

/* A field that is not to be filled in. */
#define EXACTLY(value) (0x80000000u | (uint32_t)(value))

enum layer_kind {
	LAYER_END,
	LAYER_ETHERNET,
	LAYER_VLAN,
	LAYER_ARP,
	LAYER_IPV4,
	LAYER_IPV6,
	LAYER_EXTENSION,
	LAYER_TCP,
	LAYER_UDP,
	LAYER_OTHER,
	LAYER_PAYLOAD,
	LAYER_PADDING,
	LAYER_CUT,
};

#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* IPv6 extension headers. */
enum {
	HOP_BY_HOP = 0,
	ROUTING = 43,
	FRAGMENT = 44,
	AUTHENTICATION = 51,
	DESTINATION = 60,
	MOBILITY = 135,
	HOST_IDENTITY = 139,
	SHIM6 = 140,
};

struct layer {
	enum layer_kind kind;
	/* As text. NULL: 192.0.2.1 to 192.0.2.2, or 2001:db8::1 to 2001:db8::2. */
	const char *source;
	const char *destination;
	const uint8_t *source_bytes; /* 4 or 16, instead of `source` */
	uint32_t type;     /* EtherType, next header, or the first byte of LAYER_OTHER; EXACTLY() */
	uint32_t version;  /* EXACTLY() */
	uint32_t header;   /* ihl, doff, or an extension header's length byte; EXACTLY() */
	uint32_t length;   /* of IP or UDP; EXACTLY() */
	uint32_t options;  /* bytes of IPv4 or TCP options; a multiple of four */
	uint32_t fragment; /* offset in units of 8 bytes */
	uint32_t more;     /* fragments follow */
	uint32_t tpid;     /* VLAN; 0 is 0x8100 */
	uint32_t protocol; /* of an extension header or of LAYER_OTHER: its own number */
	uint32_t size;     /* extension header, other, payload, padding, cut: bytes */
	uint16_t from;     /* ports */
	uint16_t to;
	uint8_t flags; /* TCP */
};

#define ETHERNET(...)                                 \
	{                                             \
		.kind = LAYER_ETHERNET, ##__VA_ARGS__ \
	}
#define VLAN(...)                                 \
	{                                         \
		.kind = LAYER_VLAN, ##__VA_ARGS__ \
	}
#define ARP()                     \
	{                         \
		.kind = LAYER_ARP \
	}
#define IPV4(...)                                 \
	{                                         \
		.kind = LAYER_IPV4, ##__VA_ARGS__ \
	}
#define IPV6(...)                                 \
	{                                         \
		.kind = LAYER_IPV6, ##__VA_ARGS__ \
	}
/* 8 bytes unless .size says otherwise. */
#define EXTENSION(number, ...)                                               \
	{                                                                    \
		.kind = LAYER_EXTENSION, .protocol = (number), ##__VA_ARGS__ \
	}
#define TCP(...)                                 \
	{                                        \
		.kind = LAYER_TCP, ##__VA_ARGS__ \
	}
#define UDP(...)                                 \
	{                                        \
		.kind = LAYER_UDP, ##__VA_ARGS__ \
	}
#define OTHER(number, bytes)                                               \
	{                                                                  \
		.kind = LAYER_OTHER, .protocol = (number), .size = (bytes) \
	}
#define PAYLOAD(bytes)                                 \
	{                                              \
		.kind = LAYER_PAYLOAD, .size = (bytes) \
	}
/* Behind what the IP header counts, as Ethernet does with short frames. */
#define PADDING(bytes)                                 \
	{                                              \
		.kind = LAYER_PADDING, .size = (bytes) \
	}
/* Takes this much off the end, whatever the headers say. */
#define CUT(bytes)                                 \
	{                                          \
		.kind = LAYER_CUT, .size = (bytes) \
	}

/* `layers` ends with LAYER_END or at LAYERS_MAX. Aborts on what cannot be built. */
void frame_build(struct frame *frame, const struct layer *layers);

/* As hexadecimal text, as far as the filter looks at most. */
void frame_print(const struct frame *frame);
