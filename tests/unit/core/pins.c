// SPDX-License-Identifier: GPL-2.0-or-later
/* What of the pins is about paths, directories and locks; objects need a kernel and root. */
#include "../unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/pins.h"

static int enter(void **state)
{
	static char directory[32];

	strcpy(directory, "/tmp/unit-pins.XXXXXX");
	*state = directory;
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int leave(void **state)
{
	return chdir("/") < 0 || rmdir(*state) < 0 ? -1 : 0;
}

static void paths_are_never_cut(void **state)
{
	char path[PINS_PATH] = "", name[PINS_PATH];

	assert_ok(pins_path(path, "/a", "b"));
	assert_string_equal(path, "/a/b");
	memset(name, 'x', sizeof(name));
	name[PINS_PATH - 4] = '\0';
	assert_ok(pins_path(path, "/a", name));
	assert_int_equal(strlen(path), PINS_PATH - 1);
	name[PINS_PATH - 4] = 'x';
	name[PINS_PATH - 3] = '\0';
	assert_int_equal(pins_path(path, "/a", name), -ENAMETOOLONG);
}

static void directories_are_ours_alone(void **state)
{
	struct error error = {};
	struct stat st;

	assert_ok(pins_make_directory("state", PINS_GROUP_READS, &error));
	assert_ok(stat("state", &st));
	assert_int_equal(st.st_mode & 07777, pins_group() == (gid_t)-1 ? 0700 : 0750);
	assert_ok(pins_make_directory("state", PINS_GROUP_READS, &error));
	assert_ok(pins_remove("state"));
	assert_int_equal(pins_make_directory("no/where", PINS_GROUP_READS, &error), -ENOENT);
	assert_error_contains(&error, "cannot make 'no/where'");
}

static void what_is_no_directory_is_refused(void **state)
{
	struct error error = {};

	assert_ok(symlink("/tmp", "link"));
	assert_int_equal(pins_make_directory("link", PINS_GROUP_READS, &error), -EPERM);
	assert_error_contains(&error, "could have put anything there");
	unlink("link");
	close(open("file", O_CREAT | O_WRONLY, 0600));
	assert_int_equal(pins_make_directory("file", PINS_GROUP_READS, &error), -EPERM);
	unlink("file");
	if (geteuid() != 0)
		return;
	assert_ok(mkdir("theirs", 0777));
	assert_ok(chown("theirs", 12345, 12345));
	assert_int_equal(pins_make_directory("theirs", PINS_GROUP_READS, &error), -EPERM);
	assert_error_contains(&error, "belongs to user 12345");
	rmdir("theirs");
}

static void a_tree_is_removed(void **state)
{
	assert_ok(mkdir("tree", 0700));
	assert_ok(mkdir("tree/links", 0700));
	assert_ok(mkdir("tree/links/deep", 0700));
	close(open("tree/a", O_CREAT | O_WRONLY, 0600));
	close(open("tree/links/b", O_CREAT | O_WRONLY, 0600));
	close(open("kept", O_CREAT | O_WRONLY, 0600));
	assert_ok(symlink("../kept", "tree/link"));
	assert_ok(pins_remove("tree"));
	assert_int_equal(access("tree", F_OK), -1);
	assert_ok(access("kept", F_OK));
	unlink("kept");
	assert_ok(pins_remove("tree"));
	assert_ok(pins_remove("no/where"));
}

static void locks_shut_each_other_out(void **state)
{
	struct error error = {};
	int one = -1, two = -1, three = -1;

	assert_ok(mkdir("locked", 0700));
	assert_ok(pins_lock("locked", PINS_LOCK_SHARED, false, &one, &error));
	assert_ok(pins_lock("locked", PINS_LOCK_SHARED, false, &two, &error));
	assert_int_equal(pins_lock("locked", PINS_LOCK_EXCLUSIVE, false, &three, &error),
			 -EWOULDBLOCK);
	assert_int_equal(three, -1);
	close(one);
	close(two);
	assert_ok(pins_lock("locked", PINS_LOCK_EXCLUSIVE, true, &three, &error));
	assert_int_equal(pins_lock("locked", PINS_LOCK_SHARED, false, &one, &error), -EWOULDBLOCK);
	close(three);
	assert_ok(pins_lock("locked", PINS_LOCK_SHARED, false, &one, &error));
	close(one);
	rmdir("locked");
	assert_int_equal(pins_lock("locked", PINS_LOCK_SHARED, false, &one, &error), -ENOENT);
	assert_error_contains(&error, "cannot open 'locked'");
}

#define in_a_directory(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_never_cut),
		in_a_directory(directories_are_ours_alone),
		in_a_directory(what_is_no_directory_is_refused),
		in_a_directory(a_tree_is_removed),
		in_a_directory(locks_shut_each_other_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
