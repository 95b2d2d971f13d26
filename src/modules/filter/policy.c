/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/timestamp.h"
#include "modules/filter/lockout.h"
#include "modules/filter/policy.h"

_Static_assert(sizeof(((struct port_set *)0)->bits) == sizeof(((struct filter_policy *)0)->blocked),
	       "a port set is laid out as the policy's bitmap");
_Static_assert((int)PORT_TCP == (int)FILTER_TCP && (int)PORT_UDP == (int)FILTER_UDP,
	       "and in the same order");

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

int policy_fill(struct tables *tables, struct filter_policy *policy,
		const struct filter_config *config, const struct peers *peers, struct error *error)
{
	int r = 0;

	policy->mode = config->mode;
	memcpy(policy->blocked, config->blocked.bits, sizeof(policy->blocked));
	for (size_t i = 0; r == 0 && i < config->allow.count; i++)
		r = policy_add_role(tables, policy, &config->allow.items[i], ROLE_ALLOW, error);
	for (size_t i = 0; r == 0 && i < peers->count; i++) {
		struct prefix host = prefix_of(&peers->peers[i].address, ADDRESS_BITS);

		if (peers->peers[i].role != PEER_SELF)
			r = policy_add_role(tables, policy, &host, role_of(&peers->peers[i]),
					    error);
	}
	return r;
}

static uint32_t generation_bit(uint32_t generation)
{
	return 1u << (generation % 2);
}

int policy_add_bans(struct store *store, const struct gate_options *options, struct error *error)
{
	uint32_t bit = generation_bit(store_policy(store)->generation + 1);
	const struct prefix_list *list = &options->config->ban;

	for (size_t i = 0; i < list->count; i++) {
		struct ban ban = { .prefix = list->items[i],
				   .end = BAN_FOREVER,
				   .forced = options->force };
		struct filter_ban_info info;
		int r;

		if (store_ban_info(store, &ban.prefix, &info) < 0 || info.origin != ORIGIN_CONFIG) {
			info = (struct filter_ban_info){ .since = timestamp_now(),
							 .origin = ORIGIN_CONFIG };
			snprintf(info.why, sizeof(info.why), "configuration");
		}
		info.policies |= bit;
		r = store_set_ban_info(store, &ban.prefix, &info);
		if (r < 0)
			return error_set(error, r, "cannot remember a ban: %s", strerror(-r));
		r = ban_add(&store->tables, &ban, store_now(store), error);
		if (r < 0)
			return r;
	}
	return 0;
}

void policy_settle_bans(struct store *store, uint32_t generation)
{
	uint32_t now = store_now(store), bit = generation_bit(generation);
	size_t position = 0;
	struct ban ban;

	while (ban_next(&store->tables, &position, now, &ban)) {
		struct filter_ban_info info;

		if (store_ban_info(store, &ban.prefix, &info) < 0 || info.origin != ORIGIN_CONFIG)
			continue;
		if (info.policies & bit) {
			info.policies = bit;
			store_set_ban_info(store, &ban.prefix, &info);
		} else {
			ban_remove(&store->tables, &ban.prefix, now);
			store_forget_ban(store, &ban.prefix);
		}
	}
}
