/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long calls take: when each thread's call began stands in a slot of a table of fixed size,
 * which the thread keeps until it ends. Calls of a thread that finds no slot are counted, but
 * not timed, and that is counted too.
 */
#pragma once

#include "modules/syscalls/tables.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FLIGHT_BUCKETS);
	__type(key, __u32);
	__type(value, struct flight_bucket);
} flights SEC(".maps");

/* Beside `tables`, and of as many rows. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct call_latency));
} latencies SEC(".maps");

/*
 * The address of a task as a number, which says which thread this is, also when an exec gives
 * it another tid. The verifier does not reckon with pointers, but forgets in memory what is one.
 */
static __always_inline __u64 address_of(struct call_table *table, struct task_struct *task)
{
	*(struct task_struct *volatile *)&table->running = task;
	return READ_ONCE(table->running);
}

static __always_inline struct flight_bucket *bucket_of(__u64 address)
{
	__u32 number = (__u32)(address * 0x9e3779b97f4a7c15ULL >> 32) % FLIGHT_BUCKETS;

	return bpf_map_lookup_elem(&flights, &number);
}

static __always_inline struct flight *find_flight(__u64 address)
{
	struct flight_bucket *bucket = bucket_of(address);

	for (__u32 i = 0; bucket && i < FLIGHT_SLOTS; i++)
		if (READ_ONCE(bucket->slots[i].task) == address)
			return &bucket->slots[i];
	return NULL;
}

/* Threads on other CPUs take slots of this bucket as well. */
static __always_inline struct flight *take_flight(__u64 address)
{
	struct flight_bucket *bucket = bucket_of(address);

	for (__u32 i = 0; bucket && i < FLIGHT_SLOTS; i++) {
		struct flight *flight = &bucket->slots[i];

		if (!READ_ONCE(flight->task) &&
		    !__sync_val_compare_and_swap(&flight->task, 0, address))
			return flight;
	}
	return NULL;
}

static __always_inline void begin_flight(struct call_table *table, struct task_struct *task,
					 __u32 call)
{
	__u64 address = address_of(table, task);
	struct flight *flight = find_flight(address);

	if (!flight)
		flight = take_flight(address);
	if (!flight) {
		table->untimed++;
		return;
	}
	flight->tgid = task->tgid;
	flight->tid = task->pid;
	flight->call = call;
	flight->begun = bpf_ktime_get_ns();
}

/* With the thread the slot is free again. */
static __always_inline void drop_flight(struct call_table *table, struct task_struct *task)
{
	struct flight *flight = find_flight(address_of(table, task));

	if (!flight)
		return;
	flight->begun = 0;
	__sync_lock_test_and_set(&flight->task, 0);
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

static __always_inline void add_latency(struct call_latency *latency, __u64 taken)
{
	__u32 power = logarithm(taken);

	if (!latency->returned || taken < latency->min)
		latency->min = taken;
	if (taken > latency->max)
		latency->max = taken;
	latency->returned++;
	latency->total += taken;
	latency->buckets[power < LATENCY_BUCKETS ? power : LATENCY_BUCKETS - 1]++;
}
