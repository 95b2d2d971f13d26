/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of guards share: sources that knock, and how often they get in. */
#pragma once

#include "harness.h"

/* Of `times` SYNs from this source to this port, how many were passed on. */
uint32_t knock(const struct store *store, const char *source, uint16_t port, uint32_t times);
/* The same of UDP datagrams, which are connections as well. */
uint32_t send_datagrams(const struct store *store, const char *source, uint16_t port,
			uint32_t times);
/* Of segments with ACK alone. */
uint32_t send_segments(const struct store *store, const char *source, uint16_t port,
		       uint32_t times);
/* All of `layers`, so often. */
uint32_t send_layers(const struct store *store, const struct layer *layers, uint32_t times);

/* The ban in force on exactly this prefix; false when there is none. */
bool is_banned(const struct store *store, const char *prefix, struct ban *ret_ban);
/* Nanoseconds that it still lasts, to a tick or two. */
uint64_t ban_left(const struct store *store, const char *prefix);
#define assert_lasts(store, prefix, duration)                                   \
	assert_in_range(ban_left((store), (prefix)), (duration)-SECONDS(1) / 2, \
			(duration) + SECONDS(1))
#define assert_not_banned(store, prefix) assert_false(is_banned((store), (prefix), NULL))

struct peers guard_peer(const char *address, enum peer_role role, uint16_t port);
