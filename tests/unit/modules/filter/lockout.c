// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include "modules/filter/lockout.h"
#include "plain.h"

static const struct peers *some_peers(void)
{
	static struct peers peers;

	peers.peers[0] = (struct peer){ address("192.0.2.1"), PEER_GATEWAY, 0 };
	peers.peers[1] = (struct peer){ address("192.0.2.53"), PEER_RESOLVER, 53 };
	peers.peers[2] = (struct peer){ address("2001:db8::9"), PEER_SSH, 2200 };
	peers.peers[3] = (struct peer){ address("192.0.2.100"), PEER_SELF, 0 };
	peers.count = 4;
	return &peers;
}

static void bans_that_hit_a_peer_are_refused(void **state)
{
	static const struct {
		const char *prefix, *said; /* NULL: fine */
	} rows[] = {
		{ "192.0.2.2", NULL },
		{ "198.51.100.0/24", NULL },
		{ "2001:db8::8", NULL },
		{ "2001:db8:1::/48", NULL },
		{ "192.0.2.1", "refusing to ban 192.0.2.1: it is the default gateway; --force" },
		{ "192.0.2.53", "192.0.2.53: it is a name server of this host; --force" },
		{ "2001:db8::9", "2001:db8::9: it is the SSH client in use; --force" },
		{ "192.0.2.100", "192.0.2.100: it is an address of this host; --force" },
		{ "192.0.2.0/24", "refusing to ban 192.0.2.0/24: it covers 192.0.2.1, the default "
				  "gateway; --force" },
		{ "192.0.2.48/28", "it covers 192.0.2.53, a name server of this host; --force" },
		{ "2001:db8::/64", "it covers 2001:db8::9, the SSH client in use; --force" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct prefix wanted = prefix(rows[i].prefix);
		struct error error = {};
		int r = lockout_check_ban(&wanted, some_peers(), &error);

		assert_row(r == (rows[i].said ? -EADDRINUSE : 0), rows[i].prefix);
		if (rows[i].said)
			assert_error_contains(&error, rows[i].said);
		else
			assert_string_equal(error.text, "");
	}
}

static void the_port_of_the_ssh_session_stays_open(void **state)
{
	struct port_set ports = {};
	struct error error = {};

	/* Neither UDP, nor a port beside it, nor the resolver's. */
	port_set_add(&ports, &(struct port_range){ PORT_UDP, 2200, 2200 });
	port_set_add(&ports, &(struct port_range){ PORT_TCP, 1, 2199 });
	port_set_add(&ports, &(struct port_range){ PORT_TCP, 2201, 65535 });
	assert_ok(lockout_check_ports(&ports, some_peers(), &error));
	port_set_add(&ports, &(struct port_range){ PORT_TCP, 2200, 2200 });
	assert_int_equal(lockout_check_ports(&ports, some_peers(), &error), -EADDRINUSE);
	assert_error_contains(&error, "refusing to block tcp/2200: the SSH session from "
				      "2001:db8::9 comes in by it; --force");
}

static void what_is_allowed_cannot_be_banned(void **state)
{
	static const struct {
		const char *prefix, *entry; /* NULL: fine */
	} rows[] = {
		{ "198.51.100.7", "198.51.100.0/24" },
		{ "198.51.100.0/25", "198.51.100.0/24" },
		{ "198.51.100.0/24", "198.51.100.0/24" },
		{ "198.51.0.0/16", NULL }, /* wider than what is allowed */
		{ "198.51.100.0/23", NULL },
		{ "192.0.2.1", NULL }, /* guarded, not allowed */
		{ "203.0.113.1", NULL },
		{ "2001:db8::1", "2001:db8::/32" },
		{ "2001:db9::1", NULL },
	};
	struct prefix entries[] = { prefix("198.51.100.0/24"), prefix("2001:db8::/32"),
				    prefix("192.0.2.1") };
	struct plain plain;

	plain_make(&plain);
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		assert_ok(policy_add_role(&plain.tables, &plain.globals->policies[0], &entries[i],
					  i < 2 ? ROLE_ALLOW : ROLE_GUARDED, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct prefix wanted = prefix(rows[i].prefix);
		struct error error = {};
		int r = lockout_check_allow(&wanted, &plain.globals->policies[0], &error);

		assert_row(r == (rows[i].entry ? -EADDRINUSE : 0), rows[i].prefix);
		if (rows[i].entry) {
			assert_error_contains(&error, rows[i].prefix);
			assert_error_contains(&error, "'allow = ");
			assert_error_contains(&error, rows[i].entry);
		}
	}
	plain_free(&plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bans_that_hit_a_peer_are_refused),
		cmocka_unit_test(the_port_of_the_ssh_session_stays_open),
		cmocka_unit_test(what_is_allowed_cannot_be_banned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
