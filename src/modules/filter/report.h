/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snapshots of the filter as people read them and as JSON that others may rely on (sumun-json(5)).
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "modules/filter/gate.h"
#include "modules/filter/snapshot.h"

enum { REPORT_SOURCES = 10 };

/* The object of `sumun stats --json`. NULL when out of memory. */
json_t *report_json(const struct store *store, const struct snapshot *now);

/*
 * The same with rates since `before` (NULL: none), for `sumun run --json`: adds "time",
 * "seconds", "packets_per_second", "bytes_per_second", "dropped_per_second".
 */
json_t *report_interval_json(const struct store *store, const struct snapshot *now,
			     const struct snapshot *before);

/*
 * Tables: protocols, verdicts, ports, guards and lists; totals, and rates when there is a
 * `before`. Then what is amiss, if anything is.
 */
void report_text(const struct store *store, const struct snapshot *now,
		 const struct snapshot *before, FILE *out);

/* What `sumun stats` shows beyond that: sources, the fill of the tables, the shadow policy. */
void report_details(const struct store *store, const struct snapshot *now, FILE *out);

/* "veth1 (native), eth0 (generic)" into `buffer`. */
const char *report_interfaces(const struct store *store, char *buffer, size_t size);

/* The array "interfaces". */
json_t *report_interfaces_json(const struct store *store);

/* {"seconds", "until"} of a change that nobody has confirmed yet, or null. */
json_t *report_pending_json(const struct store *store);

/* Nanoseconds until a change is taken back; 0 when none is pending. */
uint64_t report_pending(const struct store *store);

/* All bans in force, those of the configuration among them. */
size_t report_bans(const struct store *store);

/* Nanoseconds until the first of them ends; 0 when none does. */
uint64_t report_next_end(const struct store *store);
