/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter's memory, as filter.h describes it. */
#pragma once

#include "bpf/helpers.h"
#include "modules/filter/filter.h"
#include "modules/filter/prefixes.h"

/* Constants of the loaded program, written between open and load: equal to the ones in `state`. */
const volatile __u64 seed;
const volatile __u32 tick_shift;
const volatile __u32 cpus;
const volatile __u32 port_banks;

/* A global variable, in the map ".bss": read without a look-up. */
struct filter_globals globals;

#define MMAPABLE_ARRAY(name, value_type, entries)  \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);  \
		__uint(map_flags, BPF_F_MMAPABLE); \
		__uint(max_entries, entries);      \
		__type(key, __u32);                \
		__type(value, value_type);         \
	} name SEC(".maps")

MMAPABLE_ARRAY(hints, __u64, HINT_WORDS);
MMAPABLE_ARRAY(bans4, struct ban4_bucket, BAN4_BUCKETS);
MMAPABLE_ARRAY(bans6, struct ban6_bucket, BAN6_BUCKETS);
MMAPABLE_ARRAY(bans_wide, struct wide_bucket, BAN_WIDE_BUCKETS);
MMAPABLE_ARRAY(meters, struct filter_meter_bucket, METER_BUCKETS);
MMAPABLE_ARRAY(scanners, struct filter_scanner_group, SCANNER_GROUPS);
MMAPABLE_ARRAY(listening, struct filter_listening, LISTENING_PAGES);

/* One row a CPU (ports: a bank); how many there are is set before loading. */
MMAPABLE_ARRAY(counters, struct filter_counters, COUNTERS_PER_CPU);
MMAPABLE_ARRAY(tallies, struct filter_tally, 1);
MMAPABLE_ARRAY(ports, struct filter_ports, PORT_PAGES_PER_BANK);
MMAPABLE_ARRAY(sightings, struct filter_sighting, SIGHTINGS_PER_CPU);
MMAPABLE_ARRAY(guard_counters, struct filter_guard_counters, 1);
MMAPABLE_ARRAY(list_counters, struct filter_list_counters, 1);
MMAPABLE_ARRAY(shadow_counters, struct filter_shadow_counters, 1);

/* For people, not for packets. */
MMAPABLE_ARRAY(config_text, struct filter_config_text, FILTER_POLICY_SLOTS);

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, BAN_INFO_CAPACITY);
	__type(key, struct filter_ban_key);
	__type(value, struct filter_ban_info);
} ban_info SEC(".maps");

/* The tables of lists, all of one size, so that looking into them is no call. */
struct list_table {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32)); /* clang 14 leaves types out that only stand in here */
	__uint(value_size, sizeof(struct prefix_page));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, LIST_TABLES);
	__type(key, __u32);
	__array(values, struct list_table);
} lists SEC(".maps");

#define EVENT_RING(number)                          \
	struct {                                    \
		__uint(type, BPF_MAP_TYPE_RINGBUF); \
		__uint(max_entries, EVENTS_SIZE);   \
	} events##number SEC(".maps")

EVENT_RING(0);
EVENT_RING(1);
EVENT_RING(2);
EVENT_RING(3);
_Static_assert(EVENT_RINGS == 4, "a map for every ring");
