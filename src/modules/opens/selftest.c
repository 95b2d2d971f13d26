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
#include "modules/opens/reader.h"
#include "modules/opens/selftest.h"

enum { BATCH = 1000 }; /* opens until the ring is emptied; it holds many times that */

enum kind { KIND_ABSOLUTE, KIND_RELATIVE, KIND_FAILING, KINDS };

static const struct {
	const char *what;
	const char *asked;
	const char *told; /* the path that must be told of */
} kinds[] = {
	[KIND_ABSOLUTE] = { "opens, by absolute path", "/dev/null", "/dev/null" },
	[KIND_RELATIVE] = { "opens, in a directory", "./null", "/dev/./null" },
	[KIND_FAILING] = { "opens that fail", "/nonexistent/sumun", "/nonexistent/sumun" },
};
_Static_assert(ARRAY_SIZE(kinds) == KINDS, "every kind is one");

struct tally {
	struct open_paths paths;
	uint64_t counted[KINDS];
};

static void on_event(void *argument, const struct event_header *header)
{
	const struct open_event *event = (const struct open_event *)header;
	struct tally *tally = argument;

	if (!path_read(event, &tally->paths))
		return;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		bool fails = kind == KIND_FAILING;

		if (strcmp(tally->paths.asked, kinds[kind].told) == 0 &&
		    (event->result < 0) == fails && (fails || !tally->paths.differs))
			tally->counted[kind]++;
	}
}

static void make_opens(struct ring *ring, int directory, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		for (enum kind kind = 0; kind < KINDS; kind++) {
			CLEANUP_CLOSE int fd = (int)syscall(
				SYS_openat, directory, kinds[kind].asked, O_RDONLY | O_CLOEXEC, 0);
		}
		if (i % BATCH == 0)
			ring_drain(ring);
	}
	ring_drain(ring);
}

static void add_rows(struct selftest *test, const struct opens_reader *reader,
		     const struct tally *tally)
{
	for (enum kind kind = 0; kind < KINDS; kind++) {
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
	ring = ring_new(opens_reader_ring(reader), on_event, &tally, error);
	r = ring ? opens_reader_follow_me(reader) : -EIO;
	if (r == 0) {
		make_opens(ring, directory, test->count);
		add_rows(test, reader, &tally);
	}
	ring_free(ring);
	opens_reader_free(reader);
	return r;
}
