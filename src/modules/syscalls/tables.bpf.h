/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of syscalls.h, as programs find and take rows in them. */
#pragma once

#include "bpf/event.h"
#include "bpf/process_row.bpf.h"
#include "modules/syscalls/syscalls.h"

/* 0 or 1: which of a CPU's tables is written. */
__u32 epoch;
const volatile __u32 cpus = 1;

/* Number: epoch * cpus + cpu. User space makes them as many as there are. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct call_table);
} tables SEC(".maps");

/* Rung when a table gets full, once for each. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} bell SEC(".maps");

static __always_inline __u32 own_number(void)
{
	return READ_ONCE(epoch) * cpus + bpf_get_smp_processor_id();
}

static __always_inline struct call_table *own_table(void)
{
	__u32 number = own_number();

	return bpf_map_lookup_elem(&tables, &number);
}

/* Of a row: what the process did. The incarnation says whether it is the same process. */
static __always_inline __u64 row_key(__u32 tgid, __u32 call, __u32 error)
{
	return (__u64)tgid | (__u64)call << 32 | (__u64)error << 48;
}

/* The three fields that row_key() is made of lie side by side. */
static __always_inline __u64 *key_of(struct call_row *row)
{
	return (__u64 *)&row->tgid;
}

static __always_inline __u32 home_of(__u64 incarnation, __u64 key)
{
	return (__u32)((incarnation ^ key) * 0x9e3779b97f4a7c15ULL >> 40);
}

static __always_inline void ring_bell(struct call_table *table)
{
	struct event_header event = { .module = EVENT_SYSCALLS, .size = sizeof(event) };

	if (table->called)
		return;
	table->called = 1;
	bpf_ringbuf_output(&bell, &event, sizeof(event), 0);
}

/* The row of the process that runs, made if it is not there; NULL: no room. */
static __always_inline struct process_row *find_process(struct call_table *table,
							struct task_struct *task, __u32 *ret_number)
{
	__u64 incarnation = incarnation_of(task);
	__u32 tgid = task->tgid, home = home_of(incarnation, tgid);

	for (__u32 i = 0; i < CALL_PROCESS_PROBES; i++) {
		__u32 number = (home + i) % CALL_PROCESSES;
		struct process_row *row = &table->processes[number];

		if (row->incarnation && (row->incarnation != incarnation || row->tgid != tgid))
			continue;
		if (!row->incarnation) {
			row->incarnation = incarnation;
			describe_process(row, task);
			if (++table->process_count >= CALL_PROCESSES_FULL)
				ring_bell(table);
		}
		*ret_number = number;
		return row;
	}
	return NULL;
}

/*
 * The rest of find_row(), which returns the number of the row, made if it is not there, or
 * CALL_ROWS: no room. Global, for it is rare.
 */
__noinline __u32 find_further(struct call_table *table, __u32 call, __u32 error)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 incarnation = incarnation_of(task), key = row_key(task->tgid, call, error);
	__u32 home = home_of(incarnation, key), process = 0;

	if (!table)
		return CALL_ROWS;
	for (__u32 i = 0; i < CALL_PROBES; i++) {
		__u32 number = (home + i) % CALL_ROWS;
		struct call_row *row = &table->rows[number];

		if (row->incarnation == incarnation && *key_of(row) == key)
			return number;
		if (row->incarnation)
			continue;
		/* Without its process a row says less than what is folded. */
		if (!find_process(table, task, &process))
			return CALL_ROWS;
		row->incarnation = incarnation;
		*key_of(row) = key;
		row->process = process;
		if (++table->row_count >= CALL_FULL)
			ring_bell(table);
		return number;
	}
	ring_bell(table);
	return CALL_ROWS;
}

static __always_inline __u32 find_row(struct call_table *table, struct task_struct *task,
				      __u32 call, __u32 error)
{
	__u64 incarnation = incarnation_of(task), key = row_key(task->tgid, call, error);
	__u32 number = home_of(incarnation, key) % CALL_ROWS;
	struct call_row *row = &table->rows[number];

	if (likely(row->incarnation == incarnation && *key_of(row) == key))
		return number;
	return find_further(table, call, error);
}

static __always_inline void mark_end(struct call_table *table, struct task_struct *task)
{
	__u32 number;
	struct process_row *row = find_process(table, task, &number);

	if (row)
		row->flags |= PROCESS_ENDED;
	else
		table->unmarked++;
}
