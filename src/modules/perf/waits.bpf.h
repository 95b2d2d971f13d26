/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long tasks wait: for a CPU when they could run, and for whatever else made them leave it.
 * When each began to wait stands in a slot of a table of fixed size, which a task keeps until it
 * ends. A wait of a task that finds no slot is not timed, and that is counted.
 */
#pragma once

#include "modules/perf/tables.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WAIT_BUCKET_COUNT);
	__type(key, __u32);
	__type(value, struct wait_bucket);
} waits SEC(".maps");

/* Numbered as `tables`. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct wait_table);
} wait_tables SEC(".maps");

static __always_inline struct wait_table *own_wait_table(void)
{
	__u32 number = READ_ONCE(epoch) * cpus + bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&wait_tables, &number);
}

/*
 * The address of a task as a number. The verifier does not reckon with pointers, but forgets in
 * memory what is one.
 */
static __always_inline __u64 address_of(struct perf_cpu *cpu, struct task_struct *task)
{
	*(struct task_struct *volatile *)&cpu->running = task;
	return READ_ONCE(cpu->running);
}

static __always_inline struct wait_bucket *bucket_of(__u64 address)
{
	__u32 number = (__u32)(address * 0x9e3779b97f4a7c15ULL >> 32) % WAIT_BUCKET_COUNT;

	return bpf_map_lookup_elem(&waits, &number);
}

static __always_inline struct wait *find_wait(__u64 address)
{
	struct wait_bucket *bucket = bucket_of(address);

	for (__u32 i = 0; bucket && i < WAIT_SLOTS; i++)
		if (READ_ONCE(bucket->slots[i].task) == address)
			return &bucket->slots[i];
	return NULL;
}

/* Tasks on other CPUs take slots of this bucket as well. */
static __always_inline struct wait *take_wait(__u64 address)
{
	struct wait_bucket *bucket = bucket_of(address);

	for (__u32 i = 0; bucket && i < WAIT_SLOTS; i++) {
		struct wait *wait = &bucket->slots[i];

		if (!READ_ONCE(wait->task) && !__sync_val_compare_and_swap(&wait->task, 0, address))
			return wait;
	}
	return NULL;
}

static __always_inline void drop_wait(__u64 address)
{
	struct wait *wait = find_wait(address);

	if (!wait)
		return;
	wait->out = wait->ready = 0;
	__sync_lock_test_and_set(&wait->task, 0);
}

/* The bucket of a number: its logarithm, rounded down. */
static __always_inline __u32 logarithm(__u64 value)
{
	__u32 power = 0;

#pragma unroll
	for (__u32 step = 32; step; step /= 2)
		if (value >> step) {
			value >>= step;
			power += step;
		}
	return power;
}

static __always_inline void add_wait(struct wait_times *times, __u64 taken)
{
	__u32 power = logarithm(taken);

	if (taken > times->max)
		times->max = taken;
	times->count++;
	times->total += taken;
	times->buckets[power < WAIT_BUCKETS ? power : WAIT_BUCKETS - 1]++;
}

/* Of the command of eight and eight letters; the first row is for whatever has none. */
static __always_inline struct wait_row *find_wait_row(struct wait_table *table, __u64 first,
						      __u64 second)
{
	__u32 home = home_of(first, (__u32)(second ^ second >> 32));

	for (__u32 i = 0; i < WAIT_PROBES; i++) {
		struct wait_row *row = &table->rows[(home + i) % WAIT_ROWS];
		__u64 *name = (__u64 *)row->command;

		if (row == &table->rows[0])
			continue;
		if (!name[0]) {
			name[0] = first;
			name[1] = second;
		}
		if (name[0] == first && name[1] == second)
			return row;
	}
	return &table->rows[0];
}

static __always_inline void begin_wait(struct perf_cpu *cpu, struct task_struct *task, bool willing,
				       __u64 now)
{
	__u64 address = address_of(cpu, task);
	struct wait *wait = find_wait(address);
	struct wait_table *table;

	if (!wait)
		wait = take_wait(address);
	if (!wait) {
		table = own_wait_table();
		if (table)
			table->untimed++;
		return;
	}
	wait->willing = willing;
	wait->ready = willing ? 0 : now;
	wait->out = now;
}

/* `next` runs from now on; its command comes as two numbers. */
static __always_inline void end_wait(struct perf_cpu *cpu, struct task_struct *next, __u64 first,
				     __u64 second, __u64 now)
{
	struct wait *wait = find_wait(address_of(cpu, next));
	struct wait_table *table = own_wait_table();
	struct wait_row *row;

	if (!wait || !table || !(wait->out | wait->ready))
		return;
	row = find_wait_row(table, first, second);
	if (wait->ready)
		add_wait(&row->kinds[WAIT_QUEUE], now - wait->ready);
	if (wait->out)
		add_wait(&row->kinds[wait->willing ? WAIT_OFF : WAIT_OFF_UNWILLED],
			 now - wait->out);
	wait->out = wait->ready = 0;
}
