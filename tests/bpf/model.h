/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the filter ought to say, worked out the slow and obvious way from the description of
 * its rules in sumun.conf(5): an oracle that shares no code with the kernel side. It knows
 * configurations, not policies: rates and durations, not ticks and tables.
 *
 * Its time is nanoseconds of its own. The kernel's clock goes on a little besides, so a test
 * that compares the two lets nothing depend on less than a few seconds.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules/filter/filter.h"
#include "packet.h"

typedef unsigned __int128 number128;

/* Addresses from the first to the last. IPv4 counts from 0 to 2^32 - 1, apart from IPv6. */
struct model_range {
	bool v6;
	number128 first, last;
};

struct model_role {
	struct model_range range;
	bool allow;
	bool guarded;
	bool ban; /* of the configuration */
	uint16_t answers_from;
};

struct model_list {
	bool allow;
	uint8_t number;
	size_t count;
	const struct model_range *ranges;
};

/* So many in so many nanoseconds, and at most `burst` at once; count 0: no limit. */
struct model_limit {
	uint64_t count;
	uint64_t period;
	uint64_t burst;
};

enum model_kind { OF_CONNECTIONS, OF_PACKETS, OF_BYTES, OF_TOTAL, OF_KINDS };

struct model_guard {
	struct model_limit limit[OF_KINDS];
	bool enforce;
	uint64_t ban; /* nanoseconds; 0: none */
};

enum { MODEL_ROLES = 64, MODEL_LISTS = 8, MODEL_GUARDS = 64 };

struct model_policy {
	bool enforce;
	bool force; /* bans of the configuration hold for guarded peers too */
	uint64_t unproven_ban;
	struct model_limit ban_rate;
	size_t roles;
	struct model_role role[MODEL_ROLES];
	size_t lists; /* allow lists first, then deny lists, as the configuration has them */
	struct model_list list[MODEL_LISTS];
	struct model_guard guard[MODEL_GUARDS]; /* by number; 0: no guard */
	uint8_t other_guard;
	bool blocked[FILTER_PORT_PROTOCOLS][FILTER_PORTS];
	uint8_t guard_of[FILTER_PORT_PROTOCOLS][FILTER_PORTS];
};

#define NEVER UINT64_MAX

struct model_ban {
	struct model_range range;
	uint64_t until; /* the time at which it is over, or NEVER */
	bool forced;
};

/* How much is in a bucket, in units of 1/period, and when that was so. */
struct model_bucket {
	struct model_bucket *next;
	struct model_range source; /* an IPv4 address or an IPv6 /64 */
	uint8_t guard;
	uint8_t kind;
	bool shadow;
	number128 content;
	uint64_t since;
};

enum { MODEL_BANS = 4096, MODEL_BUCKETS = 16384, MODEL_CHAINS = 4096 };

/* What packets leave behind. */
struct model_world {
	uint64_t now;
	size_t bans;
	struct model_ban ban[MODEL_BANS];
	size_t buckets;
	struct model_bucket bucket[MODEL_BUCKETS];
	struct model_bucket *chain[MODEL_CHAINS];
	struct model_bucket total[2][MODEL_GUARDS]; /* with and without shadow */
	bool total_used[2][MODEL_GUARDS];
	struct model_bucket ban_bucket;
	bool ban_bucket_used;
};

/* All that is forgotten but the time. */
void model_forget(struct model_world *world);

/* Bans, or changes the ban of exactly this range. */
void model_ban(struct model_world *world, const struct model_ban *ban);

struct answer {
	enum filter_reason reason;
	uint32_t protocol;
	bool dropped;
	int attempt; /* FILTER_TCP, FILTER_UDP, or -1: this packet opens no connection */
	uint16_t port;
	uint8_t guard; /* whose limits were asked, or 0 */
	uint8_t label; /* number of the list that the source is on, or 0 */
	bool bans;     /* and the source was banned for it */
	bool withheld; /* or would have been, but for the rate of bans */
	struct model_range source;
};

/* Judges it; what it takes from buckets is gone. As a shadow, policies ban nobody. */
struct answer model_judge(struct model_world *world, const struct model_policy *policy,
			  const struct frame *frame, bool shadow);

const char *reason_name(enum filter_reason reason);

/* ---- model_frame.c ----------------------------------------------------------------- */

/* All that was learned of one frame. */
struct facts {
	const uint8_t *bytes;
	size_t size;
	size_t first_buffer; /* bytes of the frame that lie in it */
	uint32_t protocol;
	bool ip;
	bool v6;
	number128 source;
	size_t at;   /* where the header being looked at begins */
	size_t left; /* bytes from there to the end of the IP packet */
	bool fragment;
	bool later;
	uint16_t from, to;
	bool opens;
	bool discovery; /* neighbour discovery: it falls under no limit */
};

/* As far as the addresses and what follows them. REASON_PASS: to be gone on with. */
enum filter_reason model_read_network(struct facts *facts, const struct frame *frame);
/* Then the ports. */
enum filter_reason model_read_transport(struct facts *facts);
