/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of cgroups.h, as programs find and take rows in them.
 *
 * Programs of packets can be interrupted by others of the same CPU, so a row is taken by
 * compare-and-exchange, and what more than one kind of context counts is added atomically. What
 * one tracepoint alone counts, with preemption off, is added plainly.
 */
#pragma once

#include "bpf/event.h"
#include "bpf/helpers.h"
#include "bpf/kernel.h"
#include "modules/cgroups/cgroups.h"

/* 0 or 1: which of a CPU's tables is written. */
__u32 epoch;
const volatile __u32 cpus = 1;

/* Number: epoch * cpus + cpu. User space makes them as many as there are. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct cgroup_table);
} tables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} events SEC(".maps");

__u64 unnamed; /* cgroups that the ring had no room to tell of */

static __always_inline struct cgroup_table *own_table(void)
{
	__u32 number = READ_ONCE(epoch) * cpus + bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&tables, &number);
}

static __always_inline void ring_bell(struct cgroup_table *table)
{
	struct event_header event = { .module = EVENT_CGROUPS,
				      .kind = CGROUP_EVENT_FULL,
				      .size = sizeof(event) };

	if (table->called)
		return;
	table->called = 1;
	bpf_ringbuf_output(&events, &event, sizeof(event), 0);
}

static __always_inline __u32 home_of(__u64 id)
{
	return (__u32)(id * 0x9e3779b97f4a7c15ULL >> 40) % CGROUP_ROWS;
}

/* The rest of find_counts(): the number of the row, or CGROUP_ROWS. Global, for it is rare. */
__noinline __u32 find_further(struct cgroup_table *table, __u64 id)
{
	__u32 home = home_of(id);

	if (!table)
		return CGROUP_ROWS;
	for (__u32 i = 0; i < CGROUP_PROBES; i++) {
		__u32 number = (home + i) % CGROUP_ROWS;
		struct cgroup_row *row = &table->rows[number];
		__u64 before = READ_ONCE(row->id);

		if (before == 0) {
			before = __sync_val_compare_and_swap(&row->id, 0, id);
			if (before == 0) {
				__sync_fetch_and_add(&table->row_count, 1);
				if (READ_ONCE(table->row_count) >= CGROUP_FULL)
					ring_bell(table);
				return number;
			}
		}
		if (before == id)
			return number;
	}
	ring_bell(table);
	return CGROUP_ROWS;
}

/* Where to count for a cgroup, NULL never but to the verifier. */
static __always_inline struct cgroup_counts *find_counts(__u64 id)
{
	struct cgroup_table *table = own_table();
	__u32 number = home_of(id);

	if (!table)
		return NULL;
	if (unlikely(table->rows[number].id != id))
		number = find_further(table, id);
	if (number >= CGROUP_ROWS)
		return &table->folded;
	/* The compiler reckons the address before it compares, and the verifier is lost. */
	asm volatile("" : "+r"(number));
	return &table->rows[number % CGROUP_ROWS].counts;
}
