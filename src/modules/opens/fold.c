/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "modules/opens/fold.h"

enum { FOLD_SLOTS = 2 * FOLD_ROWS };

struct row {
	struct open_event *event;
	uint64_t hash;
	uint64_t count;
	size_t order; /* in which it came */
};

struct fold {
	struct row rows[FOLD_ROWS];
	size_t count;
	size_t bytes;
	uint16_t slots[FOLD_SLOTS]; /* the number of a row + 1; 0: none */
};
_Static_assert(FOLD_ROWS < UINT16_MAX, "a row's number fits into a slot");

struct fold *fold_new(void)
{
	return calloc(1, sizeof(struct fold));
}

struct fold *fold_free(struct fold *fold)
{
	for (size_t i = 0; fold && i < fold->count; i++)
		free(fold->rows[i].event);
	free(fold);
	return NULL;
}

static size_t text_size(const struct open_event *event)
{
	return event->header.size - sizeof(*event);
}

static int outcome(const struct open_event *event)
{
	return event->result < 0 ? event->result : 0;
}

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash_of(const struct open_event *event)
{
	const unsigned char *text = (const unsigned char *)(event + 1);
	uint64_t hash = 0xcbf29ce484222325ULL ^ event->tgid ^ event->flags << 32 ^
			(uint64_t)(uint32_t)outcome(event) << 22;

	for (size_t i = 0; i < text_size(event); i++)
		hash = (hash ^ text[i]) * 0x100000001b3ULL;
	return hash;
}

static bool is_same(const struct open_event *a, const struct open_event *b)
{
	return a->header.size == b->header.size && a->tgid == b->tgid && a->start == b->start &&
	       a->user == b->user && a->cgroup == b->cgroup && a->flags == b->flags &&
	       a->mode == b->mode && outcome(a) == outcome(b) && a->number == b->number &&
	       a->abi == b->abi && a->ring == b->ring && a->marks == b->marks &&
	       a->asked == b->asked && a->base == b->base && a->base_walk == b->base_walk &&
	       a->opened_walk == b->opened_walk && a->mount_namespace == b->mount_namespace &&
	       memcmp(a->command, b->command, sizeof(a->command)) == 0 &&
	       memcmp(a + 1, b + 1, text_size(a)) == 0;
}

static int add_row(struct fold *fold, const struct open_event *event, uint64_t hash, size_t slot)
{
	struct open_event *copy;

	if (fold->count == FOLD_ROWS || fold->bytes + event->header.size > FOLD_BYTES)
		return -ENOSPC;
	copy = malloc(event->header.size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, event, event->header.size);
	fold->bytes += event->header.size;
	fold->rows[fold->count] =
		(struct row){ .event = copy, .hash = hash, .count = 1, .order = fold->count };
	fold->count++;
	fold->slots[slot] = (uint16_t)fold->count;
	return 0;
}

int fold_add(struct fold *fold, const struct open_event *event)
{
	uint64_t hash = hash_of(event);
	size_t slot = hash % FOLD_SLOTS;

	for (; fold->slots[slot]; slot = (slot + 1) % FOLD_SLOTS) {
		struct row *row = &fold->rows[fold->slots[slot] - 1];

		if (row->hash != hash || !is_same(row->event, event))
			continue;
		memcpy(row->event, event, event->header.size);
		row->count++;
		return 0;
	}
	return add_row(fold, event, hash, slot);
}

static int compare(const void *a, const void *b)
{
	const struct row *one = a, *other = b;

	if (one->count != other->count)
		return one->count > other->count ? -1 : 1;
	return one->order < other->order ? -1 : 1;
}

void fold_empty(struct fold *fold, fold_each *each, void *context)
{
	qsort(fold->rows, fold->count, sizeof(*fold->rows), compare);
	for (size_t i = 0; i < fold->count; i++) {
		each(context, fold->rows[i].event, fold->rows[i].count);
		free(fold->rows[i].event);
	}
	memset(fold->slots, 0, sizeof(fold->slots));
	fold->count = fold->bytes = 0;
}

size_t fold_count(const struct fold *fold)
{
	return fold->count;
}

uint64_t fold_opens(const struct fold *fold)
{
	uint64_t opens = 0;

	for (size_t i = 0; i < fold->count; i++)
		opens += fold->rows[i].count;
	return opens;
}
