/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../unit.h"

#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "observe/namespaces.h"

/* As readlink says it: "pid:[4026531836]". */
static uint64_t linked(const char *path)
{
	unsigned long long inode = 0;
	char text[64] = "";

	assert_true(readlink(path, text, sizeof(text) - 1) > 0);
	assert_int_equal(sscanf(text, "%*[a-z]:[%llu]", &inode), 1);
	return inode;
}

static void inodes_are_what_the_links_say(void **state)
{
	uint64_t mount = 0, pid = 0;

	assert_ok(namespaces_mount(&mount));
	assert_ok(namespaces_pid(&pid));
	assert_true(mount == linked("/proc/self/ns/mnt"));
	assert_true(pid == linked("/proc/self/ns/pid"));
}

enum { CANNOT = 1 };

/* Children are in the new namespace, the process itself is not. */
static int refused_in_a_namespace(int out)
{
	struct error error = { "" };
	int status;

	if (unshare(CLONE_NEWPID) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0)
		return CANNOT;
	if (fork() == 0) {
		int r = namespaces_check_pid(&error);

		_exit(write(out, &error, sizeof(error)) < 0 ? 0 : -r);
	}
	wait(&status);
	return WEXITSTATUS(status);
}

static void numbers_mean_something_else_in_a_pid_namespace(void **state)
{
	struct error error = { "" };
	int status, pipes[2];
	uint64_t pid;

	assert_ok(namespaces_pid(&pid));
	/* Of this process too, where the tests run in a container. */
	assert_int_equal(namespaces_check_pid(&error), pid == 4026531836 ? 0 : -EXDEV);
	assert_ok(pipe(pipes));
	if (fork() == 0)
		_exit(refused_in_a_namespace(pipes[1]));
	wait(&status);
	close(pipes[1]);
	if (WEXITSTATUS(status) == CANNOT)
		skip();
	assert_int_equal(WEXITSTATUS(status), EXDEV);
	assert_true(read(pipes[0], &error, sizeof(error)) == sizeof(error));
	close(pipes[0]);
	assert_error_contains(&error, "pid namespace of its own");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inodes_are_what_the_links_say),
		cmocka_unit_test(numbers_mean_something_else_in_a_pid_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
