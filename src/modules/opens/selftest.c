/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens of this process, each of which must be told of with its right path. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/ring.h"
#include "modules/opens/path.h"
#include "modules/opens/pending.h"
#include "modules/opens/reader.h"
#include "modules/opens/selftest.h"
#include "modules/opens/selftest_ring.h"

enum { BATCH = 1000 }; /* opens until the ring is emptied; it holds many times that */

enum kind { KIND_ABSOLUTE, KIND_RELATIVE, KIND_FAILING, KIND_RING, KINDS };

static const struct {
	const char *what;
	const char *asked;
	const char *told; /* the path that must be told of */
} kinds[] = {
	[KIND_ABSOLUTE] = { "opens, by absolute path", "/dev/null", "/dev/null" },
	[KIND_RELATIVE] = { "opens, in a directory", "./null", "/dev/./null" },
	[KIND_FAILING] = { "opens that fail", "/nonexistent/sumun", "/nonexistent/sumun" },
	[KIND_RING] = { "opens, by io_uring", "/dev/zero", "/dev/zero" },
};
_Static_assert(ARRAY_SIZE(kinds) == KINDS, "every kind is one");

struct tally {
	struct pending *pending; /* requests of io_uring that wait for their results */
	struct open_paths paths;
	uint64_t counted[KINDS];
};

static void count(void *argument, const struct open_event *event)
{
	struct tally *tally = argument;

	if (!path_read(event, &tally->paths))
		return;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		bool fails = kind == KIND_FAILING;

		if (strcmp(tally->paths.asked, kinds[kind].told) == 0 &&
		    (event->result < 0) == fails && !event->ring == (kind != KIND_RING) &&
		    (fails || !tally->paths.differs))
			tally->counted[kind]++;
	}
}

static void on_event(void *argument, const struct event_header *header)
{
	const struct open_event *event = (const struct open_event *)header;
	struct tally *tally = argument;

	if (header->kind == OPEN_REQUEST)
		pending_add(tally->pending, event);
	else if (header->kind == OPEN_RESULT)
		pending_complete(tally->pending, event);
	else
		count(tally, event);
}

static void make_opens(struct ring *ring, int directory, uint64_t number)
{
	for (uint64_t i = 0; i < number; i++) {
		for (enum kind kind = 0; kind < KIND_RING; kind++) {
			CLEANUP_CLOSE int fd = (int)syscall(
				SYS_openat, directory, kinds[kind].asked, O_RDONLY | O_CLOEXEC, 0);
		}
		if (i % BATCH == 0)
			ring_drain(ring);
	}
	ring_drain(ring);
}

/* Returns how many were opened. */
static uint64_t make_opens_by_ring(struct ring *ring, struct opening_ring *opening, uint64_t number)
{
	uint64_t done = 0;

	for (uint64_t i = 0; i < number; i++) {
		CLEANUP_CLOSE int fd =
			opening_ring_open(opening, kinds[KIND_RING].asked, O_RDONLY | O_CLOEXEC);

		done += fd >= 0;
		if (i % BATCH == 0)
			ring_drain(ring);
	}
	ring_drain(ring);
	return done;
}

/* Not every kernel has tracepoints for it, and not every host permits it. */
static void test_ring(struct selftest *test, const struct opens_reader *reader, struct ring *ring,
		      const struct tally *tally)
{
	struct selftest_row *row = selftest_add(test, kinds[KIND_RING].what);
	struct opening_ring opening = { .fd = -1 };
	int r = opening_ring_new(&opening);

	row->unable = r < 0 || !opens_reader_sees_rings(reader);
	if (r < 0)
		error_set(&row->note, r, "no io_uring here: %s", strerror(-r));
	else if (row->unable)
		error_set(&row->note, -EOPNOTSUPP, "this kernel has no tracepoints for it");
	else
		row->done = make_opens_by_ring(ring, &opening, test->count);
	row->counted = tally->counted[KIND_RING];
	snprintf(row->by, sizeof(row->by), "tp_btf io_uring");
	opening_ring_free(&opening);
}

static void add_rows(struct selftest *test, const struct opens_reader *reader,
		     const struct tally *tally)
{
	for (enum kind kind = 0; kind < KIND_RING; kind++) {
		struct selftest_row *row = selftest_add(test, kinds[kind].what);

		snprintf(row->by, sizeof(row->by), "%s", opens_reader_hook(reader));
		row->done = test->count;
		row->counted = tally->counted[kind];
	}
}

int opens_selftest(struct selftest *test, struct error *error)
{
	/* Only this process, whatever its number is to the kernel. */
	const struct opens_options options = { .self = true, .selection.follow = true };
	CLEANUP_CLOSE int directory = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct opens_reader *reader;
	struct tally tally = { 0 };
	struct ring *ring;
	int r;

	if (directory < 0)
		return error_set(error, -errno, "cannot open /dev: %s", strerror(errno));
	reader = opens_reader_new(&options, &r, error);
	if (!reader)
		return r;
	tally.pending = pending_new(count, &tally);
	if (!tally.pending) {
		opens_reader_free(reader);
		return error_set(error, -ENOMEM, "out of memory");
	}
	ring = ring_new(opens_reader_ring(reader), on_event, &tally, error);
	r = ring ? opens_reader_follow_me(reader) : -EIO;
	if (r == 0) {
		make_opens(ring, directory, test->count);
		add_rows(test, reader, &tally);
		test_ring(test, reader, ring, &tally);
	}
	pending_free(tally.pending);
	ring_free(ring);
	opens_reader_free(reader);
	return r;
}
