/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "observe/child.h"

enum { COMMAND_PATH = 4096, NOT_EXECUTABLE = 126, NOT_FOUND = 127, SIGNALLED = 128 };

static int check_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || access(path, X_OK) < 0)
		return -EACCES;
	return 0;
}

/* As a shell looks, but beforehand: failed attempts of the child would be counted as its calls. */
static int find_command(const char *name, char path[COMMAND_PATH], struct error *error)
{
	const char *directory = getenv("PATH");
	char quoted[QUOTE_TEXT];
	int r = -ENOENT;

	if (strchr(name, '/')) {
		snprintf(path, COMMAND_PATH, "%s", name);
		r = check_executable(path);
		directory = NULL;
	} else if (!*name) {
		directory = NULL;
	} else if (!directory) {
		directory = "/usr/bin:/bin";
	}
	while (directory) {
		size_t length = strcspn(directory, ":");
		int here;

		snprintf(path, COMMAND_PATH, "%.*s/%s", length ? (int)length : 1,
			 length ? directory : ".", name);
		here = check_executable(path);
		if (here == 0)
			return 0;
		if (here == -EACCES)
			r = here;
		directory = directory[length] ? directory + length + 1 : NULL;
	}
	if (r < 0)
		return error_set(error, r, "cannot run %s: %s", text_quote(name, quoted),
				 r == -ENOENT ? "there is no such command" : strerror(-r));
	return 0;
}

int child_failure_status(int code)
{
	return code == -ENOENT ? NOT_FOUND : NOT_EXECUTABLE;
}

/* In the child, whose signals are as they were before anybody waited for them. */
static void run(const char *path, char **argv, int (*join)(void *context), void *context)
{
	sigset_t none;
	int r;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	r = join(context);
	if (r == 0) {
		execv(path, argv);
		r = -errno;
	}
	fprintf(stderr, "sumun: cannot run %s: %s\n", path, strerror(-r));
	_exit(child_failure_status(r));
}

int child_start(char **argv, int (*join)(void *context), void *context, struct child *ret_child,
		struct error *error)
{
	char path[COMMAND_PATH];
	int pidfd, r = find_command(argv[0], path, error);
	pid_t pid;

	if (r < 0)
		return r;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		run(path, argv, join, context);
	pidfd = pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		r = error_set(error, -errno, "cannot start a process: %s", strerror(errno));
		if (pid > 0)
			waitpid(pid, NULL, 0);
		return r;
	}
	*ret_child = (struct child){ .pid = pid, .pidfd = pidfd };
	return 0;
}

bool child_has_ended(struct child *child)
{
	if (child->pid > 0 && waitpid(child->pid, &child->status, WNOHANG) == child->pid)
		child->pid = -1;
	return child->pid < 0;
}

void child_signal(const struct child *child, int signal)
{
	if (child->pid > 0)
		kill(child->pid, signal);
}

int child_exit_status(const struct child *child)
{
	if (WIFSIGNALED(child->status))
		return SIGNALLED + WTERMSIG(child->status);
	return WEXITSTATUS(child->status);
}

void child_close(struct child *child)
{
	if (child->pid > 0)
		waitpid(child->pid, &child->status, 0);
	child->pid = 0;
	cleanup_close(&child->pidfd);
	child->pidfd = -1;
}
