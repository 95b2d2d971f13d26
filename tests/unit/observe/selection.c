/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../unit.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "observe/selection.h"

static void nothing_is_everything(void **state)
{
	const struct arguments arguments = { 0 };
	const struct selection nothing = { 0 };
	struct selection selection = { .follow = 77 };
	char text[SELECTION_TEXT];

	assert_ok(selection_read(&arguments, &selection, NULL));
	assert_memory_equal(&selection, &nothing, sizeof(nothing));
	assert_string_equal(selection_text(&arguments, text), "all processes");
}

static void everything_at_once(void **state)
{
	char pids[64];
	const struct arguments arguments = { .pids = pids,
					     .commands = "cat,a name with b,123456789012345",
					     .users = "root,65534",
					     .cgroups = "/",
					     .operand_count = 1 };
	struct selection selection;
	struct error error = { "" };
	char text[SELECTION_TEXT];
	int r;

	strcpy(pids, "1234,5");
	assert_string_equal(selection_text(&arguments, text),
			    "process '1234,5', command 'cat,a name with b,123456789012345', "
			    "user 'root,65534', cgroup '/'");
	snprintf(pids, sizeof(pids), "1,%d", getpid());
	r = selection_read(&arguments, &selection, &error);
	/* Not in the first pid namespace, or without cgroup2. */
	if (r == -EXDEV || r == -ENOENT)
		skip();
	assert_row(r == 0, error.text);
	assert_int_equal(selection.follow, 1);
	assert_int_equal(selection.pid_count, 2);
	assert_int_equal(selection.pids[1], getpid());
	assert_int_equal(selection.command_count, 3);
	assert_string_equal(selection.commands[1], "a name with b");
	assert_string_equal(selection.commands[2], "123456789012345");
	assert_int_equal(selection.user_count, 2);
	assert_int_equal(selection.users[0], 0);
	assert_int_equal(selection.users[1], 65534);
	assert_int_equal(selection.cgroup_count, 1);
	assert_int_equal(selection.cgroups[0].level, 0);
}

static void *wait_to_end(void *stop)
{
	char nothing;

	assert_int_equal(read(*(int *)stop, &nothing, 1), 0);
	return NULL;
}

static pid_t thread_number(void)
{
	CLEANUP_CLOSEDIR DIR *directory = opendir("/proc/self/task");
	const struct dirent *entry;
	pid_t number = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory)))
		if (atoi(entry->d_name) && atoi(entry->d_name) != getpid())
			number = atoi(entry->d_name);
	return number;
}

/* Processes that are none: one that ended, and a thread. */
static void processes_that_are_not_there(void **state)
{
	char pid[16], said[64];
	struct arguments arguments = { .pids = pid };
	struct selection selection;
	struct error error = { "" };
	pthread_t thread;
	pid_t child = fork();
	int stop[2], r;

	if (!child)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	snprintf(pid, sizeof(pid), "%d", child);
	r = selection_read(&arguments, &selection, &error);
	if (r == -EXDEV)
		skip();
	assert_int_equal(r, -ESRCH);
	assert_error_contains(&error, "there is no such process");
	assert_ok(pipe(stop));
	assert_ok(pthread_create(&thread, NULL, wait_to_end, stop));
	snprintf(pid, sizeof(pid), "%d", thread_number());
	snprintf(said, sizeof(said), "a thread of process %d; give that", getpid());
	assert_int_equal(selection_read(&arguments, &selection, &error), -ESRCH);
	assert_error_contains(&error, said);
	close(stop[1]);
	assert_ok(pthread_join(thread, NULL));
	close(stop[0]);
}

static void what_is_refused(void **state)
{
	static const struct {
		struct arguments arguments;
		const char *said;
	} rows[] = {
		{ { .pids = "x" }, "-p 'x': give the number of a process" },
		{ { .pids = "0" }, "-p '0'" },
		{ { .pids = "12x" }, "-p '12x'" },
		{ { .pids = "-1" }, "-p '-1'" },
		{ { .pids = "2147483648" }, "-p '2147483648'" },
		{ { .pids = "1,,2" }, "-p: nothing stands between two commas" },
		{ { .pids = "1," }, "-p: nothing stands" },
		{ { .pids = "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17" },
		  "more than 16 processes" },
		{ { .commands = "" }, "-c: nothing stands" },
		{ { .commands = "1234567890123456" }, "only 15 characters" },
		{ { .commands = "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q" }, "more than 16 commands" },
		{ { .users = "no-such-user" }, "no user 'no-such-user'" },
		{ { .users = "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0" }, "more than 16 users" },
		{ { .cgroups = "no-such-cgroup-here" }, "cgroup" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct selection selection = { .follow = 77 };
		struct error error = { "" };
		int r = selection_read(&rows[i].arguments, &selection, &error);

		if (r == -EXDEV)
			continue; /* not in the first pid namespace */
		assert_row(r < 0, rows[i].said);
		assert_error_contains(&error, rows[i].said);
		assert_int_equal(selection.follow, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_everything),
		cmocka_unit_test(everything_at_once),
		cmocka_unit_test(processes_that_are_not_there),
		cmocka_unit_test(what_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
