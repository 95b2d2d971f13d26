/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter's memory, as filter.h describes it. */
#pragma once

#include "bpf/helpers.h"
#include "modules/filter/filter.h"

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
MMAPABLE_ARRAY(bans_wide, struct wide_bucket, BAN_WIDE_BUCKETS);

/* One row a CPU (ports: a bank); how many there are is set before loading. */
MMAPABLE_ARRAY(counters, struct filter_counters, COUNTERS_PER_CPU);
MMAPABLE_ARRAY(losses, struct filter_losses, 1);
MMAPABLE_ARRAY(ports, struct filter_ports, PORT_PAGES_PER_BANK);
MMAPABLE_ARRAY(sightings, struct filter_sighting, SIGHTINGS_PER_CPU);

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, BAN4_CAPACITY + BAN_WIDE_CAPACITY);
	__type(key, struct filter_ban_key);
	__type(value, struct filter_ban_info);
} ban_info SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENTS_SIZE);
} events SEC(".maps");
