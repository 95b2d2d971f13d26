/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/protocol.h"
#include "base/timestamp.h"
#include "modules/filter/snapshot.h"

const char *reason_name(enum filter_reason reason)
{
	static const char *const names[] = {
		[REASON_PASS] = "pass",           [REASON_ALLOWED] = "allowed",
		[REASON_NON_IP] = "non-ip",       [REASON_FRAGMENT] = "fragment",
		[REASON_BANNED] = "banned",       [REASON_BLOCKED_PORT] = "blocked-port",
		[REASON_MALFORMED] = "malformed", [REASON_TOO_DEEP] = "too-deep",
		[REASON_LISTED] = "listed",       [REASON_LIMITED] = "limited",
		[REASON_SHED] = "shed",           [REASON_COOKIE] = "syn-cookie",
	};
	_Static_assert(ARRAY_SIZE(names) == REASON_COUNT, "a name for every reason");

	return (size_t)reason < ARRAY_SIZE(names) ? names[reason] : "?";
}

bool reason_drops(uint32_t reason)
{
	return reason >= REASON_FIRST_DROP && reason < REASON_COUNT && reason != REASON_COOKIE;
}

const char *protocol_row_name(uint32_t row, char buffer[16])
{
	switch (row) {
	case PROTOCOL_ARP:
		return "arp";
	case PROTOCOL_NON_IP:
		return "non-ip";
	case PROTOCOL_UNKNOWN:
		return "unknown";
	default:
		return protocol_name((uint8_t)row, buffer);
	}
}

static void add(struct filter_counter *sum, const struct filter_counter *counter)
{
	sum->packets += __atomic_load_n(&counter->packets, __ATOMIC_RELAXED);
	sum->bytes += __atomic_load_n(&counter->bytes, __ATOMIC_RELAXED);
}

static void add_counters(struct snapshot *snapshot, const struct store *store, uint32_t cpu)
{
	for (uint32_t reason = 0; reason < REASON_COUNT; reason++) {
		for (uint32_t verdict = 0; verdict < VERDICT_COUNT; verdict++) {
			for (uint32_t row = 0; row < PROTOCOL_ROWS; row++) {
				struct filter_counter one = { 0, 0 };

				add(&one, &store->counters[filter_counter_index(cpu, reason,
										verdict, row)]);
				add(&snapshot->total, &one);
				add(&snapshot->reasons[reason][verdict], &one);
				add(&snapshot->verdicts[verdict], &one);
				add(&snapshot->protocols[row], &one);
			}
		}
	}
}

/* Structs that hold nothing but 64-bit numbers, each written by one CPU. */
static void add_numbers(void *sum, const void *numbers, size_t size)
{
	const uint64_t *from = numbers;
	uint64_t *to = sum;

	for (size_t i = 0; i < size / sizeof(*to); i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

static void add_cpu(struct snapshot *snapshot, const struct store *store, uint32_t cpu)
{
	const struct filter_shadow_counters *shadow = &store->shadow_counters[cpu];

	add_counters(snapshot, store, cpu);
	add_numbers(&snapshot->tally, &store->tallies[cpu], sizeof(snapshot->tally));
	add_numbers(snapshot->guards, &store->guard_counters[cpu], sizeof(snapshot->guards));
	add_numbers(snapshot->lists, &store->list_counters[cpu], sizeof(snapshot->lists));
	for (uint32_t now = 0; now < REASON_COUNT; now++)
		for (uint32_t tried = 0; tried < REASON_COUNT; tried++)
			add(&snapshot->shadow[now][tried], &shadow->pairs[now][tried]);
}
_Static_assert(sizeof(struct filter_guard_counters) == sizeof(((struct snapshot *)0)->guards) &&
		       sizeof(struct filter_list_counters) == sizeof(((struct snapshot *)0)->lists),
	       "the snapshot holds what one CPU counts");

struct snapshot *snapshot_take(const struct store *store)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	const struct filter_state *state = store->tables.state;

	if (!snapshot)
		return NULL;
	snapshot->time = timestamp_boottime();
	for (uint32_t cpu = 0; cpu < state->cpus; cpu++)
		add_cpu(snapshot, store, cpu);
	for (uint32_t bank = 0; bank < state->port_banks; bank++) {
		size_t size = FILTER_PORT_PROTOCOLS * FILTER_PORTS;

		add_numbers(snapshot->attempts, store->ports + bank * size,
			    sizeof(snapshot->attempts));
	}
	return snapshot;
}

size_t snapshot_top_ports(const struct snapshot *now, const struct snapshot *before,
			  struct port_count *ports, size_t size)
{
	size_t count = 0;

	for (uint32_t i = 0; i < FILTER_PORT_PROTOCOLS * FILTER_PORTS; i++) {
		uint64_t total = (&now->attempts[0][0])[i];
		uint64_t attempts = total - (before ? (&before->attempts[0][0])[i] : 0);
		size_t at = count;

		if (!attempts)
			continue;
		while (at > 0 && ports[at - 1].attempts < attempts)
			at--;
		if (at == size)
			continue;
		if (count < size)
			count++;
		memmove(&ports[at + 1], &ports[at], (count - at - 1) * sizeof(*ports));
		ports[at] = (struct port_count){ .protocol = i / FILTER_PORTS,
						 .port = i % FILTER_PORTS,
						 .attempts = attempts,
						 .total = total };
	}
	return count;
}

struct filter_counter snapshot_reason(const struct snapshot *snapshot, enum filter_reason reason)
{
	struct filter_counter sum = { 0, 0 };

	for (size_t verdict = 0; verdict < VERDICT_COUNT; verdict++)
		add(&sum, &snapshot->reasons[reason][verdict]);
	return sum;
}

struct filter_counter snapshot_dropped(const struct snapshot *snapshot)
{
	return snapshot->verdicts[VERDICT_DROPPED];
}
