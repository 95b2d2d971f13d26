/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a BPF ring buffer: one per module, its descriptor goes into the loop. */
#pragma once

#include "base/error.h"
#include "bpf/event.h"

struct ring;

typedef void ring_handler(void *argument, const struct event_header *event);

/* NULL with the reason. The map's descriptor stays the caller's. */
struct ring *ring_new(int map_fd, ring_handler *handler, void *argument, struct error *error);
struct ring *ring_free(struct ring *ring); /* NULL is fine; returns NULL */

int ring_fd(const struct ring *ring); /* readable when there are events */
void ring_drain(struct ring *ring);   /* calls the handler for each */
