/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packet filter: everything that its kernel side and its user side share.
 *
 * All state lives in BPF maps, each a plain array that user space maps into its
 * memory, so the layouts here are the interface. They are pinned under a
 * directory whose name carries FILTER_LAYOUT; change a layout and raise it.
 *
 *   state     one struct filter_globals: which policy is in force, the clock, the seed;
 *             and FILTER_POLICY_SLOTS policies, of which one is in force
 *   counters  struct filter_counter by [CPU][reason][verdict][protocol]
 *   ports     __u64 by [bank][protocol][port]: attempts to connect
 *   hints     bitmap: a clear bit proves that nothing near an address is listed
 *   bans4     banned IPv4 addresses; bans_wide: everything else that is banned
 *   ban_info  kernel hash, ban -> what a person wants to know of it; never read for a packet
 *   sightings struct filter_sighting by [CPU][slot]: who is being dropped, for the event stream
 *   events    ring buffer of struct filter_event
 *
 * Time in these tables is counted in *ticks*: (jiffies64 + offset) >> shift,
 * about 0.1 s each, because jiffies is the one clock that costs a packet nothing.
 * `offset` is the time spent in suspend. See core/ticks.h for the conversion.
 */
#pragma once

#include <linux/types.h>

#include "bpf/event.h"

enum { FILTER_LAYOUT = 1 };

/* ---- why a packet left as it did ---------------------------------------- */

enum filter_reason {
	REASON_PASS,         /* nothing was against it */
	REASON_ALLOWED,      /* an `allow` entry or a guarded peer: bans do not apply */
	REASON_NON_IP,       /* ARP and everything that is neither IPv4 nor IPv6 */
	REASON_FRAGMENT,     /* a fragment other than the first: it carries no ports */
	REASON_BANNED,       /* the source is banned */
	REASON_BLOCKED_PORT, /* the destination port is blocked */
	REASON_MALFORMED,    /* no host would accept it: lengths, versions or headers contradict */
	REASON_TOO_DEEP,     /* more VLAN tags or IPv6 extension headers than are followed */
	REASON_COUNT,
	REASON_ROOM =
		16, /* what the counters have room for, so that a new reason keeps the layout */
};
_Static_assert(REASON_COUNT <= REASON_ROOM, "raise REASON_ROOM and FILTER_LAYOUT");

/* Reasons from here on cost a packet its life in enforce mode; the ones before never do. */
#define REASON_FIRST_DROP REASON_BANNED

enum filter_verdict { VERDICT_PASSED, VERDICT_DROPPED, VERDICT_COUNT };

/* ---- counters ------------------------------------------------------------ */

/* Rows behind the 256 IP protocol numbers. */
enum {
	PROTOCOL_ARP = 256,
	PROTOCOL_NON_IP,  /* any other EtherType */
	PROTOCOL_UNKNOWN, /* malformed before its protocol could be read */
	PROTOCOL_ROWS,
	PROTOCOL_ROOM = 260,
};
_Static_assert(PROTOCOL_ROWS <= PROTOCOL_ROOM, "raise PROTOCOL_ROOM and FILTER_LAYOUT");

struct filter_counter {
	__u64 packets;
	__u64 bytes; /* of the whole frame, Ethernet header included */
};

/*
 * One element of the map: a reason and verdict on one CPU. A CPU writes its own and
 * nobody else does, so plain additions are exact. Elements this large make it cheap to
 * read all of them by system call, as those must who may not map the memory.
 */
struct filter_counters {
	struct filter_counter protocols[PROTOCOL_ROOM];
};
enum { COUNTERS_PER_CPU = REASON_ROOM * VERDICT_COUNT };

static inline __u32 filter_counters_index(__u32 cpu, __u32 reason, __u32 verdict)
{
	return cpu * COUNTERS_PER_CPU + reason * VERDICT_COUNT + verdict;
}

/* The same counters as one array, as user space sees them. */
static inline __u32 filter_counter_index(__u32 cpu, __u32 reason, __u32 verdict, __u32 protocol)
{
	return filter_counters_index(cpu, reason, verdict) * PROTOCOL_ROOM + protocol;
}

/* What a CPU says of its events. */
struct filter_losses {
	__u64 events_sent;
	__u64 events_lost; /* the ring was full: no reader took what was in it */
	__u64 reserved[6]; /* one cache line a CPU */
};
_Static_assert(sizeof(struct filter_losses) == 64, "filter_losses fills a cache line");

enum { FILTER_TCP, FILTER_UDP, FILTER_PORT_PROTOCOLS };
enum { FILTER_PORTS = 65536, PORT_BANKS_MAX = 16, PORTS_PER_PAGE = 512 };

/* One element of the map: the attempts to connect to 512 ports in a row. */
struct filter_ports {
	__u64 attempts[PORTS_PER_PAGE];
};
enum { PORT_PAGES_PER_BANK = FILTER_PORT_PROTOCOLS * FILTER_PORTS / PORTS_PER_PAGE };

/* ---- tables of addresses ------------------------------------------------- */

/*
 * An address is two 64-bit halves in host byte order; IPv4 is ::ffff:a.b.c.d.
 * Prefix lengths count from the front of the 128 bits.
 */
struct filter_key {
	__u64 high;
	__u64 low;
};

#define KEY_V4_LOW 0xffff00000000ULL

/*
 * hints: one bit for every IPv4 /24, and behind them one for every value of a
 * 24-bit hash of an IPv6 /48. A set bit says that something in there may be listed.
 * Bits are set before an entry is and are never cleared while the table lives: a
 * stale bit costs a look-up, a missing one would let a packet through. One map for
 * both families: a look-up whose map is chosen at run time is a call, not a load.
 */
enum { HINT_BITS = 1 << 24, HINT_WORDS = 2 * HINT_BITS / 64 };

/*
 * bans4: buckets of one cache line. A slot is one word that is written and read
 * at once, so that no reader can see half an entry:
 *   bits 0..31 address, bits 32..62 the tick at which the ban ends, bit 63 forced.
 * Slots fill from the front and are never emptied, only ended (tick 0) and then
 * taken again, so a bucket whose last slot is zero proves that its neighbours
 * hold nothing that hashed here.
 */
enum {
	BAN4_SLOTS = 8,
	BAN4_BUCKETS = 1 << 15,
	BAN4_CAPACITY = BAN4_BUCKETS * BAN4_SLOTS,
	BAN4_PROBES = 8, /* buckets looked at, the home one included */
};

struct ban4_bucket {
	__u64 slot[BAN4_SLOTS];
};
_Static_assert(sizeof(struct ban4_bucket) == 64, "a bucket is a cache line");

#define BAN_END_SHIFT 32
#define BAN_END_MASK  0x7fffffffULL
#define BAN_FORCED    (1ULL << 63)
/* The end of a ban that has none. */
#define BAN_FOREVER BAN_END_MASK

/*
 * bans_wide and a policy's allow table: any prefix. `word` is zero in a slot that
 * was never used, else
 *   bits 0..7 length, bits 8..31 a number that every change raises,
 *   bits 32..62 end, bit 63 forced, as above.
 * A reader takes `word` before and after the key and believes neither unless both
 * agree; a writer ends the entry first (end 0), then writes the key, then the word.
 */
enum {
	WIDE_SLOTS = 2,
	WIDE_PROBES = 16,
	BAN_WIDE_BUCKETS = 1 << 16,
	BAN_WIDE_CAPACITY = BAN_WIDE_BUCKETS * WIDE_SLOTS,
	ALLOW_BUCKETS = 1 << 11,
	ALLOW_CAPACITY = 1024, /* a quarter of the slots: WIDE_PROBES then always suffice */
	ALLOW_HINT_BITS = 1 << 16,
};

struct wide_slot {
	struct filter_key key;
	__u64 word;
	__u64 role; /* allow table: ROLE_*; bans: zero */
};

struct wide_bucket {
	struct wide_slot slot[WIDE_SLOTS];
};
_Static_assert(sizeof(struct wide_bucket) == 64, "a bucket is a cache line");

#define WIDE_LENGTH(word) ((__u8)(word))

/*
 * What an entry of the allow table exempts from. An `allow` entry exempts from
 * everything. A guarded peer is exempt from bans, save one made by force; a port
 * that was blocked by hand stays blocked for it, save to the answers of the service
 * it is guarded for. Guarded peers are single addresses with at most one such port,
 * so that the roles of all entries that cover a source can be or-ed.
 */
enum {
	ROLE_ALLOW = 1 << 0,
	ROLE_GUARDED = 1 << 1,
	ROLE_SOURCE_PORT_SHIFT = 16, /* answers from this port always pass (a resolver's 53) */
};

/* The prefix lengths in use, each tried in turn; order does not matter. */
enum { LENGTHS_MAX = 24 };
struct filter_lengths {
	__u32 count;
	__u8 length[LENGTHS_MAX];
	__u32 reserved;
};
_Static_assert(sizeof(struct filter_lengths) == 32, "filter_lengths is part of the layout");

enum { FAMILY_V4, FAMILY_V6, FAMILY_COUNT };

/* ---- policy -------------------------------------------------------------- */

enum filter_mode {
	MODE_OBSERVE, /* count what would be dropped, drop nothing */
	MODE_ENFORCE,
};

enum { FILTER_POLICY_SLOTS = 4 };

struct filter_policy {
	__u32 mode;
	__u32 generation; /* 1 for the first policy, one more for each that followed */
	__u64 applied;    /* CLOCK_REALTIME, nanoseconds */
	__u64 reserved[6];
	struct filter_lengths allow_lengths[FAMILY_COUNT];
	__u64 allow_hints[FAMILY_COUNT][ALLOW_HINT_BITS / 64]; /* a clear bit: no entry near */
	__u64 blocked[FILTER_PORT_PROTOCOLS][FILTER_PORTS / 64];
	struct wide_bucket allow[ALLOW_BUCKETS];
};
_Static_assert(sizeof(struct filter_policy) == 128 + 16384 + 16384 + 131072, "policy layout");

struct filter_state {
	__u32 active; /* the policy slot in force; the only word that a change of policy writes */
	__u32 tick_shift;
	__u64 tick_offset; /* jiffies spent in suspend */
	__u64 seed;        /* of the hashes; odd and secret, so that nobody can choose collisions */
	__u32 forced_bans; /* not zero once a ban was forced on a guarded peer */
	__u32 cpus;        /* rows of `counters`, `losses` and `sightings` */
	__u32 port_banks;  /* fewer than `cpus`: banks are shared and additions are atomic */
	__u32 jiffies_hz;
	__u64 anchor_jiffies;  /* jiffies64 + tick_offset at ... */
	__u64 anchor_boottime; /* ... this CLOCK_BOOTTIME, nanoseconds, when the state was made */
	struct filter_lengths ban_lengths[FAMILY_COUNT]; /* grows only */
};
_Static_assert(sizeof(struct filter_state) == 120, "state layout");

/* The map "state": the program's global variables. */
struct filter_globals {
	struct filter_state state;
	__u64 reserved;
	struct filter_policy policies[FILTER_POLICY_SLOTS];
};
_Static_assert(sizeof(struct filter_state) + 8 == 128, "policies begin on a cache line");

/* What the program read_clock answers. */
struct filter_clock {
	__u64 jiffies;
	__u64 boottime; /* nanoseconds */
};

/* ---- bans: what people want to know -------------------------------------- */

enum filter_origin { ORIGIN_OPERATOR, ORIGIN_CONFIG, ORIGIN_GUARD, ORIGIN_COUNT };
enum { BAN_WHY_SIZE = 64 };

struct filter_ban_key {
	struct filter_key key;
	__u64 length;
};

struct filter_ban_info {
	__u64 since; /* CLOCK_REALTIME, nanoseconds */
	__u32 origin;
	__u32 policies; /* ORIGIN_CONFIG: bit g % 2 is set when policy generation g wants the ban */
	char why[BAN_WHY_SIZE]; /* NUL terminated UTF-8 */
};
_Static_assert(sizeof(struct filter_ban_info) == 80, "ban_info layout");

/* ---- events -------------------------------------------------------------- */

/*
 * Who is being dropped (or would be): one slot a source and reason. The first
 * packet of a source sends an event; the following ones only count here, and a
 * reader that looks once a second learns how many there were. A slot is given to
 * another source only when its own has been silent for SIGHTING_IDLE ticks, so a
 * reader never misses a count and a flood of new sources cannot push out a known
 * one. Packets that find no slot are in the counters like all others.
 */
enum { SIGHTINGS_PER_CPU = 1024, SIGHTING_IDLE = 32 };

struct filter_sighting {
	struct filter_key source;
	__u64 packets; /* since the event, its own included */
	__u64 bytes;
	__u32 last; /* tick */
	__u32 reason;
	__u32 episode; /* raised whenever the slot changes hands or a silent source returns */
	__u32 reserved;
	__u64 reserved2[2];
};
_Static_assert(sizeof(struct filter_sighting) == 64, "a sighting is a cache line");

enum filter_event_kind { FILTER_EVENT_PACKET };

struct filter_event {
	struct event_header header;
	struct filter_key source;
	struct filter_key destination;
	__u16 source_port; /* host order; 0 where the packet has none or it was not read */
	__u16 destination_port;
	__u16 protocol; /* IP protocol or PROTOCOL_* */
	__u8 reason;
	__u8 dropped; /* 0 in observe mode */
	__u32 ifindex;
	__u32 bytes;
	__u32 episode;
	__u32 reserved;
};
_Static_assert(sizeof(struct filter_event) == 72, "event layout");

enum { EVENTS_SIZE = 256 * 1024 };

/* ---- arithmetic that both sides must agree on ---------------------------- */

/*
 * Multiplication by a secret odd number, mixed and multiplied once more: one
 * multiplication alone leaves runs of neighbouring addresses in a few buckets.
 */
static inline __u64 filter_hash(__u64 value, __u64 seed)
{
	value *= seed;
	value ^= value >> 32;
	return value * 0x9e3779b97f4a7c15ULL;
}

static inline __u32 filter_hint4(__u32 address)
{
	return address >> 8;
}

static inline __u32 filter_hint6(__u64 high, __u64 seed)
{
	return HINT_BITS + (__u32)(filter_hash(high >> 16, seed) >> 40);
}

/*
 * Which bit of allow_hints an address falls on: that of its IPv4 /16, or of the hash of
 * its IPv6 /48. Coarse in IPv4, so that a wide `allow` does not set many of them.
 */
static inline __u32 filter_allow_hint(__u32 family, struct filter_key key, __u64 seed)
{
	if (family == FAMILY_V4)
		return (__u32)key.low >> 16;
	return (__u32)(filter_hash(key.high >> 16, seed) >> 48);
}
_Static_assert(ALLOW_HINT_BITS == 1 << 16, "filter_allow_hint gives 16 bits");

static inline __u32 filter_ban4_home(__u32 address, __u64 seed)
{
	return (__u32)(filter_hash(address, seed) >> 49);
}
_Static_assert(BAN4_BUCKETS == 1 << (64 - 49), "filter_ban4_home covers all buckets");

static inline __u32 filter_wide_hash(struct filter_key key, __u32 length, __u64 seed)
{
	return (__u32)(filter_hash(filter_hash(key.high + length, seed) ^ key.low, seed) >> 32);
}

/* The first `length` bits of `key`, the others zero. */
static inline struct filter_key filter_key_mask(struct filter_key key, __u32 length)
{
	if (length == 0)
		return (struct filter_key){ 0, 0 };
	if (length <= 64)
		return (struct filter_key){ key.high & (~0ULL << (64 - length)), 0 };
	return (struct filter_key){ key.high, key.low & (~0ULL << ((128 - length) & 63)) };
}
