/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "core/loop.h"

enum { SOURCES_MAX = 16 };

struct source {
	int fd;
	bool timer;
	loop_handler *handler;
	void *argument;
};

struct loop {
	int epoll_fd;
	int signal_fd;
	loop_signal_handler *on_signal;
	void *argument;
	sigset_t former_signals;
	struct source sources[SOURCES_MAX];
	size_t count;
	bool stopped;
};

static int read_signals(void *argument)
{
	struct loop *loop = argument;
	struct signalfd_siginfo info;
	int r = 0;

	while (r == 0 && read(loop->signal_fd, &info, sizeof(info)) == sizeof(info))
		r = loop->on_signal(loop->argument, (int)info.ssi_signo);
	return r;
}

struct loop *loop_new(loop_signal_handler *on_signal, void *argument, struct error *error)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	sigset_t signals;
	int r;

	if (!loop)
		return NULL;
	loop->on_signal = on_signal;
	loop->argument = argument;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &loop->former_signals);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	r = loop->epoll_fd < 0 || loop->signal_fd < 0
		    ? -errno
		    : loop_add_fd(loop, loop->signal_fd, read_signals, loop);
	if (r < 0) {
		error_set(error, r, "cannot make an event loop: %s", strerror(-r));
		return loop_free(loop);
	}
	return loop;
}

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;
	for (size_t i = 0; i < loop->count; i++)
		if (loop->sources[i].timer)
			close(loop->sources[i].fd);
	cleanup_close(&loop->signal_fd);
	cleanup_close(&loop->epoll_fd);
	sigprocmask(SIG_SETMASK, &loop->former_signals, NULL);
	free(loop);
	return NULL;
}

static int add_source(struct loop *loop, struct source source)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (loop->count == SOURCES_MAX)
		return -ENOSPC;
	event.data.ptr = &loop->sources[loop->count];
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source.fd, &event) < 0)
		return -errno;
	loop->sources[loop->count++] = source;
	return 0;
}

int loop_add_fd(struct loop *loop, int fd, loop_handler *handler, void *argument)
{
	return add_source(loop,
			  (struct source){ .fd = fd, .handler = handler, .argument = argument });
}

int loop_add_timer(struct loop *loop, uint64_t interval, loop_handler *handler, void *argument)
{
	CLEANUP_CLOSE int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct timespec period = { .tv_sec = (time_t)(interval / NSEC_PER_SEC),
				   .tv_nsec = (long)(interval % NSEC_PER_SEC) };
	struct itimerspec timer = { .it_interval = period, .it_value = period };
	int r;

	if (fd < 0 || timerfd_settime(fd, 0, &timer, NULL) < 0)
		return -errno;
	r = add_source(loop,
		       (struct source){
			       .fd = fd, .timer = true, .handler = handler, .argument = argument });
	if (r == 0)
		TAKE_FD(fd);
	return r;
}

static int handle(const struct source *source)
{
	uint64_t expirations;

	if (source->timer &&
	    read(source->fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return 0;
	return source->handler(source->argument);
}

int loop_run(struct loop *loop)
{
	loop->stopped = false;
	while (!loop->stopped) {
		struct epoll_event events[SOURCES_MAX];
		int n = epoll_wait(loop->epoll_fd, events, SOURCES_MAX, -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n && !loop->stopped; i++) {
			int r = handle(events[i].data.ptr);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
