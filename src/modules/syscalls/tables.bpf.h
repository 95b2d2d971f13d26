/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of syscalls.h, as programs find and take rows in them. */
#pragma once

#include "bpf/event.h"
#include "bpf/process_row.bpf.h"
#include "modules/syscalls/syscalls.h"

/* 0 or 1: which of a CPU's tables is written. */
__u32 epoch;
const volatile __u32 cpus = 1;
const volatile __u32 row_limit = CALL_ROWS_LEAST;

/*
 * Number: epoch * cpus + cpu. User space makes them as many as there are, and of as many rows as
 * it says.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct call_table));
} tables SEC(".maps");

/* By epoch. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct call_folds);
} folds SEC(".maps");

/* Rung when a table gets full, once for each. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} bell SEC(".maps");

static __always_inline __u32 own_number(void)
{
	return READ_ONCE(epoch) * cpus + bpf_get_smp_processor_id();
}

static __always_inline struct call_table *find_table(__u32 number)
{
	return bpf_map_lookup_elem(&tables, &number);
}

static __always_inline struct process_row *process_at(struct call_table *table, __u32 number)
{
	return (struct process_row *)&table->rows[row_limit] + number;
}

/* What has no room in a table is counted all the same. */
static __always_inline void fold(__u32 table_number, __u32 call, __u32 error)
{
	__u32 of_epoch = table_number >= cpus;
	struct call_folds *sums = bpf_map_lookup_elem(&folds, &of_epoch);

	/* The compiler knows that it is less, and the verifier of Linux 6.1 has forgotten. */
	asm volatile("" : "+r"(call));
	call %= CALLS;
	if (sums)
		__sync_fetch_and_add(error ? &sums->errors[call] : &sums->calls[call], 1);
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
	__u32 limit = row_limit / CALL_ROWS_EACH;

	for (__u32 i = 0; i < CALL_PROCESS_PROBES; i++) {
		__u32 number = (home + i) & (limit - 1);
		struct process_row *row = process_at(table, number);

		if (row->incarnation && (row->incarnation != incarnation || row->tgid != tgid))
			continue;
		if (!row->incarnation) {
			row->incarnation = incarnation;
			describe_process(row, task);
			if (++table->process_count >= limit / 2)
				ring_bell(table);
		}
		*ret_number = number;
		return row;
	}
	return NULL;
}

/*
 * The rest of find_row(), which returns the number of the row, made if it is not there, or
 * CALL_NONE: no room. Global, for it is rare.
 */
__noinline __u32 find_further(__u32 table_number, __u32 call, __u32 error)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call_table *table = find_table(table_number);
	__u64 incarnation = incarnation_of(task), key = row_key(task->tgid, call, error);
	__u32 home = home_of(incarnation, key), process = 0;

	if (!table)
		return CALL_NONE;
	for (__u32 i = 0; i < CALL_PROBES; i++) {
		__u32 number = (home + i) & (row_limit - 1);
		struct call_row *row = &table->rows[number];

		if (row->incarnation == incarnation && *key_of(row) == key)
			return number;
		if (row->incarnation)
			continue;
		/* Without its process a row says less than what is folded. */
		if (!find_process(table, task, &process))
			return CALL_NONE;
		row->incarnation = incarnation;
		*key_of(row) = key;
		row->process = process;
		if (++table->row_count >= row_limit / 2)
			ring_bell(table);
		return number;
	}
	ring_bell(table);
	return CALL_NONE;
}

static __always_inline __u32 find_row(__u32 table_number, struct call_table *table,
				      struct task_struct *task, __u32 call, __u32 error)
{
	__u64 incarnation = incarnation_of(task), key = row_key(task->tgid, call, error);
	__u32 number = home_of(incarnation, key) & (row_limit - 1);
	struct call_row *row = &table->rows[number];

	if (likely(row->incarnation == incarnation && *key_of(row) == key))
		return number;
	return find_further(table_number, call, error);
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
