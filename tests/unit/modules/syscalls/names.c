/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <errno.h>

#include "modules/syscalls/names.h"

static void errors(void **state)
{
	char name[ERRNO_NAME];

	assert_string_equal(name_error(ENOENT, name), "ENOENT");
	assert_string_equal(name_error(600, name), "errno 600");
	assert_string_equal(name_error(ERROR_UNKNOWN, name), "others");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
