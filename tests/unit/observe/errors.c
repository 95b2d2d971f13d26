// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include "observe/errors.h"

static void names_of_the_codes_that_matter(void **state)
{
	static const struct {
		unsigned code;
		const char *name;
	} rows[] = {
		{ 0, "errno 0" },
		{ 1, "EPERM" },
		{ 2, "ENOENT" },
		{ 11, "EAGAIN" },
		{ 35, "EDEADLK" },
		{ 41, "errno 41" },
		{ 95, "EOPNOTSUPP" },
		{ 133, "EHWPOISON" },
		{ 134, "errno 134" },
		{ 511, "errno 511" },
		{ 512, "ERESTARTSYS" },
		{ 513, "ERESTARTNOINTR" },
		{ 514, "ERESTARTNOHAND" },
		{ 515, "ENOIOCTLCMD" },
		{ 516, "ERESTART_RESTARTBLOCK" },
		{ 517, "EPROBE_DEFER" },
		{ 520, "errno 520" },
		{ 524, "ENOTSUPP" },
		{ 530, "ERECALLCONFLICT" },
		{ 531, "ENOGRACE" },
		{ 532, "errno 532" },
		{ 600, "errno 600" },
		{ ERRNO_LAST, "errno 4095" },
		{ UINT32_MAX, "errno 4294967295" },
	};
	char name[ERRNO_NAME];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(errno_name(rows[i].code, name), rows[i].name);
}

static void every_name_finds_its_code(void **state)
{
	char name[ERRNO_NAME];
	unsigned code, found;

	for (code = 1; code <= ERRNO_LAST; code++) {
		if (strncmp(errno_name(code, name), "errno ", 6) == 0)
			continue;
		assert_ok(errno_find(name, &found, NULL));
		assert_int_equal(found, code);
	}
}

/* Second names too: EWOULDBLOCK is EAGAIN. */
static void every_error_of_the_library_is_found(void **state)
{
	static const struct {
		const char *name;
		unsigned code;
	} rows[] = {
#define SYSTEM_CALL(name)
#define SYSTEM_ERROR(name) { #name, name },
#include "system_names.h"
	};
	unsigned code;

	assert_true(ARRAY_SIZE(rows) > 130);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_row(errno_find(rows[i].name, &code, NULL) == 0, rows[i].name);
		assert_row(code == rows[i].code, rows[i].name);
	}
}

static void what_is_no_name_is_refused(void **state)
{
	static const char *const rows[] = {
		"", "0", "2", "enoent", "ENOEN", "ENOENTT", "errno 41"
	};
	unsigned code = 77;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error error = {};

		assert_row(errno_find(rows[i], &code, &error) == -ENOENT, rows[i]);
		assert_error_contains(&error, rows[i]);
		assert_int_equal(code, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_the_codes_that_matter),
		cmocka_unit_test(every_name_finds_its_code),
		cmocka_unit_test(every_error_of_the_library_is_found),
		cmocka_unit_test(what_is_no_name_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
