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
 *   tallies   struct filter_tally by [CPU]: events, bans, and what found no room
 *   ports     __u64 by [bank][protocol][port]: attempts to connect
 *   hints     bitmap: a clear bit proves that nothing near an address is listed
 *   bans4     banned IPv4 addresses; bans6: banned IPv6 /64; bans_wide: all else that is banned
 *   ban_info  kernel hash, ban -> what a person wants to know of it; no packet waits for it
 *   lists     array of maps: the tables of deny and allow lists, see prefixes.h
 *   meters    struct filter_meter: what each source has used of a guard's limits
 *   scanners  struct filter_scanner: sources that knocked at closed ports
 *   listening __u32 by [protocol][port]: is the port open, as far as was looked
 *   guard_counters, list_counters, shadow_counters   by [CPU][...], see there
 *   sightings struct filter_sighting by [CPU][slot]: who is being dropped, for the event stream
 *   events0.. ring buffers of struct filter_event, all with the same content: one a reader
 *
 * Time in these tables is counted in *ticks*: (jiffies64 + offset) >> shift,
 * about 0.1 s each, because jiffies is the one clock that costs a packet nothing.
 * `offset` is the time spent in suspend. See core/ticks.h for the conversion.
 */
#pragma once

#include <linux/types.h>

#include "bpf/event.h"

enum { FILTER_LAYOUT = 3 };

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
	REASON_LISTED,       /* the source is on a deny list */
	REASON_LIMITED,      /* the source is over a guard's limit for one source */
	REASON_SHED,         /* a guard's limit for all sources together is reached */
	REASON_COOKIE,       /* a SYN that was answered with a SYN cookie in the host's place */
	REASON_COUNT,
	REASON_ROOM =
		16, /* what the counters have room for, so that a new reason keeps the layout */
};
_Static_assert(REASON_COUNT <= REASON_ROOM, "raise REASON_ROOM and FILTER_LAYOUT");

/* Reasons from here on cost a packet its life in enforce mode; the ones before never do. */
#define REASON_FIRST_DROP REASON_BANNED

enum filter_verdict {
	VERDICT_PASSED,
	VERDICT_DROPPED,
	VERDICT_ANSWERED, /* sent back from here; the host never saw it */
	VERDICT_COUNT
};

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

/*
 * Readers of events: each has a ring of its own, and a ring that nobody reads is full and
 * costs nothing but the attempt. The first is for `sumun run`, the others for whoever comes.
 */
enum { EVENT_RINGS = 4 };

/* What a CPU says of what it did besides judging. */
struct filter_tally {
	__u64 events_sent;              /* once, however many rings */
	__u64 events_lost[EVENT_RINGS]; /* that ring was full: no reader took what was in it */
	__u64 bans;                     /* made by guards and by scan detection */
	__u64 bans_withheld;            /* not made: more than ban-rate in a second */
	__u64 bans_refused;             /* not made: the table was full where it belonged */
	__u64 untracked;                /* sources that found no room in `meters` */
	__u64 scanners_untracked;       /* and in `scanners` */
	__u64 scans;                    /* detected */
	__u64 cookies_passed; /* SYNs over the rate that could not be answered: to the stack */
	__u64 reserved[4];
};
_Static_assert(sizeof(struct filter_tally) == 128, "filter_tally fills two cache lines");

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
 *
 * Behind them is a coarse bit for every HINT_SPAN of them, an IPv4 /16, that is set where any
 * of those is: 16 KiB that stay in a near cache, where the 4 MiB do not. As long as little is
 * listed they answer for nearly every packet.
 */
enum {
	HINT_BITS = 1 << 24, /* of a family */
	HINT_SPAN = 256,
	HINT_FINE_WORDS = 2 * HINT_BITS / 64,
	HINT_COARSE_WORDS = HINT_FINE_WORDS / HINT_SPAN,
	HINT_WORDS = HINT_FINE_WORDS + HINT_COARSE_WORDS,
};

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
	BAN4_PROBES = 16, /* buckets looked at, the home one included */
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
 * bans6: banned IPv6 /64, by the first half of the address. `word` is that of bans_wide,
 * below, and written in the same order.
 */
enum {
	BAN6_SLOTS = 4,
	BAN6_BUCKETS = 1 << 15,
	BAN6_CAPACITY = BAN6_BUCKETS * BAN6_SLOTS,
	BAN6_PROBES = 16,
};

struct ban6_slot {
	__u64 high;
	__u64 word;
};

struct ban6_bucket {
	struct ban6_slot slot[BAN6_SLOTS];
};
_Static_assert(sizeof(struct ban6_bucket) == 64, "a bucket is a cache line");

/*
 * bans_wide and a policy's allow table: any prefix. `word` is zero in a slot that
 * was never used, else
 *   bits 0..7 length, bits 8..31 a number that every change raises,
 *   bits 32..62 end, bit 63 forced, as above.
 * A reader takes `word` before and after the key and believes neither unless both
 * agree; a writer takes the slot by exchanging the word for one with LENGTH_NONE, then
 * writes the key, then the word. The kernel bans too, so writers of all three tables
 * compare and exchange; what two CPUs ban at once may stand in two slots, of which each counts.
 */
#define LENGTH_NONE 0xff

enum {
	WIDE_SLOTS = 2,
	WIDE_PROBES = 32,
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

/* A bucket of any of the three: a slot is its key, none in bans4, and behind that its word. */
enum { BUCKET_WORDS = 8 };
struct ban_bucket {
	__u64 words[BUCKET_WORDS];
};
_Static_assert(__builtin_offsetof(struct ban6_slot, word) == 8, "one word of key");
_Static_assert(__builtin_offsetof(struct wide_slot, word) == 16, "two words of key");

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
	ROLE_BAN = 1 << 2,        /* `ban` of the configuration: for allowed and guarded no ban */
	ROLE_BAN_FORCED = 1 << 3, /* the same by --force: for the allowed alone no ban */
	ROLE_SOURCE_PORT_SHIFT = 16, /* answers from this port always pass (a resolver's 53) */
};

/*
 * The networks that offending neighbours get banned: an IPv4 /24, an IPv6 /56 and /48. Bans
 * of these lengths are looked for once state.aggregated says that there are any.
 */
enum { AGGREGATE_V4 = 96 + 24, AGGREGATE_V6 = 56, AGGREGATE_V6_WIDE = 48 };

/* The prefix lengths in use, each tried in turn; order does not matter. */
enum { LENGTHS_MAX = 24 };
struct filter_lengths {
	__u32 count;
	__u8 length[LENGTHS_MAX];
	__u32 reserved;
};
_Static_assert(sizeof(struct filter_lengths) == 32, "filter_lengths is part of the layout");

enum { FAMILY_V4, FAMILY_V6, FAMILY_COUNT };

/* ---- guards ---------------------------------------------------------------- */

/*
 * Limits are token buckets on elapsed time, kept as the one number that the generic cell
 * rate algorithm needs (GCRA; ITU-T I.371): the time at which the bucket would be full
 * again. Its unit is 2^-24 jiffies, suspend included.
 */
enum { METER_SHIFT = 24, PRICE_SHIFT = 12 };

struct filter_limit {
	__u64 interval; /* what one unit costs, times 2^PRICE_SHIFT; 0: no limit */
	__u64 burst;    /* what may be owed at most */
};

enum { GUARDS_MAX = 63, GUARD_NAME_SIZE = 16, BAN_WHY_SIZE = 64 };

struct filter_guard {
	struct filter_limit connections; /* a source's new ones: SYNs, UDP datagrams */
	struct filter_limit packets;     /* a source's */
	struct filter_limit bytes;       /* a source's */
	struct filter_limit total;       /* new connections of all sources: sheds, never bans */
	__u32 mode;                      /* enum filter_mode */
	__u32 ban;                       /* ticks; 0: limits, does not ban */
	__u32 ban_max;                   /* ticks; each repetition doubles up to here */
	__u32 reserved;
	char name[GUARD_NAME_SIZE];
	char why[BAN_WHY_SIZE]; /* of its bans */
};
_Static_assert(sizeof(struct filter_guard) == 160, "filter_guard is part of the layout");

/*
 * What one source has used of one guard's limits, 4 to a bucket of two cache lines. `key`
 * is filter_source_key(); `use` has filter_meter_id() in its upper byte and counts events
 * below, up to METER_COUNT_MAX. A slot may be given to another
 * source when its bucket has filled again (`due` is past), or when it is the least used of
 * its bucket and was used at most once, or, seldom, by lot, while its count is below
 * METER_KNOWN: so a flood of new sources takes room from itself and not from offenders.
 */
enum {
	METER_SLOTS = 4,
	METER_BUCKETS = 1 << 15,
	METER_CAPACITY = METER_SLOTS * METER_BUCKETS,
	METER_COUNT_MAX = 0xffffff,
	METER_KNOWN = 16,
};

struct filter_meter {
	__u64 key;
	__u64 due;     /* GCRA of connections, packets or bytes */
	__u64 proven;  /* GCRA of completed handshakes, in the same unit as `due` */
	__u32 use;     /* filter_meter_id() << 24 | events */
	__u32 pending; /* source ports, hashed to 5 bits, whose handshake is not looked at yet */
};
_Static_assert(sizeof(struct filter_meter) == 32, "two meters to a cache line");

enum filter_meter_kind { METER_CONNECTIONS, METER_PACKETS, METER_BYTES };

/* Guard 0: the ports that no guard has. */
static inline __u32 filter_meter_id(__u32 guard, enum filter_meter_kind kind)
{
	return kind << 6 | guard;
}

struct filter_meter_bucket {
	struct filter_meter slot[METER_SLOTS];
};

struct filter_guard_counter {
	__u64 connections; /* new ones that came to its ports */
	__u64 limited;
	__u64 shed;
	__u64 bans;
	__u64 reserved[4];
};
_Static_assert(sizeof(struct filter_guard_counter) == 64, "one cache line");

/* guard_counters: one element a CPU. A guard keeps its number while its name is known. */
struct filter_guard_counters {
	struct filter_guard_counter guards[GUARDS_MAX + 1];
};

/* ---- scans ------------------------------------------------------------------- */

/*
 * A source that knocked at closed, blocked or watched ports, 4 to a group. Each pair of
 * address and port counts once, by a bitmap of hashes; what counts costs one interval of
 * the scan limit, so touches that are far enough apart are forgiven.
 */
enum { SCANNER_SLOTS = 4, SCANNER_GROUPS = 1 << 12, SCANNER_PAIR_WORDS = 3 };

struct filter_scanner {
	__u64 key;                       /* filter_source_key() */
	__u64 due;                       /* GCRA, as in a meter */
	__u64 pairs[SCANNER_PAIR_WORDS]; /* bitmap by hash of (address, port) */
	__u32 ports;                     /* bitmap by hash of the port */
	__u32 hosts;                     /* bitmap by hash of our address */
	__u32 probes;                    /* that counted */
	__u32 first;                     /* tick of the first that counted */
	__u32 told;                      /* tick of the last detection, 0: none */
	__u32 noted;                     /* bits set in `pairs` */
};
_Static_assert(sizeof(struct filter_scanner) == 64, "a scanner is a cache line");

struct filter_scanner_group {
	struct filter_scanner slot[SCANNER_SLOTS];
};

enum filter_scan_kind { SCAN_PORTS, SCAN_HOSTS }; /* vertical, horizontal */

/* listening: tick << 1 | open, 0 when never looked; good for LISTENING_TICKS. */
enum { LISTENING_TICKS = 10, LISTENING_PER_PAGE = 512 };
struct filter_listening {
	__u32 ports[LISTENING_PER_PAGE];
};
enum { LISTENING_PAGES = FILTER_PORT_PROTOCOLS * FILTER_PORTS / LISTENING_PER_PAGE };

/* ---- lists ------------------------------------------------------------------- */

/*
 * A label is what an address has in a table of lists: 0 for none, else the number of the
 * list that covers it. Where several do, an allow list wins, then the first of the
 * configuration.
 */
enum { LISTS_MAX = 63, LIST_NAME_SIZE = 32, LIST_TABLES = 8 };
#define LABEL_LIST(label) ((label)&0x3f)
#define LABEL_ALLOW       0x80

struct filter_list_info {
	char name[LIST_NAME_SIZE]; /* "": this number is free */
	__u64 reserved[3];         /* what it holds stands with its ranges: struct list_ranges */
};

/* list_counters: one element a CPU; by number. */
struct filter_list_counters {
	struct filter_counter lists[LISTS_MAX + 1];
};

/* ---- policy -------------------------------------------------------------- */

enum filter_mode {
	MODE_OBSERVE, /* count what would be dropped, drop nothing */
	MODE_ENFORCE,
};

enum { FILTER_POLICY_SLOTS = 4 };

enum filter_policy_flags {
	POLICY_LISTS4 = 1 << 0, /* list_table holds IPv4 */
	POLICY_LISTS6 = 1 << 1,
	POLICY_SCAN = 1 << 2,
	POLICY_COOKIES = 1 << 3,
	POLICY_SOURCES = 1 << 4, /* who asks for ports that no guard has is counted too */
};

/* What a policy says of a port: a guard's number (0: none) and ... */
enum { PORT_GUARD_MASK = 0x3f, PORT_WATCHED = 0x40, PORT_BLOCKED = 0x80 };

struct filter_scan_policy {
	struct filter_limit limit; /* of different closed ports */
	__u32 mode;                /* enum filter_mode: whether it bans */
	__u32 ban;                 /* ticks; 0: told only */
	__u32 noted_max;           /* bits in `pairs` of a scanner; with so many they begin anew */
	__u32 reserved;
};

struct filter_policy {
	__u32 mode;
	__u32 generation;   /* 1 for the first policy, one more for each that followed */
	__u64 applied;      /* CLOCK_REALTIME, nanoseconds */
	__u32 flags;        /* POLICY_* */
	__u32 list_table;   /* element of `lists`; LIST_TABLES: none */
	__u32 other_guard;  /* of packets that are neither TCP nor UDP; 0: none */
	__u32 unproven_ban; /* ticks: the longest ban of a source that may be forged; 0: none */
	__u32 aggregate[2]; /* by family: banned neighbours that ban their network; 0: never */
	__u32 ephemeral[2]; /* first and last port of our own outbound connections */
	struct filter_limit cookies_above; /* SYNs */
	struct filter_limit ban_rate;
	struct filter_scan_policy scan;
	__u64 deny_lists; /* a bit for the number of each list in list_table */
	__u64 allow_lists;
	struct filter_lengths allow_lengths[FAMILY_COUNT];
	__u64 allow_hints[FAMILY_COUNT][ALLOW_HINT_BITS / 64]; /* a clear bit: no entry near */
	struct wide_bucket allow[ALLOW_BUCKETS];
	struct filter_guard guards[GUARDS_MAX + 1]; /* by number; 0 unused */
	__u8 ports[FILTER_PORT_PROTOCOLS][FILTER_PORTS];
};
_Static_assert(sizeof(struct filter_policy) % 64 == 0, "policies begin on cache lines");

enum { NEW_INTERFACES_MAX = 16, BANS_PATH_SIZE = 256 };

struct filter_state {
	/*
	 * Bits 0..7 the policy slot in force; 8..15 the slot to go back to; 32..63 the tick at
	 * which packets go back to it, 0: never. One word, so that a packet sees one policy;
	 * the only one that a change of policy writes.
	 */
	__u64 in_force;
	__u32 shadow; /* 1 + the slot of a policy that is tried beside it; 0: none */
	__u32 tick_shift;
	__u64 tick_offset; /* jiffies spent in suspend */
	__u64 seed;        /* of the hashes; odd and secret, so that nobody can choose collisions */
	__u32 forced_bans; /* not zero once a ban was forced on a guarded peer */
	__u32 cpus;        /* rows of the per-CPU maps */
	__u32 port_banks;  /* fewer than `cpus`: banks are shared and additions are atomic */
	__u32 jiffies_hz;
	__u64 anchor_jiffies;  /* jiffies64 + tick_offset at ... */
	__u64 anchor_boottime; /* ... this CLOCK_BOOTTIME, nanoseconds, when the state was made */
	struct filter_lengths ban_lengths[FAMILY_COUNT]; /* of bans_wide; grows only */
	/* Interfaces attached for the policy that waits to be confirmed; 0 ends them. */
	__u32 new_interfaces[NEW_INTERFACES_MAX];
	/* And those that it leaves once it is confirmed. */
	__u32 old_interfaces[NEW_INTERFACES_MAX];
	__u32 was_down;      /* and there was no filter before it */
	__u32 aggregated[2]; /* by family: not zero once neighbours got their network banned */
	__u32 pages;         /* room of a table of lists: PREFIX_PAGE_SIZE each */
	__u32 banned[FAMILY_COUNT]; /* not zero once somebody was banned */
	__u32 growing; /* not zero while tables of lists are made larger, and until that is done */
	char bans_path[BANS_PATH_SIZE]; /* where bans are kept over a reboot; "": nowhere */
	char guard_names[GUARDS_MAX + 1][GUARD_NAME_SIZE];
	struct filter_list_info lists[LISTS_MAX + 1];
};

/* Token buckets that all CPUs share; each on a line of its own. */
struct filter_shared_meter {
	__u64 due;
	__u64 reserved[7];
};

/* The map "state": the program's global variables. */
struct filter_globals {
	struct filter_state state;
	__u8 pad[4096 - sizeof(struct filter_state) % 4096];
	struct filter_policy policies[FILTER_POLICY_SLOTS];
	struct filter_shared_meter totals[FILTER_POLICY_SLOTS][GUARDS_MAX + 1];
	struct filter_shared_meter syns;
	struct filter_shared_meter bans;
	__u32 full_told[16]; /* by enum filter_table: tick of the last FILTER_EVENT_FULL */
};

/* shadow_counters: one element a CPU; what the policy in force said, and what the shadow would. */
struct filter_shadow_counters {
	struct filter_counter pairs[REASON_ROOM][REASON_ROOM];
};

/* config_text: by policy slot, the configuration that made it, as sumun.conf(5). */
enum { CONFIG_TEXT_SIZE = 65536 };
struct filter_config_text {
	char text[CONFIG_TEXT_SIZE]; /* NUL terminated; empty when it was longer */
};

/* What the program read_clock answers. */
struct filter_clock {
	__u64 jiffies;
	__u64 boottime; /* nanoseconds */
};

/* ---- bans: what people want to know -------------------------------------- */

#define DAY_NS (24ULL * 3600 * 1000000000)

enum filter_origin { ORIGIN_OPERATOR, ORIGIN_CONFIG, ORIGIN_GUARD, ORIGIN_SCAN, ORIGIN_COUNT };

enum { BAN_INFO_CAPACITY = BAN4_CAPACITY + BAN6_CAPACITY + BAN_WIDE_CAPACITY };

struct filter_ban_key {
	struct filter_key key;
	__u64 length;
};

struct filter_ban_info {
	__u64 since; /* CLOCK_BOOTTIME, nanoseconds; negative as a signed number: before boot */
	__u32 origin;
	__u32 offences; /* bans by guards so far, this one included; each doubles the next */
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

/* Sightings, not reasons: what is told of a source although nothing was against it. */
enum { SIGHT_WATCHED = REASON_ROOM - 1 };

enum filter_event_kind {
	FILTER_EVENT_PACKET, /* `reason` is that of a drop, or SIGHT_WATCHED */
	FILTER_EVENT_BAN,    /* a source was banned; `source` and `length` are what is banned */
	FILTER_EVENT_SCAN,
	FILTER_EVENT_FULL, /* a table is full; `detail` is enum filter_table */
};

enum { FULL_TOLD_TICKS = 100 };

enum filter_table {
	TABLE_BANS4,
	TABLE_BANS6,
	TABLE_BANS_WIDE,
	TABLE_BAN_INFO,
	TABLE_METERS,
	TABLE_SCANNERS,
	TABLE_COUNT,
	TABLE_ROOM = 16,
};

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
	__u32 detail; /* LISTED: the label; SCAN: enum filter_scan_kind; FULL: enum filter_table */
	__u32 until;  /* BAN: the tick at which it ends */
	__u32 count;  /* SCAN: different ports or addresses that were tried; BAN: offences */
	__u8 length;  /* BAN: of the prefix, of 128 bits */
	__u8 proven;  /* BAN: the source showed that it receives what it is sent */
	__u16 reserved;
	char name[GUARD_NAME_SIZE]; /* LIMITED, SHED, BAN: the guard; "": scan detection */
	__u32 ticks;                /* SCAN: since the first probe that counted */
};
_Static_assert(sizeof(struct filter_event) == 104, "event layout");

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

/* The coarse bit of a bit. */
static inline __u32 filter_hint_coarse(__u32 bit)
{
	return 2 * HINT_BITS + bit / HINT_SPAN;
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

static inline __u32 filter_ban6_home(__u64 high, __u64 seed)
{
	return (__u32)(filter_hash(high, seed) >> 49);
}
_Static_assert(BAN6_BUCKETS == 1 << (64 - 49), "filter_ban6_home covers all buckets");

/*
 * What a source is counted by: an IPv6 /64, or an IPv4 address, written into 0:ffff::/32,
 * which is nobody's.
 */
static inline __u64 filter_source_key(__u32 family, struct filter_key source)
{
	return family == FAMILY_V4 ? KEY_V4_LOW | (__u32)source.low : source.high;
}

static inline __u32 filter_meter_home(__u64 key, __u32 id, __u64 seed)
{
	return (__u32)(filter_hash(key + (__u64)id * 0xd6e8feb86659fd93ULL, seed) >> 49);
}
_Static_assert(METER_BUCKETS == 1 << (64 - 49), "filter_meter_home covers all buckets");

static inline __u32 filter_scanner_home(__u64 key, __u64 seed)
{
	return (__u32)(filter_hash(key, seed) >> 52);
}
_Static_assert(SCANNER_GROUPS == 1 << (64 - 52), "filter_scanner_home covers all groups");

/* The word that follows `word` in a slot with a key: the number in its middle goes up. */
static inline __u64 filter_next_word(__u64 word, __u64 end_and_forced, __u8 length)
{
	return end_and_forced | (((word >> 8) + 1) & 0xffffff) << 8 | length;
}

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
