/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "modules/syscalls/selftest.h"
#include "modules/syscalls/watcher.h"

/* By the native table, which this program is of. */
static const struct {
	const char *what;
	long number;
} calls[] = {
	{ "calls of a process", SYS_getppid },
	{ "calls that fail", SYS_openat },
};

static void make_calls(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		syscall(SYS_getppid);
		syscall(SYS_openat, AT_FDCWD, "/nonexistent/sumun", O_RDONLY | O_CLOEXEC);
	}
}

static const struct view_row *find_call(const struct view *view, long number)
{
	for (size_t i = 0; i < view->count; i++)
		if (view->rows[i].call == number)
			return &view->rows[i];
	return NULL;
}

static void add_row(struct selftest *test, const struct watcher *watcher, const char *what,
		    uint64_t counted)
{
	struct selftest_row *row = selftest_add(test, what);

	snprintf(row->by, sizeof(row->by), "%s", watcher->show.hooks);
	row->done = test->count;
	row->counted = counted;
}

static void add_rows(struct selftest *test, const struct watcher *watcher, const struct view *view)
{
	const struct view_row *row = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		row = find_call(view, calls[i].number);
		add_row(test, watcher, calls[i].what, row ? row->calls : 0);
	}
	add_row(test, watcher, "errors, by name",
		row && row->kind_count == 1 && row->kinds[0].error == ENOENT ? row->errors : 0);
	add_row(test, watcher, "calls that were timed", row ? row->latency.returned : 0);
}

int syscalls_selftest(struct selftest *test, struct error *error)
{
	struct monitor_options options = { .self = true, .errors = true, .latency = true };
	struct watcher watcher = WATCHER_NONE;
	CLEANUP_VIEW struct view view = VIEW_NONE;
	struct call_ledger ledger;
	struct report report;
	int r;

	/* Only this process, whatever its number is to the kernel. */
	options.selection.follow = true;
	r = watcher_start(&options, 0, &watcher, error);
	if (r < 0)
		return r;
	r = monitor_follow_me(watcher.monitor);
	if (r == 0) {
		make_calls(test->count);
		r = watcher_report(&watcher, BY_CALL, SPAN_ALL, &view, NULL, &ledger, &report);
	}
	if (r < 0)
		error_set(error, r, "system calls cannot be counted");
	else
		add_rows(test, &watcher, &view);
	watcher_stop(&watcher);
	return r;
}
