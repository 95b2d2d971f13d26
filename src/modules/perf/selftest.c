/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "modules/perf/selftest.h"
#include "modules/perf/watcher.h"

enum { ATTEMPTS = 10, AGAIN = 75 }; /* an exit status */

/* Of a child, which ends: then all that it did is in the books, on every CPU. */
static int work(uint64_t count)
{
	const struct timespec nap = { .tv_nsec = 1000 };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	volatile char *memory = mmap(NULL, count * page, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return 1;
	madvise((void *)memory, count * page, MADV_NOHUGEPAGE);
	for (uint64_t i = 0; i < count; i++) {
		memory[i * page] = 1;
		syscall(SYS_getppid);
		nanosleep(&nap, NULL);
	}
	return 0;
}

/*
 * What a process did counts from when it runs until it is switched out: where it was before it was
 * followed, the kernel's books of it hold more than ours.
 */
static int follow_and_work(struct monitor *monitor, uint64_t count)
{
	struct rusage before;

	if (perf_monitor_follow_me(monitor) < 0)
		return 1;
	getrusage(RUSAGE_SELF, &before);
	if (before.ru_nvcsw || before.ru_nivcsw)
		return AGAIN;
	return work(count);
}

static void add_row(struct selftest *test, const struct watcher *watcher, const char *what,
		    const char *counter, uint64_t kernel, uint64_t counted)
{
	struct selftest_row *row = selftest_add(test, what);

	snprintf(row->by, sizeof(row->by), "%s", watcher->show.hooks);
	row->counter = counter;
	row->done = row->kernel = kernel;
	row->counted = counted;
}

/* What a child of ours did, as it is reported, and as the kernel closed its books when it ended. */
static int watch_child(uint64_t count, struct watcher *watcher, struct report *ret_report,
		       struct rusage *ret_usage, bool *ret_whole, struct error *error)
{
	siginfo_t ended;
	int status = 1, r;
	pid_t child = fork();

	if (child == 0)
		_exit(follow_and_work(watcher->monitor, count));
	/* Its books are closed by its last switch, after it is known to have ended. */
	if (child < 0 || waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT) < 0)
		return error_set(error, -errno, "cannot make a child that is watched: %s",
				 strerror(errno));
	perf_watcher_settle(watcher);
	if (wait4(child, &status, 0, ret_usage) < 0 || (status && WEXITSTATUS(status) != AGAIN))
		return error_set(error, -EIO, "a child that was to be watched failed");
	*ret_whole = status == 0;
	r = perf_watcher_report(watcher, SPAN_ALL, ret_report);
	return r < 0 ? error_set(error, r, "performance cannot be measured") : 0;
}

static void add_rows(struct selftest *test, const struct watcher *watcher,
		     const struct report *report, const struct rusage *usage)
{
	const __u64 *counts = report->tally.sum.counts;

	add_row(test, watcher, "faults of a process", "ru_minflt + ru_majflt",
		(uint64_t)(usage->ru_minflt + usage->ru_majflt),
		counts[COUNT_MINOR] + counts[COUNT_MAJOR]);
	add_row(test, watcher, "switches, voluntary", "ru_nvcsw", (uint64_t)usage->ru_nvcsw,
		counts[COUNT_VOLUNTARY]);
	add_row(test, watcher, "switches, involuntary", "ru_nivcsw", (uint64_t)usage->ru_nivcsw,
		counts[COUNT_INVOLUNTARY]);
}

int perf_selftest(struct selftest *test, struct error *error)
{
	struct watcher_options options = {
		.by = BY_PROCESS,
		.monitor = { .self = true,
			     .totals = true,
			     .attribute = true,
			     .attribution_needed = true,
			     .switch_hook = HOOKS,
			     /* Only that child, whatever its number is to the kernel. */
			     .selection.follow = true },
	};
	CLEANUP_FREE struct watcher *watcher = calloc(1, sizeof(*watcher));
	bool whole = false;
	int r = 0;

	if (!watcher)
		return error_set(error, -ENOMEM, "out of memory");
	/* Some kernels keep a few switches from their own tracepoint; that is told of as it is
	 * seen. */
	for (int attempt = 1; r == 0 && !whole && attempt <= ATTEMPTS; attempt++) {
		struct report report;
		struct rusage usage;

		r = perf_watcher_start(&options, watcher, error);
		if (r == 0)
			r = watch_child(test->count, watcher, &report, &usage, &whole, error);
		if (r == 0) {
			whole = whole && report.change.all.counts[METRIC_UNSEEN] == 0;
			if (whole || attempt == ATTEMPTS)
				add_rows(test, watcher, &report, &usage);
			perf_report_free(&report);
		}
		perf_watcher_stop(watcher);
	}
	return r;
}
