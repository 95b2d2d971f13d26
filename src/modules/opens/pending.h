/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests of io_uring that wait for their results: pure. Everything that is added is told of
 * once, with its result or without. Bounded: when it is full the oldest goes without.
 */
#pragma once

#include <stdint.h>

#include "modules/opens/opens.h"

enum { PENDING_BYTES = 32 << 20 };

struct pending;

/* Tells of a request as if it were a call; the event is gone behind it. */
typedef void pending_tell(void *context, const struct open_event *event);

struct pending *pending_new(pending_tell *tell, void *context); /* NULL when out of memory */
struct pending *pending_free(struct pending *pending);          /* NULL is fine; returns NULL */

void pending_add(struct pending *pending, const struct open_event *request);

/* A result whose request is not here is none of ours. */
void pending_complete(struct pending *pending, const struct open_event *result);

/* Those that are silent where they succeed wait a second; `now` is CLOCK_BOOTTIME, nanoseconds. */
void pending_expire(struct pending *pending, uint64_t now);
void pending_empty(struct pending *pending);
