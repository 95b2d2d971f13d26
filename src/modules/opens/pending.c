/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "modules/opens/pending.h"

enum { SLOTS = 16384 };

struct entry {
	struct entry *next; /* of this slot */
	struct entry *older;
	struct entry *newer;
	struct open_event event; /* and its text */
};

struct pending {
	pending_tell *tell;
	void *context;
	size_t bytes;
	struct entry *oldest;
	struct entry *newest;
	struct entry *slots[SLOTS];
	/* A request with its result. */
	union {
		struct open_event event;
		char space[sizeof(struct open_event) + 3 * OPEN_PATH];
	} joined;
};

struct pending *pending_new(pending_tell *tell, void *context)
{
	struct pending *pending = calloc(1, sizeof(*pending));

	if (!pending)
		return NULL;
	pending->tell = tell;
	pending->context = context;
	return pending;
}

struct pending *pending_free(struct pending *pending)
{
	if (!pending)
		return NULL;
	while (pending->oldest) {
		struct entry *entry = pending->oldest;

		pending->oldest = entry->newer;
		free(entry);
	}
	free(pending);
	return NULL;
}

/* Where what points to the request stands, or would. */
static struct entry **find(struct pending *pending, uint64_t request)
{
	struct entry **place = &pending->slots[(request * 0x9e3779b97f4a7c15ULL >> 32) % SLOTS];

	while (*place && (*place)->event.request != request)
		place = &(*place)->next;
	return place;
}

static struct entry *take(struct pending *pending, struct entry **place)
{
	struct entry *entry = *place;

	*place = entry->next;
	*(entry->older ? &entry->older->newer : &pending->oldest) = entry->newer;
	*(entry->newer ? &entry->newer->older : &pending->newest) = entry->older;
	pending->bytes -= sizeof(*entry) - sizeof(entry->event) + entry->event.header.size;
	return entry;
}

static void give_up(struct pending *pending, struct entry *entry)
{
	entry = take(pending, find(pending, entry->event.request));
	entry->event.ring |= OPEN_RESULT_UNKNOWN;
	pending->tell(pending->context, &entry->event);
	free(entry);
}

static void tell_without(struct pending *pending, const struct open_event *request)
{
	memcpy(&pending->joined, request, request->header.size);
	pending->joined.event.ring |= OPEN_RESULT_UNKNOWN;
	pending->tell(pending->context, &pending->joined.event);
}

void pending_add(struct pending *pending, const struct open_event *request)
{
	struct entry **place = find(pending, request->request), *entry;
	size_t size = sizeof(*entry) - sizeof(entry->event) + request->header.size;

	if (request->header.size > sizeof(pending->joined))
		return;
	/* Where another lies now, the former has ended. */
	if (*place)
		give_up(pending, *place);
	while (pending->oldest && pending->bytes + size > PENDING_BYTES)
		give_up(pending, pending->oldest);
	entry = request->serial ? malloc(size) : NULL;
	if (!entry) {
		tell_without(pending, request);
		return;
	}
	memcpy(&entry->event, request, request->header.size);
	place = find(pending, request->request);
	entry->next = NULL;
	entry->newer = NULL;
	entry->older = pending->newest;
	*(entry->older ? &entry->older->newer : &pending->oldest) = entry;
	pending->newest = *place = entry;
	pending->bytes += size;
}

static void join(struct pending *pending, const struct open_event *request,
		 const struct open_event *result)
{
	struct open_event *joined = &pending->joined.event;
	const char *opened = (const char *)(result + 1) + result->asked;

	memcpy(joined, request, request->header.size);
	memcpy(pending->joined.space + request->header.size, opened, result->opened);
	joined->header.size += result->opened;
	joined->header.time = result->header.time;
	joined->result = result->result;
	joined->opened = result->opened;
	joined->opened_walk = result->opened_walk;
}

void pending_complete(struct pending *pending, const struct open_event *result)
{
	struct entry **place = find(pending, result->request), *entry;

	if (!*place || (*place)->event.serial != result->serial ||
	    (*place)->event.header.size + (size_t)result->opened > sizeof(pending->joined) ||
	    result->header.size != sizeof(*result) + (size_t)result->asked + result->opened)
		return;
	entry = take(pending, place);
	join(pending, &entry->event, result);
	free(entry);
	pending->tell(pending->context, &pending->joined.event);
}

void pending_expire(struct pending *pending, uint64_t now)
{
	struct entry *entry = pending->oldest, *newer;

	for (; entry && entry->event.header.time + NSEC_PER_SEC < now; entry = newer) {
		newer = entry->newer;
		if (entry->event.ring & OPEN_SILENT)
			give_up(pending, entry);
	}
}

void pending_empty(struct pending *pending)
{
	while (pending->oldest)
		give_up(pending, pending->oldest);
}
