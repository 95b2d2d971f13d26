/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All counters of the filter at one moment, summed over CPUs. Cumulative since the gate
 * was raised; rates are differences of two snapshots over the time between them. Every
 * counter is read once, so that the sums over reasons, protocols and verdicts are `total`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/port.h"
#include "modules/filter/store.h"

struct snapshot {
	uint64_t time; /* CLOCK_BOOTTIME, nanoseconds */
	struct filter_counter total;
	struct filter_counter reasons[REASON_COUNT][VERDICT_COUNT];
	struct filter_counter protocols[PROTOCOL_ROWS];
	struct filter_counter verdicts[VERDICT_COUNT];
	uint64_t attempts[FILTER_PORT_PROTOCOLS][FILTER_PORTS];
	struct filter_tally tally;
	struct filter_guard_counter guards[GUARDS_MAX + 1]; /* by number */
	struct filter_counter lists[LISTS_MAX + 1];         /* by number */
	/* What the policy in force said, and what the one that is tried beside it would. */
	struct filter_counter shadow[REASON_COUNT][REASON_COUNT];
};

/* NULL when out of memory; free() it. */
struct snapshot *snapshot_take(const struct store *store);

const char *reason_name(enum filter_reason reason); /* "pass", "blocked-port", ... */
/*
 * Whether a packet of this reason is lost in enforce mode. One that was answered in the
 * host's place is not: its sender gets what it asked for.
 */
bool reason_drops(uint32_t reason);
/* "tcp", "arp", "non-ip", "unknown"; `row` is an IP protocol or PROTOCOL_*. */
const char *protocol_row_name(uint32_t row, char buffer[16]);

/* A port and what it saw. */
struct port_count {
	enum port_protocol protocol;
	uint16_t port;
	uint64_t attempts; /* since the snapshot `before`, or ever */
	uint64_t total;    /* ever */
};

/*
 * The ports with the most attempts since `before` (NULL: ever), most first, at most
 * `size`; only ports that saw any. Returns how many.
 */
size_t snapshot_top_ports(const struct snapshot *now, const struct snapshot *before,
			  struct port_count *ports, size_t size);

/* Packets of a reason, whatever their verdict. */
struct filter_counter snapshot_reason(const struct snapshot *snapshot, enum filter_reason reason);
/* Packets that were dropped. */
struct filter_counter snapshot_dropped(const struct snapshot *snapshot);
