/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "rules.h"

/* ---- addresses: RFC 5737, 2544 and 3849 keep them free -------------------------- */

static struct address parsed(const char *text)
{
	struct address address = { { 0 } };

	address_parse(text, &address, NULL);
	return address;
}

struct address rules_here(bool v6)
{
	return parsed(v6 ? LAB_HERE_V6 : LAB_HERE_V4);
}

struct address rules_stranger(bool v6)
{
	return parsed(v6 ? "2001:db8:aaaa::9" : "203.0.113.9");
}

struct address rules_resolver(bool v6)
{
	return parsed(v6 ? "2001:db8:bbbb::53" : "198.51.100.53");
}

static struct address listed(bool v6, size_t which, unsigned last)
{
	/* 37 and 100 share no factor: scattered, as an attacker's addresses are. */
	unsigned scattered = (unsigned)which * 37 % RULES_BANS;
	char text[ADDRESS_TEXT];

	if (v6)
		snprintf(text, sizeof(text), "2001:db8:%x:%zx::%x", 0x1000 + scattered * 91, which,
			 last);
	else
		snprintf(text, sizeof(text), "198.%u.%u.%u", 18 + scattered % 2, 2 * scattered + 1,
			 last);
	return parsed(text);
}

struct address rules_banned(bool v6, size_t which)
{
	return listed(v6, which, 17 + (unsigned)which);
}

struct address rules_neighbour(bool v6)
{
	return listed(v6, 0, 16);
}

/* ---- sumun ----------------------------------------------------------------------- */

static int allow(struct store *store, struct filter_policy *policy, const char *text, uint64_t role,
		 struct error *error)
{
	struct prefix prefix;
	int r = prefix_parse(text, &prefix, error);

	return r < 0 ? r : policy_add_role(&store->tables, policy, &prefix, role, error);
}

static int set_policy(struct store *store, struct error *error)
{
	static const struct {
		const char *prefix;
		uint64_t role;
	} entries[] = {
		{ "192.168.77.0/24", ROLE_ALLOW },
		{ "192.0.2.254", ROLE_GUARDED }, /* the gateway */
		{ "198.51.100.53", ROLE_GUARDED | 53ULL << ROLE_SOURCE_PORT_SHIFT },
		{ "2001:db8:bbbb::53", ROLE_GUARDED | 53ULL << ROLE_SOURCE_PORT_SHIFT },
		{ "198.51.100.22", ROLE_GUARDED },
	};
	struct filter_policy *policy = store_spare_policy(store);

	policy->mode = MODE_ENFORCE;
	for (unsigned i = 0; i < FILTER_PORT_PROTOCOLS; i++)
		policy->ports[i][RULES_PORT] |= PORT_BLOCKED;
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		int r = allow(store, policy, entries[i].prefix, entries[i].role, error);

		if (r < 0)
			return r;
	}
	store_put_in_force(store, policy, 0);
	return 0;
}

int rules_sumun(struct store *ret_store, struct error *error)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	int r = store_create(&store, error);

	if (r == 0)
		r = set_policy(&store, error);
	for (size_t i = 0; r == 0 && i < 2 * RULES_BANS; i++) {
		struct address address = rules_banned(i % 2, i / 2);
		struct ban ban = { .prefix = prefix_of(&address, ADDRESS_BITS),
				   .end = BAN_FOREVER };

		r = ban_add(&store.tables, &ban, store_now(&store), error);
	}
	if (r < 0)
		return r;
	*ret_store = store;
	store = STORE_NONE;
	return 0;
}

/* ---- xdp-filter ------------------------------------------------------------------- */

static int xdp_filter_tell(struct error *error)
{
	char port[8], address[ADDRESS_TEXT];
	const char *const block[] = { "xdp-filter", "port", port, NULL };
	const char *const ban[] = { "xdp-filter", "ip", "-m", "src", address, NULL };
	int r;

	snprintf(port, sizeof(port), "%d", RULES_PORT);
	r = lab_run(block, NULL, error);
	for (size_t i = 0; r == 0 && i < 2 * RULES_BANS; i++) {
		struct address banned = rules_banned(i % 2, i / 2);

		address_format(&banned, address);
		r = lab_run(ban, NULL, error);
	}
	return r;
}

int rules_xdp_filter(const struct lab *lab, int *ret_fd, struct error *error)
{
	const char *const load[] = { "xdp-filter",        "load",       "-f",
				     "tcp,udp,ipv4,ipv6", LAB_RECEIVER, NULL };
	__u32 id = 0;
	int fd, r;

	r = lab_run(load, NULL, error);
	if (r == 0)
		r = xdp_filter_tell(error);
	if (r < 0)
		return r;
	r = bpf_xdp_query_id((int)lab->receiver_index, 0, &id);
	if (r < 0 || !id)
		return error_set(error, r < 0 ? r : -ESRCH, "xdp-filter attached no program");
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return error_set(error, -errno, "cannot open xdp-filter's program: %s",
				 strerror(errno));
	bpf_xdp_detach((int)lab->receiver_index, 0, NULL);
	*ret_fd = fd;
	return 0;
}

/* ---- nftables ---------------------------------------------------------------------- */

static void print_set(FILE *out, bool v6)
{
	char text[ADDRESS_TEXT];

	fprintf(out, "set banned%d { type ipv%d_addr; elements = { ", v6 ? 6 : 4, v6 ? 6 : 4);
	for (size_t i = 0; i < RULES_BANS; i++) {
		struct address banned = rules_banned(v6, i);

		fprintf(out, "%s%s", i ? ", " : "", address_format(&banned, text));
	}
	fprintf(out, " }\n}\n");
}

int rules_nft(enum nft_hook hook, struct error *error)
{
	const char *const apply[] = { "nft", "-f", "-", NULL };
	CLEANUP_FREE char *script = NULL;
	size_t size;
	FILE *out = open_memstream(&script, &size);

	if (!out)
		return -ENOMEM;
	fprintf(out, "table %s bench {\n", hook == NFT_NETDEV ? "netdev" : "inet");
	print_set(out, false);
	print_set(out, true);
	fprintf(out,
		"chain c { type filter hook %s priority 0; policy accept;\n"
		"ip saddr @banned4 drop\nip6 saddr @banned6 drop\n"
		"meta l4proto { tcp, udp } th dport %d drop\n}\n}\n",
		hook == NFT_NETDEV ? "ingress device " LAB_RECEIVER : "input", RULES_PORT);
	if (fclose(out) != 0)
		return -ENOMEM;
	return lab_run(apply, script, error);
}

int rules_nft_flush(struct error *error)
{
	const char *const flush[] = { "nft", "flush", "ruleset", NULL };

	return lab_run(flush, NULL, error);
}
