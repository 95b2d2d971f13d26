/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snapshots of the filter as people read them and as JSON that others may rely on (sumun-json(5)).
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "modules/filter/gate.h"
#include "modules/filter/snapshot.h"

/* The object of `sumun stats --json`. NULL when out of memory. */
json_t *report_json(const struct store *store, const struct snapshot *now);

/*
 * The same with rates since `before` (NULL: none), for `sumun run --json`: adds "time",
 * "seconds", "packets_per_second", "bytes_per_second", "dropped_per_second".
 */
json_t *report_interval_json(const struct store *store, const struct snapshot *now,
			     const struct snapshot *before);

/* Tables: protocols, reasons, ports; totals, and rates when there is a `before`. */
void report_text(const struct store *store, const struct snapshot *now,
		 const struct snapshot *before, FILE *out);

/* "veth1 (native), eth0 (generic)" into `buffer`. */
const char *report_interfaces(const struct store *store, char *buffer, size_t size);

/* The array "interfaces". */
json_t *report_interfaces_json(const struct store *store);
