/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "modules/filter/list_store.h"
#include "modules/filter/policy.h"
#include "modules/filter/selftest.h"
#include "modules/filter/tables.h"

enum { PORT_OPEN = 7001, PORT_CLOSED, PORT_LIMITED };
enum { PAYLOAD = 18, CLOCK_ATTEMPTS = 5 };

/* Addresses are of the blocks that are for documentation. */
#define ALLOWED4 "192.0.2.2"
#define ALLOWED6 "2001:db8:2::2"
#define BANNED4  "192.0.2.3"
#define BANNED6  "2001:db8:3::3"
#define LISTED4  "192.0.2.4"
#define LISTED6  "2001:db8:4::4"

const struct selftest_kind selftest_kinds[] = {
	{ REASON_PASS, "192.0.2.1", PORT_OPEN },
	{ REASON_PASS, "2001:db8:1::1", PORT_OPEN },
	{ REASON_ALLOWED, ALLOWED4, PORT_OPEN },
	{ REASON_ALLOWED, ALLOWED6, PORT_OPEN },
	{ REASON_BANNED, BANNED4, PORT_OPEN },
	{ REASON_BANNED, BANNED6, PORT_OPEN },
	{ REASON_BLOCKED_PORT, "192.0.2.1", PORT_CLOSED },
	{ REASON_BLOCKED_PORT, "2001:db8:1::1", PORT_CLOSED },
	{ REASON_MALFORMED, "192.0.2.1", PORT_OPEN, .malformed = true },
	{ REASON_MALFORMED, "2001:db8:1::1", PORT_OPEN, .malformed = true },
	{ REASON_LISTED, LISTED4, PORT_OPEN },
	{ REASON_LISTED, LISTED6, PORT_OPEN },
	{ REASON_LIMITED, "192.0.2.1", PORT_LIMITED },
	{ REASON_LIMITED, "2001:db8:1::1", PORT_LIMITED },
};
_Static_assert(ARRAY_SIZE(selftest_kinds) == SELFTEST_KINDS, "selftest.h says how many");

/* ---- frames ---------------------------------------------------------------------------- */

/* The MAC addresses are zero in all of them: what passes is for nobody. */
struct __attribute__((packed)) frame4 {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t payload[PAYLOAD];
};

struct __attribute__((packed)) frame6 {
	struct ethhdr ethernet;
	struct ipv6hdr ip;
	struct udphdr udp;
	uint8_t payload[PAYLOAD];
};
_Static_assert(sizeof(struct frame6) <= SELFTEST_FRAME, "there is room for either");

size_t selftest_frame(const struct selftest_kind *kind, uint8_t frame[SELFTEST_FRAME])
{
	const uint16_t length = sizeof(struct udphdr) + PAYLOAD;
	const struct udphdr udp = { .source = htons(PORT_OPEN),
				    .dest = htons(kind->port),
				    .len = htons(length) };
	struct frame4 ip4 = { .ethernet.h_proto = htons(ETH_P_IP),
			      .ip = { .version = kind->malformed ? 5 : 4,
				      .ihl = sizeof(ip4.ip) / 4,
				      .tot_len = htons(sizeof(ip4.ip) + length),
				      .ttl = 64,
				      .protocol = IPPROTO_UDP,
				      .daddr = htonl(0xc6336401) }, /* 198.51.100.1 */
			      .udp = udp };
	struct frame6 ip6 = { .ethernet.h_proto = htons(ETH_P_IPV6),
			      .ip = { .version = kind->malformed ? 7 : 6,
				      .payload_len = htons(length),
				      .nexthdr = IPPROTO_UDP,
				      .hop_limit = 64 },
			      .udp = udp };
	struct address source;

	address_parse(kind->source, &source, NULL);
	if (address_is_v4(&source)) {
		ip4.ip.saddr = address_v4(&source);
		memcpy(frame, &ip4, sizeof(ip4));
		return sizeof(ip4);
	}
	memcpy(&ip6.ip.saddr, source.bytes, sizeof(source.bytes));
	memcpy(&ip6.ip.daddr, source.bytes, sizeof(source.bytes));
	memcpy(frame, &ip6, sizeof(ip6));
	return sizeof(ip6);
}

/* ---- a filter for them ------------------------------------------------------------------ */

static struct prefix host(const char *text)
{
	struct prefix prefix;

	prefix_parse(text, &prefix, NULL);
	return prefix;
}

static void add_port(struct port_set *set, uint16_t port)
{
	port_set_add(set, &(struct port_range){ PORT_UDP, port, port });
}

/* All but the lists: their files would have to lie somewhere. */
static int fill(struct store *store, struct filter_policy *policy, struct error *error)
{
	static const struct peers nobody;
	struct prefix allowed[] = { host(ALLOWED4), host(ALLOWED6) };
	/* One packet, and the next a day later. */
	struct guard_config guard = { .name = "selftest",
				      .packets = { 1, 86400 * NSEC_PER_SEC },
				      .mode = MODE_ENFORCE };
	struct filter_config config = { .mode = MODE_ENFORCE,
					.allow = { allowed, ARRAY_SIZE(allowed) },
					.guards = { &guard, 1 } };

	add_port(&config.blocked, PORT_CLOSED);
	add_port(&guard.ports, PORT_LIMITED);
	return policy_fill(&store->tables, policy, &config, &nobody, false, error);
}

static int add_list(struct store *store, struct filter_policy *policy, struct error *error)
{
	const struct prefix listed[] = { host(LISTED4), host(LISTED6) };
	CLEANUP_LIST_SET struct list_set set = { .count = 1 };
	struct list_source *source = &set.items[0];
	int r = 0;

	*source = (struct list_source){ .label = 1, .name = "selftest", .fd = -1 };
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(listed); i++) {
		struct filter_key key = key_of(&listed[i].address);

		r = prefix_is_v4(&listed[i])
			    ? ranges_add4(&source->own, (uint32_t)key.low, (uint32_t)key.low)
			    : ranges_add6(&source->own, key, key);
	}
	if (r < 0)
		return error_set(error, r, "out of memory");
	source->ranges = ranges_view(&source->own);
	return list_store_put(store, policy, &set, error);
}

static int ban(struct store *store, const char *address, uint8_t length, struct error *error)
{
	struct prefix prefix = host(address);
	const struct ban ban = { .prefix = prefix_of(&prefix.address, length), .end = BAN_FOREVER };

	return ban_add(&store->tables, &ban, store_now(store), error);
}

/* Where others keep the machine busy its clock cannot always be measured. */
static int create(struct store *store, struct error *error)
{
	int r = -ETIME;

	for (int i = 0; r == -ETIME && i < CLOCK_ATTEMPTS; i++)
		r = store_create(store, error);
	return r;
}

int selftest_scene(struct store *ret_store, struct error *error)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	struct filter_policy *policy;
	int r = create(&store, error);

	if (r < 0)
		return r;
	policy = store_spare_policy(&store);
	r = fill(&store, policy, error);
	if (r == 0)
		r = add_list(&store, policy, error);
	if (r == 0)
		r = ban(&store, BANNED4, ADDRESS_BITS, error);
	if (r == 0)
		r = ban(&store, BANNED6, 64, error);
	if (r < 0)
		return r;
	store_put_in_force(&store, policy, 0);
	*ret_store = store;
	store = STORE_NONE;
	return 0;
}
