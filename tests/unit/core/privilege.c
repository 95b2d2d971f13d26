// SPDX-License-Identifier: GPL-2.0-or-later
/* In a child each: what was given up does not come back. */
#include "../unit.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cap-ng.h>

#include "core/privilege.h"

static int enter(void **state)
{
	static char directory[32];

	strcpy(directory, "/tmp/unit-priv.XXXXXX");
	*state = directory;
	return mkdtemp(directory) && chdir(directory) == 0 && mkdir("logs", 0700) == 0 &&
			       mkdir("state", 0700) == 0 && mkdir("pins", 0700) == 0
		       ? 0
		       : -1;
}

static int leave(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", (const char *)*state);
	return chdir("/") < 0 || system(command) != 0 ? -1 : 0;
}

static void needs_are_named(void **state)
{
	for (enum privilege i = 0; i < PRIVILEGES; i++) {
		char names[PRIVILEGE_TEXT];
		size_t count = 0;

		assert_non_null(privilege_needs[i].what);
		assert_non_null(privilege_needs[i].commands);
		while (privilege_needs[i].capabilities[count] >= 0)
			count++;
		assert_true(count < PRIVILEGE_CAPABILITIES);
		assert_true(privilege_missing(i, names) <= count);
		assert_true(strlen(names) < PRIVILEGE_TEXT - 1);
	}
	assert_int_equal(privilege_missing(PRIVILEGE_READ, NULL), 0);
	assert_int_equal(privilege_missing(PRIVILEGE_CHANGE, NULL), 0);
}

static void in_child(void (*body)(void))
{
	pid_t child = fork();
	int status = -1;

	if (child == 0) {
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* Of a child, where a failed assertion would go on in the parent's tests. */
static void expect(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "not so: %s\n", what);
	_exit(1);
}

static void lose_all(void)
{
	struct error error = { "as before" };
	char names[PRIVILEGE_TEXT];

	capng_clear(CAPNG_SELECT_CAPS);
	capng_apply(CAPNG_SELECT_CAPS);
	expect(privilege_missing(PRIVILEGE_LOAD, names) == 3, "three are missing");
	expect(strcmp(names, "CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON") == 0, "their names");
	expect(privilege_explain(PRIVILEGE_LOAD, -EINVAL, &error) == -EINVAL, "no refusal");
	expect(strcmp(error.text, "as before") == 0, "what was said stays");
	expect(privilege_explain(PRIVILEGE_READ, -EACCES, &error) == -EACCES, "nothing is missing");
	expect(strcmp(error.text, "as before") == 0, "what was said stays");
	expect(privilege_explain(PRIVILEGE_LOAD, -EACCES, &error) == -EPERM, "a refusal");
	expect(strstr(error.text, "loading the filter takes CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON, "
				  "missing here; "),
	       error.text);
}

static void what_is_missing_is_named(void **state)
{
	in_child(lose_all);
}

static bool can_make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static long landlock_version(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static void confine(void)
{
	struct confinement confinement;
	struct error error = { "" };
	bool files = false;

	expect(can_make("logs/a") && can_make("pins/a") && can_make("elsewhere"), "before");
	confine_begin(&confinement);
	confine_allow_log(&confinement, "logs/a");
	confine_allow_log(&confinement, "/dev/full");
	confine_allow(&confinement, "state", CONFINE_REPLACE);
	confine_allow(&confinement, "pins", CONFINE_REMOVE);
	confine_allow(&confinement, "missing", CONFINE_REMOVE);
	expect(confine_enter(&confinement, &files, &error) == 0, error.text);
	capng_get_caps_process();
	expect(capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE, "no capability is left");
	expect(files == (landlock_version() > 0), "says whether files are confined");
	if (!files)
		return;
	expect(rename("logs/a", "logs/a.1") < 0, "logs are moved by others");
	expect(can_make("logs/a") && can_make("logs/b"), "logs are made anew");
	expect(can_make("/dev/full"), "a log that is no file");
	expect(can_make("/dev/null"), "nothing is written there");
	expect(!can_make("/dev/zero"), "but none beside it");
	expect(can_make("state/new") && rename("state/new", "state/old") == 0, "state is replaced");
	expect(!can_make("pins/b") && mkdir("pins/c", 0700) < 0, "nothing is pinned");
	expect(unlink("pins/a") == 0 && rmdir("pins") < 0, "pins are removed");
	expect(!can_make("elsewhere") && !can_make("new"), "nothing is written elsewhere");
	expect(truncate("elsewhere", 0) < 0 || landlock_version() < 3, "nor shortened");
	expect(unlink("elsewhere") < 0 && mkdir("d", 0700) < 0, "nor removed nor made");
	expect(access("elsewhere", R_OK) == 0, "reading is free");
}

static void only_what_was_allowed_is_written(void **state)
{
	in_child(confine);
}

static void confine_behind_link(void)
{
	struct confinement confinement;
	struct error error = { "" };
	bool files = false;

	expect(chdir("logs") == 0 && symlink("../state/linked", "link") == 0, "a link");
	expect(can_make("link"), "a log behind it");
	confine_begin(&confinement);
	confine_allow_log(&confinement, "link");
	expect(confine_enter(&confinement, &files, &error) == 0, error.text);
	expect(unlink("../state/linked") < 0 || !files, "it is not removed");
	expect(can_make("../state/anew"), "where the link leads to");
	expect(can_make("here"), "where the link is");
	expect(!can_make("../pins/there") || !files, "and nowhere else");
}

static void a_log_may_be_a_link(void **state)
{
	in_child(confine_behind_link);
}

#define in_a_directory(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(needs_are_named),
		cmocka_unit_test(what_is_missing_is_named),
		in_a_directory(only_what_was_allowed_is_written),
		in_a_directory(a_log_may_be_a_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
