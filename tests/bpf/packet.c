/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

static uint32_t choose(uint32_t field, uint32_t correct)
{
	return field ? field & ~EXACTLY(0) : correct;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_address(uint8_t *at, int family, const char *text, const char *fallback)
{
	if (inet_pton(family, text ? text : fallback, at) != 1) {
		fprintf(stderr, "not an address: %s\n", text);
		abort();
	}
}

static size_t layer_size(const struct layer *layer)
{
	switch (layer->kind) {
	case LAYER_ETHERNET:
		return 14;
	case LAYER_VLAN:
		return 4;
	case LAYER_ARP:
		return 28;
	case LAYER_IPV4:
	case LAYER_TCP:
		return 20 + layer->options;
	case LAYER_IPV6:
		return 40;
	case LAYER_EXTENSION:
		return layer->size ? layer->size : 8;
	case LAYER_UDP:
		return 8;
	case LAYER_OTHER:
	case LAYER_PAYLOAD:
	case LAYER_PADDING:
		return layer->size;
	default:
		return 0;
	}
}

/* The EtherType by which the layer before names this one. */
static uint32_t ethertype_of(const struct layer *layer)
{
	switch (layer->kind) {
	case LAYER_VLAN:
		return layer->tpid ? layer->tpid : 0x8100;
	case LAYER_ARP:
		return 0x0806;
	case LAYER_IPV4:
		return 0x0800;
	case LAYER_IPV6:
		return 0x86dd;
	default:
		return 0x88b5; /* for experiments */
	}
}

static uint32_t protocol_of(const struct layer *layer, bool v6)
{
	switch (layer->kind) {
	case LAYER_TCP:
		return IPPROTO_TCP;
	case LAYER_UDP:
		return IPPROTO_UDP;
	case LAYER_EXTENSION:
	case LAYER_OTHER:
		return layer->protocol;
	default:
		return v6 ? IPPROTO_NONE : 253; /* for experiments */
	}
}

static void put_ipv4(uint8_t *at, const struct layer *layer, size_t length)
{
	at[0] = (uint8_t)(choose(layer->version, 4) << 4 |
			  choose(layer->header, 5 + layer->options / 4));
	put16(at + 2, choose(layer->length, (uint32_t)length));
	put16(at + 6, layer->fragment | (layer->more ? 0x2000 : 0));
	at[8] = 64;
	at[9] = (uint8_t)choose(layer->type, protocol_of(layer + 1, false));
	if (layer->source_bytes)
		memcpy(at + 12, layer->source_bytes, 4);
	else
		put_address(at + 12, AF_INET, layer->source, "192.0.2.1");
	put_address(at + 16, AF_INET, layer->destination, "192.0.2.2");
	memset(at + 20, 1, layer->options);
}

static void put_ipv6(uint8_t *at, const struct layer *layer, size_t length)
{
	at[0] = (uint8_t)(choose(layer->version, 6) << 4);
	put16(at + 4, choose(layer->length, (uint32_t)length - 40));
	at[6] = (uint8_t)choose(layer->type, protocol_of(layer + 1, true));
	at[7] = 64;
	if (layer->source_bytes)
		memcpy(at + 8, layer->source_bytes, 16);
	else
		put_address(at + 8, AF_INET6, layer->source, "2001:db8::1");
	put_address(at + 24, AF_INET6, layer->destination, "2001:db8::2");
}

static void put_extension(uint8_t *at, const struct layer *layer, size_t size)
{
	uint32_t length = (uint32_t)size / 8 - 1;

	if (layer->protocol == AUTHENTICATION)
		length = (uint32_t)size / 4 - 2;
	if (layer->protocol == FRAGMENT) {
		length = 0;
		put16(at + 2, layer->fragment << 3 | (layer->more ? 1 : 0));
	}
	at[0] = (uint8_t)choose(layer->type, protocol_of(layer + 1, true));
	at[1] = (uint8_t)choose(layer->header, length);
}

static void put_tcp(uint8_t *at, const struct layer *layer)
{
	put16(at, layer->from ? layer->from : 40000);
	put16(at + 2, layer->to ? layer->to : 80);
	at[12] = (uint8_t)(choose(layer->header, 5 + layer->options / 4) << 4);
	at[13] = layer->flags;
	memset(at + 20, 1, layer->options);
}

static void put_udp(uint8_t *at, const struct layer *layer, size_t length)
{
	put16(at, layer->from ? layer->from : 40000);
	put16(at + 2, layer->to ? layer->to : 53);
	put16(at + 4, choose(layer->length, (uint32_t)length));
}

/* `length`: from the start of this layer to where padding begins. */
static void put_layer(uint8_t *at, const struct layer *layer, size_t size, size_t length)
{
	switch (layer->kind) {
	case LAYER_ETHERNET:
		memcpy(at, "\x02\0\0\0\0\2\x02\0\0\0\0\1", 12);
		put16(at + 12, choose(layer->type, ethertype_of(layer + 1)));
		break;
	case LAYER_VLAN:
		put16(at, 7);
		put16(at + 2, choose(layer->type, ethertype_of(layer + 1)));
		break;
	case LAYER_IPV4:
		put_ipv4(at, layer, length);
		break;
	case LAYER_IPV6:
		put_ipv6(at, layer, length);
		break;
	case LAYER_EXTENSION:
		put_extension(at, layer, size);
		break;
	case LAYER_TCP:
		put_tcp(at, layer);
		break;
	case LAYER_UDP:
		put_udp(at, layer, length);
		break;
	case LAYER_OTHER:
		if (size > 0)
			at[0] = (uint8_t)choose(layer->type, 0);
		break;
	case LAYER_PAYLOAD:
	case LAYER_PADDING:
		memset(at, 0xa5, size);
		break;
	default:
		break;
	}
}

void frame_build(struct frame *frame, const struct layer *layers)
{
	const struct layer none = { LAYER_END };
	struct layer list[LAYERS_MAX + 1];
	size_t end = 0, at = 0;

	for (size_t i = 0; i <= LAYERS_MAX; i++)
		list[i] = none;
	for (size_t i = 0; i < LAYERS_MAX && layers[i].kind != LAYER_END; i++) {
		list[i] = layers[i];
		if (layers[i].kind != LAYER_PADDING)
			end += layer_size(&layers[i]);
	}
	frame->size = frame->linear = 0;
	memset(frame->bytes, 0, end < FRAME_MAX ? end : FRAME_MAX);
	for (const struct layer *layer = list; layer->kind != LAYER_END; layer++) {
		size_t size = layer_size(layer);

		if (at + size > FRAME_MAX) {
			fprintf(stderr, "a frame of more than %d bytes\n", FRAME_MAX);
			abort();
		}
		put_layer(frame->bytes + at, layer, size, end - at);
		at += size;
		if (layer->kind == LAYER_CUT)
			at -= layer->size;
	}
	frame->size = at;
}

void frame_print(const struct frame *frame)
{
	for (size_t i = 0; i < frame->size && i < 2200; i++)
		printf("%s%s%02x", i && i % 16 == 0 ? "\n" : "", i % 16 == 0 ? "# " : " ",
		       frame->bytes[i]);
	printf("\n");
}
