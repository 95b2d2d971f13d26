/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is being dropped, as a story that can be read: one line when a source begins,
 * then at most a few lines a second that say how much more there was. The kernel's
 * sightings (filter.h) hold the counts; this compares them from second to second. What
 * is told adds up: events, repeats and rests with the action DROP or PASS are all the
 * packets that were, or would have been, dropped. Packets to watched ports, and SYNs that
 * were answered in the host's place, are told of beside that.
 */
#pragma once

#include "core/output.h"
#include "modules/filter/filter.h"
#include "modules/filter/select.h"
#include "modules/filter/store.h"

struct watch;

/*
 * NULL when out of memory. What happened before is not told again. Without a selection, as
 * `run` reads: everything, as many lines as a person can read. With one, as `events` reads:
 * what is selected, every event, and none that is older than this watch.
 */
struct watch *watch_new(const struct store *store, const struct selection *selection);
struct watch *watch_free(struct watch *watch); /* NULL is fine; returns NULL */

/*
 * An event of the ring as a record. False when it is not to be told: another CPU's event
 * told of the same source a moment ago, or more sources begin in this second than anybody
 * can read; watch_second() then counts its packet among the rest. *ret_quiet: for the logs
 * only, because there are many of them. An event of a kind that is not known is not told.
 */
bool watch_describe(struct watch *watch, const struct filter_event *event,
		    struct record *ret_record, bool *ret_quiet);

/* Tells what came in since the last call: the busiest sources, and the rest in one line. */
void watch_second(struct watch *watch, struct output *output);
