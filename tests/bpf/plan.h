/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random policies, each made twice: as a configuration for the code that makes every policy,
 * and as the model knows it.
 *
 * Nothing in them becomes due at once: limits give back a packet every minute or slower and a
 * byte nearly every second, bans last so many hours and a half, and tests travel by whole
 * hours.
 */
#pragma once

#include "core/host.h"
#include "dice.h"
#include "harness.h"
#include "model.h"
#include "modules/filter/list_store.h"
#include "modules/filter/settings.h"

enum { PLAN_LISTS = 4, PLAN_RANGES = 48, POOL_MAX = 512, HOT_MAX = 8 };

/* An address that packets come from. */
struct pool_address {
	bool v6;
	number128 number;
};

/* Where it is worth to look: the edges of what was planned. */
struct pool {
	size_t count;
	struct pool_address address[POOL_MAX];
	size_t ports;
	uint16_t port[128];
};

/* Lists of one set of tables, and both views of them. */
struct plan_lists {
	size_t count;
	struct ranges ranges[PLAN_LISTS];
	struct model_list model[PLAN_LISTS];
	struct model_range model_ranges[PLAN_LISTS][PLAN_RANGES];
};

struct plan {
	struct filter_config config;
	struct peers peers;
	bool force;
	bool listed; /* has the lists */
	struct model_policy model;
};

void plan_lists(struct plan_lists *lists, struct dice *dice, struct pool *pool);
void plan_lists_free(struct plan_lists *lists);

/* `family` is the letter that the names of its guards begin with: other letters, other meters. */
void plan_policy(struct plan *plan, struct dice *dice, struct pool *pool, char family,
		 const struct plan_lists *lists);
void plan_free(struct plan *plan);

/* Fills a policy of the kernel's from it, all but the lists; and the numbers of its guards. */
void plan_fill(struct plan *plan, struct store *store, struct filter_policy *policy);

/* A prefix to put into force by other means, and what it covers. */
struct prefix plan_prefix(struct dice *dice, struct pool *pool, uint32_t v4_shortest,
			  struct model_range *ret_range);

/* An address of the pool, now and then any. */
struct pool_address plan_address(struct dice *dice, const struct pool *pool);
uint16_t plan_port(struct dice *dice, const struct pool *pool);
