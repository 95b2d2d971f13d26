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

static void add_row(struct selftest *test, const struct watcher *watcher, const char *what,
		    const char *counter, uint64_t kernel, uint64_t counted)
{
	struct selftest_row *row = selftest_add(test, what);

	snprintf(row->by, sizeof(row->by), "%s", watcher->show.hooks);
	row->counter = counter;
	row->done = row->kernel = kernel;
	row->counted = counted;
}

/* The child's own books, which the kernel closed when it ended, are what was done. */
static int watch_child(struct selftest *test, struct watcher *watcher, struct error *error)
{
	struct report report;
	struct rusage usage;
	siginfo_t ended;
	const __u64 *counts;
	int status = 1, r;
	pid_t child = fork();

	if (child == 0)
		_exit(perf_monitor_follow_me(watcher->monitor) < 0 ? 1 : work(test->count));
	/* Its books are closed by its last switch, after it is known to have ended. */
	if (child < 0 || waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT) < 0)
		return error_set(error, -errno, "cannot make a child that is watched: %s",
				 strerror(errno));
	perf_watcher_settle(watcher);
	if (wait4(child, &status, 0, &usage) < 0 || status)
		return error_set(error, -EIO, "a child that was to be watched failed");
	r = perf_watcher_report(watcher, SPAN_ALL, &report);
	if (r < 0)
		return error_set(error, r, "performance cannot be measured");
	counts = report.tally.sum.counts;
	add_row(test, watcher, "faults of a process", "ru_minflt + ru_majflt",
		(uint64_t)(usage.ru_minflt + usage.ru_majflt),
		counts[COUNT_MINOR] + counts[COUNT_MAJOR]);
	add_row(test, watcher, "switches, voluntary", "ru_nvcsw", (uint64_t)usage.ru_nvcsw,
		counts[COUNT_VOLUNTARY]);
	add_row(test, watcher, "switches, involuntary", "ru_nivcsw", (uint64_t)usage.ru_nivcsw,
		counts[COUNT_INVOLUNTARY]);
	perf_report_free(&report);
	return 0;
}

int perf_selftest(struct selftest *test, struct error *error)
{
	struct watcher_options options = {
		.by = BY_PROCESS,
		.monitor = { .self = true,
			     .attribute = true,
			     .attribution_needed = true,
			     .switch_hook = HOOKS,
			     /* Only that child, whatever its number is to the kernel. */
			     .selection.follow = true },
	};
	CLEANUP_FREE struct watcher *watcher = calloc(1, sizeof(*watcher));
	int r;

	if (!watcher)
		return error_set(error, -ENOMEM, "out of memory");
	r = perf_watcher_start(&options, watcher, error);
	if (r == 0)
		r = watch_child(test, watcher, error);
	perf_watcher_stop(watcher);
	return r;
}
