/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of perf.h, as programs find and take rows in them. */
#pragma once

#include "bpf/event.h"
#include "bpf/process_row.bpf.h"
#include "modules/perf/perf.h"

/* 0 or 1: which of a CPU's tables is written. */
__u32 epoch;
const volatile __u32 cpus = 1;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct perf_cpu);
} states SEC(".maps");

/* Number: epoch * cpus + cpu. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct perf_table);
} tables SEC(".maps");

/* Rung when a table gets full, once for each. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} bell SEC(".maps");

static __always_inline struct perf_cpu *own_state(void)
{
	__u32 number = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&states, &number);
}

static __always_inline struct perf_table *own_table(void)
{
	__u32 number = READ_ONCE(epoch) * cpus + bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&tables, &number);
}

static __always_inline void ring_bell(struct perf_table *table)
{
	struct event_header event = { .module = EVENT_PERF, .size = sizeof(event) };

	if (table->called)
		return;
	table->called = 1;
	bpf_ringbuf_output(&bell, &event, sizeof(event), 0);
}

static __always_inline __u32 home_of(__u64 incarnation, __u32 tgid)
{
	return (__u32)((incarnation ^ tgid) * 0x9e3779b97f4a7c15ULL >> 40);
}

/* The row of the process that runs, made if it is not there; NULL: no room. */
static __always_inline struct perf_row *find_row(struct perf_table *table, struct task_struct *task)
{
	__u64 incarnation = incarnation_of(task);
	__u32 tgid = task->tgid, home = home_of(incarnation, tgid);

	for (__u32 i = 0; i < PERF_PROBES; i++) {
		struct perf_row *row = &table->rows[(home + i) % PERF_ROWS];

		if (row->who.incarnation == incarnation && row->who.tgid == tgid)
			return row;
		if (row->who.incarnation)
			continue;
		row->who.incarnation = incarnation;
		describe_process(&row->who, task);
		if (++table->row_count >= PERF_FULL)
			ring_bell(table);
		return row;
	}
	ring_bell(table);
	return NULL;
}
