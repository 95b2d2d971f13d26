// SPDX-License-Identifier: GPL-2.0-or-later
/* Lines of route, ipv6_route and resolv.conf, and SSH_CONNECTION. */
#include "core/host.h"

#include "fuzz.h"

static void check_address(const struct address *address)
{
	char text[ADDRESS_TEXT];
	struct address again;

	require(address_parse(address_format(address, text), &again, NULL) == 0);
	require(address_equal(address, &again));
}

static void check_route(int (*parse)(const char *, char *, struct address *), const char *text)
{
	struct address gateway = {};
	char name[IF_NAMESIZE];
	int r;

	memset(name, 'x', sizeof(name));
	r = parse(text, name, &gateway);
	require(r == 0 || r == -ENOENT);
	if (r < 0) {
		require(name[0] == 'x' && name[IF_NAMESIZE - 1] == 'x');
		return;
	}
	require(strnlen(name, sizeof(name)) > 0 && strnlen(name, sizeof(name)) < sizeof(name));
	check_address(&gateway);
}

static void fuzz_text(const char *text)
{
	struct address address = {};
	struct peer peer = { .port = 0 };
	int r;

	check_route(host_parse_route4, text);
	check_route(host_parse_route6, text);
	r = host_parse_resolver(text, &address);
	require(r == 0 || r == -ENOENT);
	if (r == 0)
		check_address(&address);
	r = host_parse_ssh_connection(text, &peer);
	require(r == 0 || r == -EINVAL);
	require((r == 0) == (peer.port != 0));
	if (r == 0)
		check_address(&peer.address);
}
