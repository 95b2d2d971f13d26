/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A command that is looked at while it runs: whoever looks is ready before it is started, and its
 * exit status is passed on.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct child {
	pid_t pid;  /* 0: none; -1: it has ended */
	int pidfd;  /* readable when it has ended; -1 */
	int status; /* as waitpid(2) has it, once it has ended */
};

#define CHILD_NONE                                 \
	{                                          \
		.pid = 0, .pidfd = -1, .status = 0 \
	}

/*
 * Starts argv[0], found by PATH. The child calls `join`, whose error ends it, and from then on
 * makes no call but the execve. -ENOENT, -EACCES: no such command.
 */
int child_start(char **argv, int (*join)(void *context), void *context, struct child *ret_child,
		struct error *error);

/* What a shell makes of a command that child_start() could not start, by what that returned. */
int child_failure_status(int code);

/* True once it has ended; `status` holds what it left then. */
bool child_has_ended(struct child *child);

/* Passes a signal on. */
void child_signal(const struct child *child, int signal);

/* What a shell would make of it: the exit status, or 128 and the signal. */
int child_exit_status(const struct child *child);

/* Waits for it if it has not ended. */
void child_close(struct child *child);

static inline void cleanup_child(struct child *child)
{
	child_close(child);
}
#define CLEANUP_CHILD __attribute__((cleanup(cleanup_child)))
