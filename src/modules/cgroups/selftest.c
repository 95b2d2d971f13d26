/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/test_cgroup.h"
#include "modules/cgroups/selftest.h"
#include "modules/cgroups/watcher.h"

enum {
	OTHER_CALLS = 2,  /* that a process makes to enter a cgroup, and to end */
	DATAGRAM = 28 + 1 /* bytes, with the headers of IPv4 and UDP */
};

/* ---- what happens ------------------------------------------------------------------------- */

static int make_calls(void *context)
{
	for (uint64_t i = 0; i < *(uint64_t *)context; i++)
		syscall(SYS_getppid);
	return 0;
}

static int make_socket(int type, struct sockaddr_in *ret_address)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 &&
	    getsockname(fd, (struct sockaddr *)ret_address, &size) == 0)
		return fd;
	cleanup_close(&fd);
	return -1;
}

/* To itself, over the loopback. */
static int send_datagrams(void *context)
{
	struct sockaddr_in self;
	CLEANUP_CLOSE int fd = make_socket(SOCK_DGRAM, &self);
	char byte = 0;

	for (uint64_t i = 0; i < *(uint64_t *)context; i++)
		if (sendto(fd, &byte, 1, 0, (struct sockaddr *)&self, sizeof(self)) != 1 ||
		    recv(fd, &byte, 1, 0) != 1)
			return -1;
	return 0;
}

/* Ended by a reset, so that none waits for its port to be free again. */
static int connect_once(const struct sockaddr_in *to)
{
	const struct linger now = { .l_onoff = 1 };
	CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) < 0)
		return -1;
	return connect(fd, (const struct sockaddr *)to, sizeof(*to));
}

static int make_connections(void *context)
{
	struct sockaddr_in open, shut;
	CLEANUP_CLOSE int listener = make_socket(SOCK_STREAM, &open),
			  silent = make_socket(SOCK_STREAM, &shut);

	if (listener < 0 || silent < 0 || listen(listener, 1) < 0)
		return -1;
	for (uint64_t i = 0; i < *(uint64_t *)context; i++) {
		CLEANUP_CLOSE int taken = -1;

		if (connect_once(&open) < 0)
			return -1;
		taken = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (taken < 0 || connect_once(&shut) == 0)
			return -1;
	}
	return 0;
}

/* ---- what was counted --------------------------------------------------------------------- */

/* The hooks of tracepoints are all of one kind. */
static const char *kind_of_hooks(const struct watcher *watcher)
{
	return strstr(group_monitor_hooks(watcher->monitor), "raw_tp") ? "raw_tp" : "tp_btf";
}

static struct selftest_row *add_row(struct selftest *test, const char *what, const char *kind,
				    const char *by, uint64_t counted)
{
	struct selftest_row *row = selftest_add(test, what);

	snprintf(row->by, sizeof(row->by), "%s %s", kind, by);
	row->done = test->count;
	row->counted = counted;
	return row;
}

/* What it did from one call to the next. */
static int take_counts(struct watcher *watcher, uint64_t id, struct cgroup_counts *ret_counts)
{
	int r = group_watcher_turn(watcher);
	const struct group *group;

	for (size_t i = 0; r == 0 && (group = group_books_group(watcher->books, i)); i++) {
		struct usage usage = group->total;

		if (group->kind != GROUP_CGROUP || group->id != id)
			continue;
		usage_add(&usage, &group->before, -1);
		*ret_counts = usage.counts;
		return group_books_close_interval(watcher->books);
	}
	return r < 0 ? r : -ENOENT;
}

static void add_calls(struct selftest *test, const char *kind, const struct cgroup_counts *counts)
{
	struct selftest_row *row =
		add_row(test, "calls of a cgroup", kind, "sys_enter", counts->calls);

	row->beside = OTHER_CALLS;
	error_set(&row->note, 0, "%d more: to enter the cgroup, and to end", OTHER_CALLS);
}

static void add_datagrams(struct selftest *test, const char *kind,
			  const struct cgroup_counts *counts)
{
	struct selftest_row *row;

	add_row(test, "datagrams sent", "cgroup", "egress", counts->out[TRAFFIC_UDP].packets);
	row = add_row(test, "datagrams sent, bytes", "cgroup", "egress",
		      counts->out[TRAFFIC_UDP].bytes);
	row->done *= DATAGRAM;
	add_row(test, "datagrams received", "cgroup", "ingress", counts->in[TRAFFIC_UDP].packets);
}

static void add_connections(struct selftest *test, const char *kind,
			    const struct cgroup_counts *counts)
{
	add_row(test, "connections made", kind, "inet_sock_set_state", counts->made);
	add_row(test, "connections accepted", kind, "inet_sock_set_state", counts->accepted);
	add_row(test, "connections refused", kind, "inet_sock_set_state", counts->refused);
}

static int watch_all(struct selftest *test, struct watcher *watcher,
		     const struct test_cgroup *cgroup, struct error *error)
{
	static const struct {
		int (*act)(void *context);
		void (*add)(struct selftest *test, const char *kind,
			    const struct cgroup_counts *counts);
	} things[] = {
		{ make_calls, add_calls },
		{ send_datagrams, add_datagrams },
		{ make_connections, add_connections },
	};
	struct cgroup_counts counts = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(things); i++) {
		r = test_cgroup_run(cgroup, things[i].act, &test->count, error);
		if (r < 0)
			return r;
		r = take_counts(watcher, cgroup->id, &counts);
		if (r == 0)
			things[i].add(test, kind_of_hooks(watcher), &counts);
	}
	return r < 0 ? error_set(error, r, "cgroups cannot be counted: %s", strerror(-r)) : 0;
}

int cgroups_selftest(struct selftest *test, struct error *error)
{
	const struct monitor_options options = { .hook = HOOKS };
	CLEANUP_TEST_CGROUP struct test_cgroup cgroup = TEST_CGROUP_NONE;
	struct watcher watcher = WATCHER_NONE;
	int r = group_watcher_start(&options, &watcher, error);

	if (r < 0)
		return r;
	/* Not every user who may load programs may make a cgroup. */
	if (test_cgroup_make(&cgroup, error) < 0)
		selftest_leave_out(test, "cgroups", error);
	else
		r = watch_all(test, &watcher, &cgroup, error);
	group_watcher_stop(&watcher);
	return r;
}
