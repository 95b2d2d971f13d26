/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "core/ring.h"

struct ring {
	struct ring_buffer *buffer;
	ring_handler *handler;
	void *argument;
};

/* An event that is shorter than it says is not one of ours. */
static int on_sample(void *context, void *data, size_t size)
{
	const struct ring *ring = context;
	const struct event_header *event = data;

	if (size >= sizeof(*event) && event->size <= size)
		ring->handler(ring->argument, event);
	return 0;
}

struct ring *ring_new(int map_fd, ring_handler *handler, void *argument, struct error *error)
{
	struct ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return NULL;
	ring->handler = handler;
	ring->argument = argument;
	ring->buffer = ring_buffer__new(map_fd, on_sample, ring, NULL);
	if (!ring->buffer) {
		error_set(error, -errno, "cannot read the event ring: %s", strerror(errno));
		return ring_free(ring);
	}
	return ring;
}

struct ring *ring_free(struct ring *ring)
{
	if (ring)
		ring_buffer__free(ring->buffer);
	free(ring);
	return NULL;
}

int ring_fd(const struct ring *ring)
{
	return ring_buffer__epoll_fd(ring->buffer);
}

void ring_drain(struct ring *ring)
{
	ring_buffer__consume(ring->buffer);
}
