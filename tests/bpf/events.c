/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include <bpf/libbpf.h>

#include "events.h"

static int take_event(void *context, void *data, size_t size)
{
	struct reader *reader = context;

	assert_int_equal(size, sizeof(struct filter_event));
	if (reader->count < EVENTS_KEPT)
		memcpy(&reader->events[reader->count], data, size);
	reader->count++;
	return 0;
}

size_t read_ring(struct store *store, size_t ring, struct reader *ret_reader)
{
	struct ring_buffer *buffer;

	ret_reader->count = 0;
	buffer = ring_buffer__new(store->fds[STORE_EVENTS0 + ring], take_event, ret_reader, NULL);
	assert_non_null(buffer);
	assert_true(ring_buffer__consume(buffer) >= 0);
	ring_buffer__free(buffer);
	return ret_reader->count;
}

size_t read_events(struct store *store, struct reader *ret_reader)
{
	return read_ring(store, 0, ret_reader);
}

size_t read_kind(struct store *store, enum filter_event_kind kind, struct reader *ret_reader)
{
	size_t kept = 0;

	read_events(store, ret_reader);
	assert_true(ret_reader->count <= EVENTS_KEPT);
	for (size_t i = 0; i < ret_reader->count; i++)
		if (ret_reader->events[i].header.kind == kind)
			ret_reader->events[kept++] = ret_reader->events[i];
	ret_reader->count = kept;
	return kept;
}
