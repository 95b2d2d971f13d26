/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe/child.h"

static int join_nothing(void *context)
{
	return 0;
}

/* The exit status, once it ended. */
static int status_of(char **argv)
{
	CLEANUP_CHILD struct child child = CHILD_NONE;
	struct error error = { "" };
	struct pollfd wait;

	assert_row(child_start(argv, join_nothing, NULL, &child, &error) == 0, error.text);
	wait = (struct pollfd){ .fd = child.pidfd, .events = POLLIN };
	assert_int_equal(poll(&wait, 1, -1), 1);
	assert_true(child_has_ended(&child));
	assert_true(child_has_ended(&child));
	return child_exit_status(&child);
}

static void statuses(void **state)
{
	char *well[] = { "true", NULL }, *three[] = { "sh", "-c", "exit 3", NULL },
	     *killed[] = { "sh", "-c", "kill -TERM $$", NULL }, *path[] = { "/bin/true", NULL };

	assert_int_equal(status_of(well), 0);
	assert_int_equal(status_of(path), 0);
	assert_int_equal(status_of(three), 3);
	assert_int_equal(status_of(killed), 128 + SIGTERM);
}

static void what_cannot_be_started(void **state)
{
	static const struct {
		char *command;
		int code, status;
	} rows[] = {
		{ "no-such-command-here", -ENOENT, 127 },
		{ "/nonexistent/x", -ENOENT, 127 },
		{ "/etc/passwd", -EACCES, 126 },
		{ "/etc", -EACCES, 126 },
		{ "", -ENOENT, 127 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct child child = { .pid = 77, .pidfd = 77, .status = 77 };
		char *argv[] = { rows[i].command, NULL };
		struct error error = { "" };
		int r = child_start(argv, join_nothing, NULL, &child, &error);

		assert_row(r == rows[i].code, rows[i].command);
		assert_row(child_failure_status(r) == rows[i].status, rows[i].command);
		assert_error_contains(&error, "cannot run '");
		assert_int_equal(child.pid, 77);
	}
}

static void is_found_by_path(void **state)
{
	char directory[] = "/tmp/child-XXXXXX", *argv[] = { "true", NULL }, path[64], both[8192];
	CLEANUP_FREE char *before = strdup(getenv("PATH"));
	struct child child;

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/true", directory);
	close(open(path, O_CREAT | O_WRONLY, 0644));
	/* What may not be run is passed over, but remembered. */
	setenv("PATH", directory, 1);
	assert_int_equal(child_start(argv, join_nothing, NULL, &child, NULL), -EACCES);
	snprintf(both, sizeof(both), "/nonexistent:%s:%s", directory, before);
	setenv("PATH", both, 1);
	assert_int_equal(status_of(argv), 0);
	unsetenv("PATH");
	assert_int_equal(status_of(argv), 0);
	setenv("PATH", before, 1);
	unlink(path);
	rmdir(directory);
}

static int join_failing(void *context)
{
	return -EPERM;
}

static void join_ends_it(void **state)
{
	CLEANUP_CHILD struct child child = CHILD_NONE;
	char *argv[] = { "true", NULL };
	int saved = dup(2), nowhere = open("/dev/null", O_WRONLY);

	dup2(nowhere, 2);
	assert_ok(child_start(argv, join_failing, NULL, &child, NULL));
	child_close(&child);
	dup2(saved, 2);
	close(saved);
	close(nowhere);
	assert_int_equal(child_exit_status(&child), 126);
}

/* What this process ignores, as the kernel has it. */
static void read_ignored(char ret_mask[17])
{
	char line[256];
	FILE *status = fopen("/proc/self/status", "r");

	assert_non_null(status);
	do
		assert_non_null(fgets(line, sizeof(line), status));
	while (sscanf(line, "SigIgn: %16s", ret_mask) != 1);
	fclose(status);
}

/*
 * It waits for signals that its parent blocks, and dies of SIGPIPE. What who runs the tests has
 * ignored is handed on, as a shell does.
 */
static void signals_are_the_usual_ones(void **state)
{
	char blocked[] = "^SigBlk:.0*$", ignored[64], mask[17];
	char *blocks[] = { "grep", "-q", blocked, "/proc/self/status", NULL };
	char *ignores[] = { "grep", "-q", ignored, "/proc/self/status", NULL };
	sigset_t all, before;

	signal(SIGPIPE, SIG_DFL);
	read_ignored(mask);
	snprintf(ignored, sizeof(ignored), "^SigIgn:.%s$", mask);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(status_of(blocks), 0);
	assert_int_equal(status_of(ignores), 0);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void signals_are_passed_on(void **state)
{
	CLEANUP_CHILD struct child child = CHILD_NONE;
	char *argv[] = { "sleep", "1000", NULL };

	assert_ok(child_start(argv, join_nothing, NULL, &child, NULL));
	assert_false(child_has_ended(&child));
	child_signal(&child, SIGTERM);
	child_close(&child);
	assert_int_equal(child_exit_status(&child), 128 + SIGTERM);
	child_signal(&child, SIGKILL); /* to nobody */
	child_close(&child);
	assert_int_equal(child.pidfd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses),
		cmocka_unit_test(what_cannot_be_started),
		cmocka_unit_test(is_found_by_path),
		cmocka_unit_test(join_ends_it),
		cmocka_unit_test(signals_are_the_usual_ones),
		cmocka_unit_test(signals_are_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
