/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../unit.h"

#include "observe/owner_names.h"

static void owners(void **state)
{
	const struct owner program = { .kind = OWNER_PROGRAM, .tgid = 1234, .command = "cat" },
			   ended = { .kind = OWNER_ENDED, .command = "ls", .cgroup = CGROUP_ROOT },
			   unknown = { .kind = OWNER_UNKNOWN };
	CLEANUP_CGROUPS struct cgroups *cgroups = cgroups_new();
	CLEANUP_USERS struct users *users = users_new();
	char name[NAME_TEXT];

	assert_string_equal(name_process(&program, name), "1234");
	assert_string_equal(name_process(&ended, name), "ended");
	assert_string_equal(name_command(&program, name), "cat");
	assert_string_equal(name_command(&ended, name), "ls");
	assert_string_equal(name_user(&ended, users, name), "root");
	cgroups_remember(cgroups, UINT64_MAX, "/system.slice/a.service");
	assert_string_equal(name_cgroup(&(struct owner){ .cgroup = UINT64_MAX }, cgroups, name),
			    "a.service");
	assert_string_equal(name_process(&unknown, name), "-");
	assert_string_equal(name_command(&unknown, name), "-");
	assert_string_equal(name_user(&unknown, users, name), "-");
	assert_string_equal(name_cgroup(&unknown, cgroups, name), "-");
}

static void what_others_chose_is_escaped(void **state)
{
	const struct owner owner = { .command = "a\n\x1b[2J\xff", .cgroup = UINT64_MAX };
	CLEANUP_CGROUPS struct cgroups *cgroups = cgroups_new();
	char name[NAME_TEXT];

	assert_string_equal(name_command(&owner, name), "a\\x0a\\x1b[2J\\xff");
	cgroups_remember(cgroups, UINT64_MAX, "/a\x1b[2J\nb");
	name_cgroup(&owner, cgroups, name);
	assert_null(strchr(name, '\x1b'));
	assert_null(strchr(name, '\n'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owners),
		cmocka_unit_test(what_others_chose_is_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
