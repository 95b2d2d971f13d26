/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../unit.h"

#include <pwd.h>
#include <stdio.h>

#include "observe/users.h"

static void numbers_have_names(void **state)
{
	CLEANUP_USERS struct users *users = users_new();
	char name[USER_TEXT];

	assert_non_null(users);
	assert_string_equal(users_name(users, 0, name), "root");
	assert_string_equal(users_name(users, 0, name), "root"); /* remembered */
	assert_string_equal(users_name(users, UINT32_MAX, name), "4294967295");
	assert_null(users_free(NULL));
}

static void users_of_one_slot_are_not_confused(void **state)
{
	CLEANUP_USERS struct users *users = users_new();
	char name[USER_TEXT], number[16];

	assert_non_null(users);
	for (uid_t slot = 0; slot < 3; slot++)
		for (uid_t turn = 0; turn < 3; turn++) {
			uid_t uid = slot + 0x7ff00000 + turn * 1024;

			snprintf(number, sizeof(number), "%u", uid);
			assert_string_equal(users_name(users, uid, name), number);
			assert_string_equal(users_name(users, 0, name), "root");
		}
}

static void names_have_numbers(void **state)
{
	static const struct {
		const char *text;
		uid_t uid;
	} rows[] = {
		{ "root", 0 },
		{ "0", 0 },
		{ "2147000000", 2147000000 },
		{ "4294967294", 4294967294 },
	};
	const struct passwd *daemon = getpwnam("daemon");
	struct error error = { "" };
	uid_t uid;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uid = 7;
		assert_row(user_find(rows[i].text, &uid, &error) == 0, error.text);
		assert_row(uid == rows[i].uid, rows[i].text);
	}
	assert_non_null(daemon);
	assert_ok(user_find("daemon", &uid, NULL));
	assert_int_equal(uid, daemon->pw_uid);
}

static void what_is_no_user(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *error;
	} rows[] = {
		{ "no-such-user-here", -ENOENT, "there is no user 'no-such-user-here'" },
		{ "-1", -ENOENT, "no user '-1'" },
		{ "", -EINVAL, "'' is not a user" },
		{ "4294967295", -EINVAL, "a number up to 4294967294" },
		{ "99999999999999999999999", -EINVAL, "a number up to" },
		{ "1000x", -EINVAL, "'1000x' is not a user" },
		{ "a\x1b[2J", -ENOENT, "'a\\x1b[2J'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error error = { "" };
		uid_t uid = 7;

		assert_row(user_find(rows[i].text, &uid, &error) == rows[i].code, rows[i].text);
		assert_error_contains(&error, rows[i].error);
		assert_int_equal(uid, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_have_names),
		cmocka_unit_test(users_of_one_slot_are_not_confused),
		cmocka_unit_test(names_have_numbers),
		cmocka_unit_test(what_is_no_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
