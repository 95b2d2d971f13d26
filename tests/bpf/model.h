/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the filter ought to say, worked out the slow and obvious way from the
 * description of its rules: an oracle that shares no code with the kernel side.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "modules/filter/filter.h"
#include "packet.h"

enum { MODEL_BANS = 64, MODEL_ROLES = 64 };

struct model_ban {
	struct prefix prefix;
	uint32_t end; /* tick, or BAN_FOREVER */
	bool forced;
};

struct model_role {
	struct prefix prefix;
	bool allow;           /* else guarded */
	uint16_t source_port; /* 0: none */
};

struct model {
	bool enforce;
	uint32_t now; /* tick */
	bool blocked[FILTER_PORT_PROTOCOLS][FILTER_PORTS];
	size_t bans;
	struct model_ban ban[MODEL_BANS];
	size_t roles;
	struct model_role role[MODEL_ROLES];
};

struct answer {
	enum filter_reason reason;
	uint32_t protocol;
	bool dropped;
	int attempt; /* FILTER_TCP, FILTER_UDP, or -1: this packet opens no connection */
	uint16_t port;
};

struct answer model_judge(const struct model *model, const struct frame *frame);

const char *reason_name(enum filter_reason reason);
