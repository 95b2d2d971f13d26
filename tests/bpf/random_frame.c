/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/in.h>
#include <stdlib.h>

#include "random_frame.h"

/* Mostly 0: filled in correctly. Else something near the edges of what is right. */
static uint32_t maybe_wrong(struct dice *dice, uint32_t most)
{
	if (!one_in(dice, 40))
		return 0;
	return EXACTLY(one_in(dice, 2) ? pick(dice, most + 1) : pick(dice, 48) % (most + 1));
}

static struct layer random_extension(struct dice *dice)
{
	struct layer layer = EXTENSION(PICK(dice, 0, 43, 44, 44, 51, 60, 135, 139, 140));

	if (layer.protocol == FRAGMENT) {
		layer.fragment = one_in(dice, 2) ? PICK(dice, 1, 2, 1000, 8191) : 0;
		layer.more = one_in(dice, 2);
		layer.header = EXACTLY(pick(dice, 256));
	} else {
		layer.size = 8 * (1 + pick(dice, 3));
		if (one_in(dice, 16))
			layer.size = 8 * (1 + pick(dice, 256));
		layer.header = maybe_wrong(dice, 255);
	}
	layer.type = maybe_wrong(dice, 255);
	return layer;
}

static struct layer random_transport(struct dice *dice, const struct pool *pool)
{
	struct layer tcp =
		TCP(.from = plan_port(dice, pool), .to = plan_port(dice, pool),
		    .flags = (uint8_t)PICK(dice, TCP_SYN, TCP_SYN, TCP_SYN, TCP_ACK, 0x12, 0x04,
					   0x29, pick(dice, 256)),
		    .options = 4 * PICK(dice, 0, 0, 3, 10), .header = maybe_wrong(dice, 15));
	struct layer udp = UDP(.from = plan_port(dice, pool), .to = plan_port(dice, pool),
			       .length = maybe_wrong(dice, 65535));
	struct layer other = OTHER(PICK(dice, 1, 58, 58, 47, 50, 132, 59, 6, 17, pick(dice, 256)),
				   pick(dice, 24));

	/* Of ICMP. */
	other.type = EXACTLY(PICK(dice, 8, 128, 132, 133, 135, 137, 138));

	switch (pick(dice, 6)) {
	case 0:
		return other;
	case 1:
	case 2:
		return udp;
	default:
		return tcp;
	}
}

static void put_number(uint8_t *bytes, size_t count, number128 number)
{
	while (count > 0) {
		bytes[--count] = (uint8_t)number;
		number >>= 8;
	}
}

static void random_layers(struct dice *dice, const struct traffic *traffic, struct layer *layer,
			  uint8_t source[16])
{
	struct pool_address from =
		traffic->hot && !one_in(dice, 3)
			? traffic->hot_address[pick(dice, (uint32_t)traffic->hot)]
			: plan_address(dice, traffic->pool);

	*layer++ = (struct layer)ETHERNET(.type = one_in(dice, 100) ? 0x0806 : 0);
	for (uint32_t i = one_in(dice, 8) ? pick(dice, 4) : 0; i > 0; i--)
		*layer++ = (struct layer)VLAN(.tpid = PICK(dice, 0x8100, 0x88a8));
	put_number(source, from.v6 ? 16 : 4, from.number);
	if (from.v6) {
		*layer++ =
			(struct layer)IPV6(.source_bytes = source, .version = maybe_wrong(dice, 15),
					   .length = maybe_wrong(dice, 2000),
					   .type = maybe_wrong(dice, 255));
		for (uint32_t i = one_in(dice, 4) ? pick(dice, 10) : 0; i > 0; i--)
			*layer++ = random_extension(dice);
	} else {
		*layer++ = (struct layer)
			IPV4(.source_bytes = source, .version = maybe_wrong(dice, 15),
			     .header = maybe_wrong(dice, 15), .length = maybe_wrong(dice, 2000),
			     .options = 4 * PICK(dice, 0, 0, 0, 1, 10), .more = one_in(dice, 16),
			     .fragment = one_in(dice, 16) ? PICK(dice, 1, 2, 0x1fff, 0x4000, 0x8000)
							  : 0);
	}
	*layer++ = random_transport(dice, traffic->pool);
	*layer++ = (struct layer)PAYLOAD(one_in(dice, traffic->large) ? pick(dice, 9000)
								      : pick(dice, 64));
	if (one_in(dice, 8))
		*layer++ = (struct layer)PADDING(pick(dice, 46));
	layer->kind = LAYER_END;
}

static void mutate(struct dice *dice, struct frame *frame)
{
	uint32_t head = frame->size < 120 ? (uint32_t)frame->size : 120;

	switch (pick(dice, 24)) {
	case 0:
		for (uint32_t i = 1 + pick(dice, 4); i > 0; i--)
			frame->bytes[12 + pick(dice, head - 12)] ^= 1u << pick(dice, 8);
		break;
	case 1:
		frame->bytes[12 + pick(dice, head - 12)] = (uint8_t)pick(dice, 256);
		break;
	case 2:
		frame->size -= pick(dice, head - 13);
		break;
	case 3: /* only so much of it lies in the first buffer */
		if (frame->size > 14 && one_in(dice, 2))
			frame->linear = 14 + pick(dice, head - 13);
		break;
	default:
		break;
	}
	if (frame->linear >= frame->size)
		frame->linear = 0;
}

void random_frame(struct frame *frame, struct dice *dice, const struct traffic *traffic)
{
	struct layer layers[LAYERS_MAX];
	uint8_t source[16];

	random_layers(dice, traffic, layers, source);
	frame_build(frame, layers);
	mutate(dice, frame);
}

void traffic_begin(struct traffic *traffic, struct dice *dice, const struct pool *pool)
{
	traffic->pool = pool;
	traffic->large = PICK(dice, 8, 64, 200, 1000);
	traffic->hot = one_in(dice, 4) ? 0 : 1 + pick(dice, HOT_MAX);
	for (size_t i = 0; i < traffic->hot; i++)
		traffic->hot_address[i] = plan_address(dice, pool);
}
