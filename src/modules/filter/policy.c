/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "modules/filter/lockout.h"
#include "modules/filter/policy.h"

/* What a frame of many buffers can hold at most, rounded up. */
enum { BYTES_AT_ONCE = 1 << 17 };
#define PRICE_MAX (1ULL << 46)

_Static_assert((int)PORT_TCP == (int)FILTER_TCP && (int)PORT_UDP == (int)FILTER_UDP,
	       "protocols count the same");

int policy_check_lockout(const struct filter_config *config, const struct peers *peers,
			 struct error *error)
{
	int r = lockout_check_ports(&config->blocked, peers, error);

	for (size_t i = 0; r == 0 && i < config->ban.count; i++)
		r = lockout_check_ban(&config->ban.items[i], peers, error);
	return r;
}

/* An SSH session needs no open port of its own: one that it uses is blocked only by force. */
static uint64_t role_of(const struct peer *peer)
{
	uint64_t role = ROLE_GUARDED;

	if (peer->role == PEER_RESOLVER)
		role |= (uint64_t)peer->port << ROLE_SOURCE_PORT_SHIFT;
	return role;
}

/* ---- limits ---------------------------------------------------------------------- */

struct filter_limit policy_limit(const struct rate *rate, uint64_t burst, uint32_t jiffies_hz)
{
	const uint64_t jiffy = 1ULL << METER_SHIFT, one = 1 << PRICE_SHIFT;
	unsigned __int128 interval;
	struct filter_limit limit;

	if (!rate->count)
		return (struct filter_limit){ 0, 0 };
	interval = (unsigned __int128)rate->period * jiffies_hz * jiffy * one / NSEC_PER_SEC;
	interval /= rate->count;
	/* Whole units where there are enough of them, so that a burst is exact. */
	if (interval >= 1024 * one)
		interval = (interval + one / 2) / one * one;
	limit.interval = interval ? (uint64_t)interval : 1;
	interval = (unsigned __int128)(burst ? burst : rate->count) * limit.interval / one;
	limit.burst = interval > INT64_MAX ? INT64_MAX : (uint64_t)interval;
	/* The clock goes in jiffies: what is due within one comes at once. */
	if (limit.burst < jiffy)
		limit.burst = jiffy;
	return limit;
}

/* Ticks, rounded up, below what stands for ever. */
static uint32_t ticks_of(const struct filter_state *state, uint64_t duration)
{
	uint64_t tick = (NSEC_PER_SEC / state->jiffies_hz) << state->tick_shift;
	uint64_t ticks = (duration + tick - 1) / tick;

	return ticks < BAN_FOREVER / 2 ? (uint32_t)ticks : (uint32_t)(BAN_FOREVER / 2);
}

/* ---- guards ----------------------------------------------------------------------- */

/* The number that this name has, or a new one. */
static int guard_number(struct filter_state *state, const char *name, uint32_t *ret_number,
			struct error *error)
{
	uint32_t number = 1;

	while (number <= GUARDS_MAX && *state->guard_names[number] &&
	       strcmp(state->guard_names[number], name) != 0)
		number++;
	if (number > GUARDS_MAX)
		return error_set(error, -ENOSPC,
				 "more than %d different names of guards since the filter came up; "
				 "'sumun down' forgets the former ones",
				 GUARDS_MAX);
	snprintf(state->guard_names[number], GUARD_NAME_SIZE, "%s", name);
	*ret_number = number;
	return 0;
}

static struct filter_limit limit_of(const struct guard_config *config, const struct rate *rate,
				    uint32_t hz)
{
	return policy_limit(rate, filter_guard_burst(config, rate), hz);
}

static void fill_guard(const struct filter_state *state, struct filter_guard *guard,
		       const struct guard_config *config)
{
	uint32_t hz = state->jiffies_hz;
	uint64_t ban_max = config->ban_max > config->ban ? config->ban_max : config->ban;

	guard->connections = limit_of(config, &config->connections, hz);
	guard->packets = limit_of(config, &config->packets, hz);
	guard->bytes = limit_of(config, &config->bytes, hz);
	/* The largest packet must have a price that is a number, and fit, or it never would. */
	if (guard->bytes.interval > PRICE_MAX)
		guard->bytes.interval = PRICE_MAX;
	if (guard->bytes.interval &&
	    guard->bytes.burst < guard->bytes.interval * BYTES_AT_ONCE >> PRICE_SHIFT)
		guard->bytes.burst = guard->bytes.interval * BYTES_AT_ONCE >> PRICE_SHIFT;
	guard->total = limit_of(config, &config->total, hz);
	guard->mode = config->mode;
	guard->ban = ticks_of(state, config->ban);
	guard->ban_max = ticks_of(state, ban_max);
	snprintf(guard->name, sizeof(guard->name), "%s", config->name);
	snprintf(guard->why, sizeof(guard->why), "guard %s", config->name);
}

static bool has_ports(const struct port_set *set)
{
	static const struct port_set none;

	return memcmp(set, &none, sizeof(none)) != 0;
}

static void mark_ports(struct filter_policy *policy, const struct port_set *set, uint8_t bits)
{
	enum port_protocol protocol = 0;
	struct port_range range;
	uint32_t port = 0;

	while (port_set_next(set, &protocol, &port, &range))
		for (uint32_t i = range.first; i <= range.last; i++)
			policy->ports[range.protocol][i] |= bits;
}

/* Ports that no other guard has fall to the guard that names none. */
static void mark_others(struct filter_policy *policy, uint8_t number)
{
	uint8_t *ports = &policy->ports[0][0];

	policy->other_guard = number;
	for (size_t i = 0; i < sizeof(policy->ports); i++)
		if (!(ports[i] & PORT_GUARD_MASK))
			ports[i] |= number;
}

static int fill_guards(struct filter_state *state, struct filter_policy *policy,
		       const struct filter_config *config, struct error *error)
{
	uint32_t others = 0;

	for (size_t i = 0; i < config->guards.count; i++) {
		const struct guard_config *guard = &config->guards.items[i];
		uint32_t number = 0;
		int r = guard_number(state, guard->name, &number, error);

		if (r < 0)
			return r;
		fill_guard(state, &policy->guards[number], guard);
		if (has_ports(&guard->ports))
			mark_ports(policy, &guard->ports, (uint8_t)number);
		else
			others = number;
	}
	if (others)
		mark_others(policy, (uint8_t)others);
	/* Guard 0 limits nothing: it remembers for a minute who asked for the other ports. */
	policy->guards[0].connections.interval = (uint64_t)state->jiffies_hz
						 << (METER_SHIFT + PRICE_SHIFT);
	policy->guards[0].connections.burst = 60ULL * state->jiffies_hz << METER_SHIFT;
	if (config->guards.count || config->scan.on)
		policy->flags |= POLICY_SOURCES;
	return 0;
}

static void fill_scan(const struct filter_state *state, struct filter_policy *policy,
		      const struct scan_config *config)
{
	struct rate rate = { config->ports, config->window };

	if (!config->on)
		return;
	policy->flags |= POLICY_SCAN;
	/* The last of so many is one too many. */
	policy->scan.limit = policy_limit(&rate, config->ports - 1, state->jiffies_hz);
	policy->scan.noted_max = (uint32_t)config->ports + 2;
	policy->scan.mode = config->mode;
	policy->scan.ban = ticks_of(state, config->ban);
}

static int fill_roles(struct tables *tables, struct filter_policy *policy,
		      const struct filter_config *config, const struct peers *peers, bool force,
		      struct error *error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->allow.count; i++)
		r = policy_add_role(tables, policy, &config->allow.items[i], ROLE_ALLOW, error);
	for (size_t i = 0; r == 0 && i < config->ban.count; i++)
		r = policy_add_role(tables, policy, &config->ban.items[i],
				    force ? ROLE_BAN | ROLE_BAN_FORCED : ROLE_BAN, error);
	for (size_t i = 0; r == 0 && i < peers->count; i++) {
		struct prefix host = prefix_of(&peers->peers[i].address, ADDRESS_BITS);

		if (peers->peers[i].role != PEER_SELF)
			r = policy_add_role(tables, policy, &host, role_of(&peers->peers[i]),
					    error);
	}
	return r;
}

int policy_fill(struct tables *tables, struct filter_policy *policy,
		const struct filter_config *config, const struct peers *peers, bool force,
		struct error *error)
{
	struct filter_state *state = tables->state;
	int r;

	policy->mode = config->mode;
	policy->list_table = LIST_TABLES;
	policy->unproven_ban = ticks_of(state, config->unproven_ban);
	policy->aggregate[FAMILY_V4] = (uint32_t)config->aggregate_v4;
	policy->aggregate[FAMILY_V6] = (uint32_t)config->aggregate_v6;
	policy->ban_rate = policy_limit(&config->ban_rate, 0, state->jiffies_hz);
	host_ephemeral_ports(&policy->ephemeral[0], &policy->ephemeral[1]);
	if (config->syn_cookies) {
		policy->flags |= POLICY_COOKIES;
		policy->cookies_above =
			policy_limit(&config->syn_cookies_above, 0, state->jiffies_hz);
	}
	fill_scan(state, policy, &config->scan);
	r = fill_guards(state, policy, config, error);
	mark_ports(policy, &config->blocked, PORT_BLOCKED);
	mark_ports(policy, &config->watched, PORT_WATCHED);
	if (r == 0)
		r = fill_roles(tables, policy, config, peers, force, error);
	return r;
}
