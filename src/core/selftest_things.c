/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this thread does itself, counted by the rung that is taken of each thing's ladder. It
 * is done in short windows: the programs are armed, some events happen, and nothing else.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/selftest.h"

enum { WINDOW = 64, ATTEMPTS = 1000 };

/* What events need, made before a window and unmade behind it. */
struct stage {
	int zero;              /* /dev/zero */
	int io;                /* this thread's file of I/O accounting, or -1 */
	int files[WINDOW];     /* opened in the window */
	size_t page;           /* bytes */
	volatile char *memory; /* WINDOW pages that nobody has touched */
};

/* ---- counters of the kernel ---------------------------------------------------------------- */

static uint64_t faults_of_thread(struct stage *stage)
{
	struct rusage usage = { 0 };

	getrusage(RUSAGE_THREAD, &usage);
	return (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt;
}

static uint64_t switches_of_thread(struct stage *stage)
{
	struct rusage usage = { 0 };

	getrusage(RUSAGE_THREAD, &usage);
	return (uint64_t)usage.ru_nvcsw + (uint64_t)usage.ru_nivcsw;
}

static bool accounts_io(struct stage *stage)
{
	stage->io = open("/proc/thread-self/io", O_RDONLY | O_CLOEXEC);
	return stage->io >= 0;
}

static uint64_t reads_of_thread(struct stage *stage)
{
	char text[256] = "";
	const char *line;

	if (pread(stage->io, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	line = strstr(text, "syscr: ");
	return line ? strtoull(line + strlen("syscr: "), NULL, 10) : 0;
}

/* ---- events; each function returns how many it made, 0: it failed
 * ------------------------------------------ */

static uint64_t make_calls(struct stage *stage, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		syscall(SYS_getppid);
	return count;
}

static uint64_t make_reads(struct stage *stage, uint64_t count)
{
	char byte;

	for (uint64_t i = 0; i < count; i++)
		syscall(SYS_read, stage->zero, &byte, 1);
	return count;
}

static uint64_t make_opens(struct stage *stage, uint64_t count)
{
	bool failed = false;

	for (uint64_t i = 0; i < count; i++) {
		stage->files[i] =
			(int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
		failed |= stage->files[i] < 0;
	}
	return failed ? 0 : count;
}

static void close_files(struct stage *stage, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		cleanup_close(&stage->files[i]);
}

static void take_memory(struct stage *stage)
{
	void *memory = mmap(NULL, WINDOW * stage->page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	stage->memory = memory == MAP_FAILED ? NULL : memory;
	if (stage->memory)
		madvise(memory, WINDOW * stage->page, MADV_NOHUGEPAGE);
}

static uint64_t make_faults(struct stage *stage, uint64_t count)
{
	for (uint64_t i = 0; stage->memory && i < count; i++)
		stage->memory[i * stage->page] = 1;
	return stage->memory ? count : 0;
}

static void give_memory(struct stage *stage, uint64_t count)
{
	if (stage->memory)
		munmap((void *)stage->memory, WINDOW * stage->page);
}

/* A sleep whose time is up before it has begun switches nothing, so they are counted. */
static uint64_t make_switches(struct stage *stage, uint64_t count)
{
	const struct timespec nap = { .tv_nsec = 1000 };
	uint64_t before = switches_of_thread(stage);

	for (uint64_t i = 0; i < ATTEMPTS * count && switches_of_thread(stage) < before + count;
	     i++)
		nanosleep(&nap, NULL);
	return count;
}

/* ---- the things ---------------------------------------------------------------------------- */

static const struct happening {
	enum thing thing;
	const char *what;
	void (*before)(struct stage *stage);
	uint64_t (*make)(struct stage *stage, uint64_t count);
	void (*behind)(struct stage *stage, uint64_t count);
	/* The kernel's own count of them. */
	const char *counter;
	bool (*can_witness)(struct stage *stage); /* NULL: it always can */
	uint64_t (*witness)(struct stage *stage);
	uint64_t own;       /* what asking it adds to it */
	const char *beside; /* why there can be more; then asking must be no such event itself */
} happenings[] = {
	{ .thing = THING_SYSCALL_ENTER, .what = "system calls", .make = make_calls },
	{ .thing = THING_SYSCALL_ENTER,
	  .what = "system calls, read()",
	  .make = make_reads,
	  .counter = "syscr of /proc/thread-self/io",
	  .can_witness = accounts_io,
	  .witness = reads_of_thread,
	  .own = 1 },
	{ .thing = THING_OPEN, .what = "files opened", .make = make_opens, .behind = close_files },
	{ .thing = THING_FAULT,
	  .what = "page faults",
	  .before = take_memory,
	  .make = make_faults,
	  .behind = give_memory,
	  .counter = "ru_minflt + ru_majflt",
	  .witness = faults_of_thread,
	  .beside = "of other pages of this process, says the kernel" },
	{ .thing = THING_SWITCH,
	  .what = "context switches",
	  .make = make_switches,
	  .counter = "ru_nvcsw + ru_nivcsw",
	  .witness = switches_of_thread,
	  .beside = "because others took the CPU, says the kernel" },
};

struct window {
	uint64_t done, hits, kernel;
};

static uint64_t ask(const struct happening *happening, struct stage *stage, bool now)
{
	return now && happening->witness ? happening->witness(stage) : 0;
}

/*
 * What happens unasked can happen between the kernel's counter and ours: both are then read
 * before and behind, and a window at whose edges something happened is no window (false).
 */
static bool count_window(const struct happening *happening, struct rung_counter *counter,
			 struct stage *stage, uint64_t count, struct window *ret_window)
{
	uint64_t outer_first = ask(happening, stage, true), first, last, outer_last;
	bool unasked = happening->beside;

	rung_counter_arm(counter);
	first = ask(happening, stage, unasked);
	ret_window->done = happening->make(stage, count);
	last = ask(happening, stage, unasked);
	ret_window->hits = rung_counter_disarm(counter);
	outer_last = ask(happening, stage, true);
	ret_window->kernel = outer_last - outer_first - happening->own;
	return !unasked || (first == outer_first && last == outer_last);
}

static int count_all(const struct happening *happening, struct rung_counter *counter,
		     struct stage *stage, struct selftest_row *row, uint64_t count)
{
	unsigned hits = rung_counter_hits(counter), spoiled = 0;
	uint64_t sum = 0;

	while (row->done < count) {
		uint64_t some = count - row->done < WINDOW ? count - row->done : WINDOW;
		struct window window;
		bool good;

		if (happening->before)
			happening->before(stage);
		good = count_window(happening, counter, stage, some, &window);
		if (happening->behind)
			happening->behind(stage, some);
		if (!good && ++spoiled == ATTEMPTS)
			return error_set(&row->note, -EAGAIN,
					 "other work keeps this thread from counting alone");
		if (!window.done)
			return error_set(&row->note, -EIO, "it cannot be made to happen here");
		if (!good)
			continue;
		row->done += window.done;
		row->kernel += window.kernel;
		sum += window.hits;
	}
	/* Of a pair both must have been hit; half an event too many is one too many. */
	row->counted = (sum > row->done * hits ? sum + hits - 1 : sum) / hits;
	return 0;
}

static void explain(const struct happening *happening, struct selftest_row *row)
{
	if (!row->counter || !happening->beside || row->kernel <= row->done)
		return;
	row->beside = row->kernel - row->done;
	error_set(&row->note, 0, "%llu more %s", (unsigned long long)row->beside,
		  happening->beside);
}

static void test_thing(struct selftest *test, const struct happening *happening)
{
	struct selftest_row *row = selftest_add(test, happening->what);
	CLEANUP_RUNG_COUNTER struct rung_counter *counter =
		rung_counter_new(happening->thing, &row->note);
	struct stage stage = {
		.zero = open("/dev/zero", O_RDONLY | O_CLOEXEC),
		.io = -1,
		.page = (size_t)sysconf(_SC_PAGESIZE),
	};

	if (happening->witness && (!happening->can_witness || happening->can_witness(&stage)))
		row->counter = happening->counter;
	if (counter)
		rung_name(rung_counter_rung(counter), row->by);
	row->unable = !counter || count_all(happening, counter, &stage, row, test->count) < 0;
	explain(happening, row);
	cleanup_close(&stage.zero);
	cleanup_close(&stage.io);
}

void selftest_things(struct selftest *test)
{
	for (size_t i = 0; i < ARRAY_SIZE(happenings); i++)
		test_thing(test, &happenings[i]);
}
