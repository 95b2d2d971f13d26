/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A store, a model, and packets that both judge; see filter_random.c. */
#pragma once

#include "random_frame.h"

/* Numbers only: they are added up over all workers. */
struct progress {
	uint64_t packets;
	uint64_t policies;
	uint64_t bans;
	uint64_t withheld;
	uint64_t journeys;
	uint64_t shadows;
	uint64_t given_up;
	uint64_t reasons[REASON_ROOM];
};

enum { PLAN_NOW, PLAN_FORMER, PLAN_SHADOW, PLANS };

struct round {
	struct store store;
	char parent[PINS_PATH];
	struct filter_globals *globals;
	void *meters; /* for writing */
	size_t meters_size;
	uint64_t tick_offset; /* without journeys */
	struct progress *progress;

	struct dice dice;
	uint64_t seed; /* of this epoch */
	struct pool pool;
	struct plan_lists lists;
	uint32_t list_table, list_flags;
	uint64_t allow_lists;

	struct plan plan[PLANS];
	bool has[PLANS];
	uint64_t deadline; /* or NEVER */
	struct model_world world;
	struct traffic traffic;
	struct frame frame;
	uint64_t began;    /* CLOCK_BOOTTIME */
	uint64_t attempts; /* since the store was made */
	uint64_t labelled;
};

int round_open(struct round *round, struct error *error);
void round_close(struct round *round);

/* Some rounds with the same lists; no more than `packets`. Fails the test at a difference. */
void run_epoch(struct round *round, uint64_t seed, uint64_t packets);
