/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the filter has put into its rings. */
#pragma once

#include "harness.h"

enum { EVENTS_KEPT = 64 };

struct reader {
	size_t count; /* of all; the first EVENTS_KEPT are in `events` */
	struct filter_event events[EVENTS_KEPT];
};

/* All that is in the ring now; it is empty then. Returns how many there were. */
size_t read_ring(struct store *store, size_t ring, struct reader *ret_reader);
/* Of the first ring. */
size_t read_events(struct store *store, struct reader *ret_reader);

/* The same, but only the events of this kind are kept and counted. */
size_t read_kind(struct store *store, enum filter_event_kind kind, struct reader *ret_reader);
