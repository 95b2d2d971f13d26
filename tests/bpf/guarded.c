/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include <linux/bpf.h>

#include "guarded.h"

uint32_t send_layers(const struct store *store, const struct layer *layers, uint32_t times)
{
	CLEANUP_FREE struct frame *frame = malloc(sizeof(*frame));
	uint32_t passed = 0;

	assert_non_null(frame);
	frame_build(frame, layers);
	for (uint32_t i = 0; i < times; i++)
		passed += run_frame(store, frame) == XDP_PASS;
	return passed;
}

static uint32_t send_from(const struct store *store, const char *source, struct layer transport,
			  uint32_t times)
{
	struct layer layers[] = { ETHERNET(), IPV4(.source = source), transport, { LAYER_END } };

	if (strchr(source, ':'))
		layers[1] = (struct layer)IPV6(.source = source);
	return send_layers(store, layers, times);
}

uint32_t knock(const struct store *store, const char *source, uint16_t port, uint32_t times)
{
	return send_from(store, source, (struct layer)TCP(.to = port, .flags = TCP_SYN), times);
}

uint32_t send_datagrams(const struct store *store, const char *source, uint16_t port,
			uint32_t times)
{
	return send_from(store, source, (struct layer)UDP(.to = port), times);
}

uint32_t send_segments(const struct store *store, const char *source, uint16_t port, uint32_t times)
{
	return send_from(store, source, (struct layer)TCP(.to = port, .flags = TCP_ACK), times);
}

bool is_banned(const struct store *store, const char *prefix, struct ban *ret_ban)
{
	struct prefix parsed = prefix_from(prefix);
	struct ban ban;

	return ban_find(&store->tables, &parsed, packet_tick(store), ret_ban ? ret_ban : &ban);
}

uint64_t ban_left(const struct store *store, const char *prefix)
{
	const struct filter_state *state = store->tables.state;
	struct ban ban;

	if (!is_banned(store, prefix, &ban))
		fail_msg("%s is not banned", prefix);
	if (ban.end == BAN_FOREVER)
		return UINT64_MAX;
	return ((uint64_t)(ban.end - packet_tick(store)) << state->tick_shift) * SECONDS(1) /
	       state->jiffies_hz;
}

struct peers guard_peer(const char *address, enum peer_role role, uint16_t port)
{
	struct peers peers = { .count = 1 };

	peers.peers[0] = (struct peer){ prefix_from(address).address, role, port };
	return peers;
}
