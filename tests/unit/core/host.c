// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/host.h"

#define ZEROS "00000000000000000000000000000000"

static const char *shown(const struct address *address)
{
	static char text[ADDRESS_TEXT];

	return address_format(address, text);
}

/* ---- routes --------------------------------------------------------------------------- */

static void default_routes_of_ipv4(void **state)
{
	static const struct {
		const char *line, *interface, *gateway;
	} rows[] = {
		{ "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0     \n", "eth0",
		  "192.0.2.1" },
		{ "ppp0 00000000 00000000 0001 0 0 0 00000000 0 0 0\n", "ppp0", "0.0.0.0" },
		/* Without the flag there is no gateway, whatever stands in its place. */
		{ "tun0 00000000 010200C0 0001 0 0 0 00000000 0 0 0\n", "tun0", "0.0.0.0" },
		{ "a23456789012345 00000000 FFFFFFFF 0003 0 0 0 00000000 0 0 0", "a23456789012345",
		  "255.255.255.255" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char interface[IF_NAMESIZE];
		struct address gateway;

		assert_row(host_parse_route4(rows[i].line, interface, &gateway) == 0, rows[i].line);
		assert_string_equal(interface, rows[i].interface);
		assert_string_equal(shown(&gateway), rows[i].gateway);
	}
}

static void other_lines_of_ipv4(void **state)
{
	static const char *const lines[] = {
		"",
		"\n",
		"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n",
		"eth0 000200C0 00000000 0001 0 0 0 00FFFFFF 0 0 0\n",
		"eth0 00000000 010200C0 0003 0 0 0 00000080 0 0 0\n", /* 0.0.0.0/1 */
		"* 00000000 00000000 0200 0 0 0 00000000 0 0 0\n",    /* unreachable default */
		"eth0 00000000 010200C0 0003 0 0 0\n",
		"a234567890123456 00000000 010200C0 0003 0 0 0 00000000 0 0 0\n",
		"eth0 zz 010200C0 0003 0 0 0 00000000 0 0 0\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char interface[IF_NAMESIZE] = "before";
		struct address gateway = {};

		assert_row(host_parse_route4(lines[i], interface, &gateway) == -ENOENT, lines[i]);
		assert_string_equal(interface, "before");
		assert_string_equal(shown(&gateway), "::");
	}
}

static void default_routes_of_ipv6(void **state)
{
	char interface[IF_NAMESIZE];
	struct address gateway;

	assert_ok(host_parse_route6(ZEROS " 00 " ZEROS " 00 fe80000000000000020000fffe000001 "
					  "00000400 00000001 00000000 00000003     eth0\n",
				    interface, &gateway));
	assert_string_equal(interface, "eth0");
	assert_string_equal(shown(&gateway), "fe80::200:ff:fe00:1");
	assert_ok(host_parse_route6(ZEROS " 00 " ZEROS " 00 " ZEROS
					  " 00000400 00000001 00000000 00000001 wg0\n",
				    interface, &gateway));
	assert_string_equal(interface, "wg0");
	assert_string_equal(shown(&gateway), "::");
}

static void other_lines_of_ipv6(void **state)
{
	static const char *const lines[] = {
		"",
		ZEROS,
		/* the kernel's own unreachable default, on lo */
		ZEROS " 00 " ZEROS " 00 " ZEROS " ffffffff 00000001 00000000 00200200       lo\n",
		"20010db8000000000000000000000000 40 " ZEROS " 00 " ZEROS
		" 00000100 00000001 00000000 00000001 eth0\n",
		/* ::/1 */
		ZEROS " 01 " ZEROS
		      " 00 fe800000000000000000000000000001 00000400 00000001 00000000 "
		      "00000003 eth0\n",
		"00 00 " ZEROS " 00 " ZEROS " 00000400 00000001 00000000 00000003 eth0\n",
		ZEROS " 00 " ZEROS " 00 fe80 00000400 00000001 00000000 00000003 eth0\n",
		ZEROS " 00 " ZEROS
		      " 00 zz800000000000000000000000000001 00000400 00000001 00000000 "
		      "00000003 eth0\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char interface[IF_NAMESIZE] = "before";
		struct address gateway;

		assert_row(host_parse_route6(lines[i], interface, &gateway) == -ENOENT, lines[i]);
		assert_string_equal(interface, "before");
	}
}

/* ---- name servers ------------------------------------------------------------------------ */

static void name_servers(void **state)
{
	static const struct {
		const char *line, *address;
	} rows[] = {
		{ "nameserver 192.0.2.53\n", "192.0.2.53" },
		{ "nameserver\t192.0.2.53", "192.0.2.53" },
		{ "  nameserver 192.0.2.53   # a remark\n", "192.0.2.53" },
		{ "nameserver 2001:db8::53\n", "2001:db8::53" },
		{ "nameserver fe80::1%eth0\n", "fe80::1" },
		{ "nameserver ::1\n", "::1" },
		{ "", NULL },
		{ "\n", NULL },
		{ "nameserver\n", NULL },
		{ "# nameserver 192.0.2.53\n", NULL },
		{ "; nameserver 192.0.2.53\n", NULL },
		{ "search example.org\n", NULL },
		{ "options ndots:5\n", NULL },
		{ "nameserver example.org\n", NULL },
		{ "nameserver 192.0.2\n", NULL },
		{ "nameserver 192.0.2.256\n", NULL },
		{ "nameserver %eth0\n", NULL },
		{ "Nameserver 192.0.2.53\n", NULL },
		{ "nameservers 192.0.2.53\n", NULL },
		{ "nameserver 2001:db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:"
		  "0000:0000:0053\n",
		  NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct address address = {};
		int r = host_parse_resolver(rows[i].line, &address);

		assert_row(r == (rows[i].address ? 0 : -ENOENT), rows[i].line);
		assert_string_equal(shown(&address), rows[i].address ? rows[i].address : "::");
	}
}

/* ---- SSH ------------------------------------------------------------------------------------ */

static void ssh_connections(void **state)
{
	static const struct {
		const char *text, *client;
		unsigned port;
	} rows[] = {
		{ "192.0.2.7 51234 192.0.2.1 22", "192.0.2.7", 22 },
		{ "2001:db8::7 51234 2001:db8::1 2222", "2001:db8::7", 2222 },
		{ "fe80::7%eth0 51234 fe80::1%eth0 65535", "fe80::7", 65535 },
		{ "::ffff:192.0.2.7 51234 ::ffff:192.0.2.1 22", "192.0.2.7", 22 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct peer peer = {};

		assert_row(host_parse_ssh_connection(rows[i].text, &peer) == 0, rows[i].text);
		assert_string_equal(shown(&peer.address), rows[i].client);
		assert_int_equal(peer.port, rows[i].port);
		assert_int_equal(peer.role, PEER_SSH);
	}
}

static void no_ssh_connections(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"192.0.2.7",
		"192.0.2.7 51234",
		"192.0.2.7 51234 192.0.2.1",
		"192.0.2.7 51234 192.0.2.1 ssh",
		"192.0.2.7 51234 192.0.2.1 0",
		"192.0.2.7 51234 192.0.2.1 65536",
		"192.0.2.7 51234 192.0.2.1 -22",
		"192.0.2.7 51234 192.0.2.1 4294967318", /* 22 in 32 bits */
		"192.0.2.7 51234 192.0.2.1 18446744073709551638",
		"192.0.2.7 port 192.0.2.1 22",
		"192.0.2.7/24 51234 192.0.2.1 22",
		"UNKNOWN 65535 UNKNOWN 65535",
		"%eth0 51234 192.0.2.1 22",
		"localhost 51234 192.0.2.1 22",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"a"
		"aaaaaaaaaaaaaaaaaaaaaaaaa 51234 192.0.2.1 22",
		"\xff\xfe\n%n%s 1 1 1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct peer peer = { .port = 7 };

		assert_row(host_parse_ssh_connection(texts[i], &peer) == -EINVAL, texts[i]);
		assert_int_equal(peer.port, 7);
	}
}

static const struct peer *find_peer(const struct peers *peers, enum peer_role role,
				    const char *address)
{
	for (size_t i = 0; i < peers->count; i++)
		if (peers->peers[i].role == role &&
		    strcmp(shown(&peers->peers[i].address), address) == 0)
			return &peers->peers[i];
	return NULL;
}

static void the_ssh_client_of_the_environment_is_a_peer(void **state)
{
	static struct peers peers;
	const struct peer *peer;

	setenv("SSH_CONNECTION", "198.51.100.77 51234 192.0.2.1 2200", 1);
	host_peers(&peers);
	unsetenv("SSH_CONNECTION");
	peer = find_peer(&peers, PEER_SSH, "198.51.100.77");
	assert_non_null(peer);
	assert_int_equal(peer->port, 2200);
	for (size_t i = 0; i < peers.count; i++)
		for (size_t j = 0; j < i; j++)
			assert_false(
				peers.peers[i].role == peers.peers[j].role &&
				address_equal(&peers.peers[i].address, &peers.peers[j].address));
}

/* ---- processes ---------------------------------------------------------------------------- */

static void parents(void **state)
{
	assert_int_equal(host_parent_of(getpid()), getppid());
	assert_int_equal(host_parent_of(1), 0);
	assert_int_equal(host_parent_of(0x7fffffff), 0);
}

static void every_role_has_a_name(void **state)
{
	for (enum peer_role role = PEER_GATEWAY; role <= PEER_SELF; role++)
		for (enum peer_role other = PEER_GATEWAY; other < role; other++)
			assert_string_not_equal(peer_role_name(role), peer_role_name(other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_routes_of_ipv4),
		cmocka_unit_test(other_lines_of_ipv4),
		cmocka_unit_test(default_routes_of_ipv6),
		cmocka_unit_test(other_lines_of_ipv6),
		cmocka_unit_test(name_servers),
		cmocka_unit_test(ssh_connections),
		cmocka_unit_test(no_ssh_connections),
		cmocka_unit_test(the_ssh_client_of_the_environment_is_a_peer),
		cmocka_unit_test(parents),
		cmocka_unit_test(every_role_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
