/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "modules/filter/lockout.h"
#include "modules/filter/tables.h"

int lockout_check_ban(const struct prefix *prefix, const struct peers *peers, struct error *error)
{
	char banned[PREFIX_TEXT], hit[ADDRESS_TEXT];

	for (size_t i = 0; i < peers->count; i++) {
		const struct peer *peer = &peers->peers[i];

		if (!prefix_contains(prefix, &peer->address))
			continue;
		prefix_format(prefix, banned);
		if (prefix_is_host(prefix))
			return error_set(
				error, -EADDRINUSE,
				"refusing to ban %s: it is %s; --force does it all the same",
				banned, peer_role_name(peer->role));
		return error_set(
			error, -EADDRINUSE,
			"refusing to ban %s: it covers %s, %s; --force does it all the same",
			banned, address_format(&peer->address, hit), peer_role_name(peer->role));
	}
	return 0;
}

int lockout_check_ports(const struct port_set *ports, const struct peers *peers,
			struct error *error)
{
	char client[ADDRESS_TEXT];

	for (size_t i = 0; i < peers->count; i++) {
		const struct peer *peer = &peers->peers[i];

		if (peer->role == PEER_SSH && port_set_has(ports, PORT_TCP, peer->port))
			return error_set(
				error, -EADDRINUSE,
				"refusing to block tcp/%u: the SSH session from %s comes in "
				"by it; --force does it all the same",
				peer->port, address_format(&peer->address, client));
	}
	return 0;
}

int lockout_check_allow(const struct prefix *prefix, const struct filter_policy *policy,
			struct error *error)
{
	char banned[PREFIX_TEXT], entry_text[PREFIX_TEXT];
	struct prefix entry;
	size_t position = 0;
	uint64_t role;

	while (policy_next(policy, &position, &entry, &role)) {
		if (!(role & ROLE_ALLOW) || entry.length > prefix->length ||
		    !prefix_contains(&entry, &prefix->address))
			continue;
		return error_set(error, -EADDRINUSE,
				 "refusing to ban %s: 'allow = %s' in the configuration wins over "
				 "every ban; take it out there first",
				 prefix_format(prefix, banned), prefix_format(&entry, entry_text));
	}
	return 0;
}
