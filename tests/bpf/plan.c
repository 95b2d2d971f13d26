/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <stdlib.h>

#include "modules/filter/policy.h"
#include "plan.h"

/* ---- addresses and ports -------------------------------------------------------------- */

static number128 largest(bool v6)
{
	return v6 ? ~(number128)0 : UINT32_MAX;
}

static void pool_add(struct pool *pool, struct dice *dice, bool v6, number128 number)
{
	size_t at = pool->count < POOL_MAX ? pool->count++ : pick(dice, POOL_MAX);

	pool->address[at] = (struct pool_address){ v6, number & largest(v6) };
}

/* The last before it, the first and the last in it, the first behind, and one in it. */
static void pool_add_range(struct pool *pool, struct dice *dice, const struct model_range *range)
{
	number128 inside = (number128)random_next(&dice->state) << 64 | random_next(&dice->state);

	if (range->last - range->first != largest(range->v6))
		inside %= range->last - range->first + 1;
	if (range->first > 0)
		pool_add(pool, dice, range->v6, range->first - 1);
	pool_add(pool, dice, range->v6, range->first);
	pool_add(pool, dice, range->v6, range->last);
	if (range->last < largest(range->v6))
		pool_add(pool, dice, range->v6, range->last + 1);
	pool_add(pool, dice, range->v6, range->first + inside);
}

/* From so few addresses that bans, roles and sources meet; sometimes from all there are. */
static struct pool_address random_address(struct dice *dice)
{
	uint32_t few = 10u << 24 | pick(dice, 2) << 16 | pick(dice, 3) << 8 | pick(dice, 4);
	bool any = one_in(dice, 6), v6 = one_in(dice, 2);
	number128 high;

	if (one_in(dice, 40)) /* nobody's */
		return v6 ? (struct pool_address){ true, (number128)0xfe80 << 112 | few }
			  : (struct pool_address){ false, 0 };
	if (!v6 && any)
		return (struct pool_address){ false, (uint32_t)random_next(&dice->state) };
	if (!v6)
		return (struct pool_address){ false, few };
	if (any)
		return (struct pool_address){ true, (number128)random_next(&dice->state) << 64 |
							    random_next(&dice->state) };
	high = 0x20010db800000000 | (uint64_t)pick(dice, 3) << 16 | pick(dice, 2);
	return (struct pool_address){ true, high << 64 | (uint64_t)pick(dice, 2) << 63 |
						    pick(dice, 2) << 16 | (1 + pick(dice, 3)) };
}

struct pool_address plan_address(struct dice *dice, const struct pool *pool)
{
	if (pool->count && !one_in(dice, 8))
		return pool->address[pick(dice, (uint32_t)pool->count)];
	return random_address(dice);
}

static struct address address_from(bool v6, number128 number)
{
	struct filter_key key = { (uint64_t)(number >> 64), (uint64_t)number };

	if (!v6)
		key = (struct filter_key){ 0, KEY_V4_LOW | (uint32_t)number };
	return address_of(key);
}

static struct prefix prefix_at(struct pool_address at, uint32_t bits, struct model_range *ret_range)
{
	struct address address = address_from(at.v6, at.number);
	number128 rest = largest(at.v6);

	for (uint32_t i = 0; i < bits; i++)
		rest >>= 1;
	*ret_range = (struct model_range){ at.v6, at.number & ~rest, at.number | rest };
	return prefix_of(&address, (uint8_t)(at.v6 ? bits : 96 + bits));
}

/* v4-mapped addresses are IPv4 for whoever reads a configuration. */
static struct pool_address typed_address(struct dice *dice)
{
	struct pool_address address;

	do
		address = random_address(dice);
	while (address.number >> 64 == 0 && (address.v6 || address.number == 0));
	return address;
}

struct prefix plan_prefix(struct dice *dice, struct pool *pool, uint32_t v4_shortest,
			  struct model_range *ret_range)
{
	struct pool_address at = typed_address(dice);
	uint32_t bits = at.v6 ? PICK(dice, 128, 128, 128, 127, 124, 112, 96, 80, 72, 65, 64, 64, 64,
				     63, 60, 56, 52, 49, 48, 47, 40, 33, 32)
			      : PICK(dice, 32, 32, 32, 32, 31, 30, 29, 28, 25, 24, 24, 23, 20, 17,
				     16, 15, 12, 9, 8);
	struct prefix prefix;

	if (v4_shortest == 0 && one_in(dice, 24))
		bits = 0;
	prefix = prefix_at(at, bits, ret_range);
	pool_add_range(pool, dice, ret_range);
	return prefix;
}

uint16_t plan_port(struct dice *dice, const struct pool *pool)
{
	if (pool->ports && !one_in(dice, 4))
		return pool->port[pick(dice, (uint32_t)pool->ports)];
	return one_in(dice, 2) ? (uint16_t)PICK(dice, 0, 1, 22, 53, 80, 65534, 65535)
			       : (uint16_t)pick(dice, 65536);
}

static void pool_add_ports(struct pool *pool, struct dice *dice, const struct port_range *range)
{
	const uint16_t edges[] = { (uint16_t)(range->first - 1), range->first, range->last,
				   (uint16_t)(range->last + 1) };

	for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
		size_t at = pool->ports < ARRAY_SIZE(pool->port)
				    ? pool->ports++
				    : pick(dice, ARRAY_SIZE(pool->port));

		pool->port[at] = edges[i];
	}
}

static struct port_range random_ports(struct dice *dice, struct pool *pool)
{
	uint32_t first = 1 + PICK(dice, 0, 21, 52, 79, pick(dice, 65535), pick(dice, 65535));
	uint32_t width = PICK(dice, 0, 0, 0, 1, 7, 63, 64, 500, pick(dice, 65536));
	struct port_range range = { (enum port_protocol)pick(dice, 2), (uint16_t)first,
				    (uint16_t)(first + width < 65535 ? first + width : 65535) };

	pool_add_ports(pool, dice, &range);
	return range;
}

/* ---- lists ------------------------------------------------------------------------------ */

static void add_range(struct ranges *ranges, const struct model_range *range)
{
	if (range->v6)
		assert_ok(ranges_add6(ranges, number_key(range->first), number_key(range->last)));
	else
		assert_ok(ranges_add4(ranges, (uint32_t)range->first, (uint32_t)range->last));
}

/* A prefix, or a range that begins and ends anywhere near. */
static struct model_range random_range(struct dice *dice, struct pool *pool)
{
	struct model_range range;

	plan_prefix(dice, pool, 8, &range);
	if (one_in(dice, 3)) {
		range.last += pick(dice, 70000);
		if (range.last > largest(range.v6) || range.last < range.first)
			range.last = largest(range.v6);
		pool_add_range(pool, dice, &range);
	}
	return range;
}

void plan_lists(struct plan_lists *lists, struct dice *dice, struct pool *pool)
{
	bool only_one_family = one_in(dice, 4), family = one_in(dice, 2);
	size_t allow;

	memset(lists, 0, sizeof(*lists));
	lists->count = one_in(dice, 4) ? 0 : 1 + pick(dice, PLAN_LISTS);
	allow = pick(dice, (uint32_t)lists->count + 1);
	for (size_t i = 0; i < lists->count; i++) {
		struct model_list *list = &lists->model[i];

		list->allow = i < allow;
		list->number = (uint8_t)(one_in(dice, 8) ? 60 + i : 1 + (i * 5 + 3) % 7);
		list->ranges = lists->model_ranges[i];
		for (uint32_t k = pick(dice, PLAN_RANGES); k > 0; k--) {
			struct model_range range = random_range(dice, pool);

			if (only_one_family && range.v6 != family)
				continue;
			lists->model_ranges[i][list->count++] = range;
			add_range(&lists->ranges[i], &range);
		}
		assert_ok(ranges_merge(&lists->ranges[i]));
	}
}

void plan_lists_free(struct plan_lists *lists)
{
	for (size_t i = 0; i < lists->count; i++)
		ranges_free(&lists->ranges[i]);
	lists->count = 0;
}

/* ---- guards ----------------------------------------------------------------------------- */

/* A rate of which one unit is a whole number of jiffies, whatever their length. */
static struct rate random_rate(struct dice *dice)
{
	if (one_in(dice, 2))
		return (struct rate){ PICK(dice, 1, 2, 3, 5, 10, 20, 60), HOURS(1) };
	return (struct rate){ PICK(dice, 1, 2, 8, 24, 48, 96), HOURS(24) };
}

/* Here it is most of a second; where that is longer, policy.c makes it shorter. */
static struct rate random_bytes(struct dice *dice)
{
	return (struct rate){ PICK(dice, 96000, 120000), HOURS(24) };
}

static uint64_t half_past(struct dice *dice)
{
	return HOURS(pick(dice, 4)) + MINUTES(30);
}

static void random_limits(struct guard_config *guard, struct dice *dice)
{
	uint32_t which = 1 + pick(dice, 15);

	guard->connections = which & 1 ? random_rate(dice) : (struct rate){ 0, 0 };
	guard->packets = which & 2 ? random_rate(dice) : (struct rate){ 0, 0 };
	guard->bytes = which & 4 ? random_bytes(dice) : (struct rate){ 0, 0 };
	guard->total = which & 8 ? random_rate(dice) : (struct rate){ 0, 0 };
	guard->burst = one_in(dice, 2) ? PICK(dice, 1, 2, 3, 7, 30, 150000) : 0;
	guard->mode = one_in(dice, 4) ? MODE_OBSERVE : MODE_ENFORCE;
	if (which & 7 && one_in(dice, 2))
		guard->ban = half_past(dice);
	guard->ban_max = guard->ban * pick(dice, 3);
}

/* Of its ports, those that no guard before has. */
static void random_guard_ports(struct plan *plan, struct guard_config *guard, struct dice *dice,
			       struct pool *pool)
{
	for (uint32_t i = 1 + pick(dice, 3); i > 0; i--) {
		struct port_range range = random_ports(dice, pool);
		bool is_free = true;

		for (uint32_t port = range.first; port <= range.last; port++)
			for (size_t k = 0; k + 1 < plan->config.guards.count; k++)
				is_free &= !port_set_has(&plan->config.guards.items[k].ports,
							 range.protocol, (uint16_t)port);
		if (is_free)
			port_set_add(&guard->ports, &range);
	}
}

static bool has_ports(const struct guard_config *guard)
{
	static const struct port_set none;

	return memcmp(&guard->ports, &none, sizeof(none)) != 0;
}

static void random_guards(struct plan *plan, struct dice *dice, struct pool *pool, char family)
{
	struct guard_list *list = &plan->config.guards;
	bool others = false;

	list->items = calloc(4, sizeof(*list->items));
	assert_non_null(list->items);
	for (uint32_t i = one_in(dice, 6) ? 0 : pick(dice, 5); i > 0; i--) {
		struct guard_config *guard = &list->items[list->count++];

		memset(guard, 0, sizeof(*guard));
		snprintf(guard->name, sizeof(guard->name), "%c%zu", family, list->count);
		random_limits(guard, dice);
		if (others || !one_in(dice, 3))
			random_guard_ports(plan, guard, dice, pool);
		if (has_ports(guard))
			continue;
		if (others)
			list->count--;
		others = true;
	}
}

/* ---- policies ----------------------------------------------------------------------------- */

static void random_prefixes(struct prefix_list *list, struct model_policy *model, struct dice *dice,
			    struct pool *pool, bool allow)
{
	list->items = calloc(8, sizeof(*list->items));
	assert_non_null(list->items);
	for (uint32_t i = one_in(dice, 2) ? pick(dice, 6) : 0; i > 0; i--) {
		struct model_role *role = &model->role[model->roles++];

		*role = (struct model_role){ .allow = allow, .ban = !allow };
		list->items[list->count++] = plan_prefix(dice, pool, allow ? 0 : 8, &role->range);
	}
}

static void random_peers(struct plan *plan, struct dice *dice, struct pool *pool)
{
	for (uint32_t i = one_in(dice, 2) ? pick(dice, 8) : 0; i > 0; i--) {
		struct model_role *role = &plan->model.role[plan->model.roles++];
		struct peer *peer = &plan->peers.peers[plan->peers.count++];
		struct pool_address at = typed_address(dice);

		peer->role = (enum peer_role)PICK(dice, PEER_GATEWAY, PEER_RESOLVER, PEER_SSH,
						  PEER_SELF);
		peer->port = peer->role == PEER_RESOLVER ? 53 : peer->role == PEER_SSH ? 22 : 0;
		peer->address = prefix_at(at, at.v6 ? 128 : 32, &role->range).address;
		pool_add_range(pool, dice, &role->range);
		role->guarded = peer->role != PEER_SELF;
		role->answers_from = peer->role == PEER_RESOLVER ? 53 : 0;
	}
}

static void random_port_sets(struct plan *plan, struct dice *dice, struct pool *pool)
{
	for (uint32_t i = one_in(dice, 2) ? pick(dice, 6) : 0; i > 0; i--) {
		struct port_range range = random_ports(dice, pool);

		port_set_add(&plan->config.blocked, &range);
	}
	for (uint32_t i = one_in(dice, 3) ? pick(dice, 4) : 0; i > 0; i--) {
		struct port_range range = random_ports(dice, pool);

		port_set_add(&plan->config.watched, &range);
	}
}

void plan_policy(struct plan *plan, struct dice *dice, struct pool *pool, char family,
		 const struct plan_lists *lists)
{
	struct filter_config *config = &plan->config;

	memset(plan, 0, sizeof(*plan));
	config->mode = one_in(dice, 4) ? MODE_OBSERVE : MODE_ENFORCE;
	config->unproven_ban = one_in(dice, 4) ? 0 : half_past(dice);
	config->ban_rate =
		one_in(dice, 6) ? random_rate(dice) : (struct rate){ 1000000000, SECONDS(1) };
	config->aggregate_v4 = one_in(dice, 2) ? 2 : 0;
	config->aggregate_v6 = one_in(dice, 2) ? 2 : 0;
	config->syn_cookies = one_in(dice, 4);
	config->syn_cookies_above = random_rate(dice);
	config->scan = (struct scan_config){ .on = one_in(dice, 3),
					     .mode = pick(dice, 2),
					     .ports = 3 + pick(dice, 8),
					     .window = HOURS(1) };
	plan->force = one_in(dice, 4);
	plan->listed = lists->count && !one_in(dice, 4);
	random_port_sets(plan, dice, pool);
	random_prefixes(&config->allow, &plan->model, dice, pool, true);
	random_prefixes(&config->ban, &plan->model, dice, pool, false);
	random_peers(plan, dice, pool);
	random_guards(plan, dice, pool, family);
	for (size_t i = 0; plan->listed && i < lists->count; i++)
		plan->model.list[plan->model.lists++] = lists->model[i];
}

void plan_free(struct plan *plan)
{
	filter_config_free(&plan->config);
}

/* ---- both sides ------------------------------------------------------------------------- */

static struct model_limit model_limit(const struct rate *rate, uint64_t *burst)
{
	struct model_limit limit = { rate->count, rate->period, 0 };

	/* `burst` is said of the first limit that there is. */
	if (rate->count) {
		limit.burst = *burst;
		*burst = 0;
	}
	return limit;
}

static struct model_guard model_guard(const struct guard_config *config)
{
	uint64_t burst = config->burst;

	return (struct model_guard){
		.limit = { [OF_CONNECTIONS] = model_limit(&config->connections, &burst),
			   [OF_PACKETS] = model_limit(&config->packets, &burst),
			   [OF_BYTES] = model_limit(&config->bytes, &burst),
			   [OF_TOTAL] = model_limit(&config->total, &burst) },
		.enforce = config->mode == MODE_ENFORCE,
		.ban = config->ban,
	};
}

static void model_ports(struct plan *plan)
{
	struct model_policy *model = &plan->model;

	for (int protocol = 0; protocol < FILTER_PORT_PROTOCOLS; protocol++)
		for (uint32_t port = 0; port < FILTER_PORTS; port++)
			model->blocked[protocol][port] =
				port_set_has(&plan->config.blocked, (enum port_protocol)protocol,
					     (uint16_t)port);
	memset(model->guard_of, model->other_guard, sizeof(model->guard_of));
}

static void model_guard_ports(struct plan *plan, const struct guard_config *guard, uint8_t number)
{
	for (int protocol = 0; protocol < FILTER_PORT_PROTOCOLS; protocol++)
		for (uint32_t port = 0; port < FILTER_PORTS; port++)
			if (port_set_has(&guard->ports, (enum port_protocol)protocol,
					 (uint16_t)port))
				plan->model.guard_of[protocol][port] = number;
}

void plan_fill(struct plan *plan, struct store *store, struct filter_policy *policy)
{
	struct filter_config *config = &plan->config;
	struct model_policy *model = &plan->model;
	struct error error = { 0 };

	if (policy_fill(&store->tables, policy, config, &plan->peers, plan->force, &error) < 0)
		fail_msg("%s", error.text);
	model->enforce = config->mode == MODE_ENFORCE;
	model->force = plan->force;
	model->unproven_ban = config->unproven_ban;
	model->ban_rate =
		(struct model_limit){ config->ban_rate.count, config->ban_rate.period, 0 };
	for (size_t i = 0; i < config->guards.count; i++)
		if (!has_ports(&config->guards.items[i]))
			model->other_guard =
				(uint8_t)guard_number_of(store, config->guards.items[i].name);
	model_ports(plan);
	for (size_t i = 0; i < config->guards.count; i++) {
		const struct guard_config *guard = &config->guards.items[i];
		uint8_t number = (uint8_t)guard_number_of(store, guard->name);

		model->guard[number] = model_guard(guard);
		model_guard_ports(plan, guard, number);
	}
}
