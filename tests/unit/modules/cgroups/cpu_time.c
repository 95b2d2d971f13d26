/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include "modules/cgroups/cpu_time.h"

static void expect(const char *text, uint64_t user, uint64_t system)
{
	struct cpu_time time;

	cpu_time_parse(text, &time);
	assert_int_equal(time.user, user);
	assert_int_equal(time.system, system);
}

static void what_the_kernel_writes_is_read(void **state)
{
	expect("usage_usec 300\nuser_usec 100\nsystem_usec 200\ncore_sched.force_idle_usec 0\n",
	       100, 200);
	expect("usage_usec 1\nuser_usec 18446744073709551615\nsystem_usec 0\nnr_periods 0\n",
	       UINT64_MAX, 0);
}

static void what_is_missing_is_nothing(void **state)
{
	expect("", 0, 0);
	expect("usage_usec 5\n", 0, 0);
	expect("user_usec 7\n", 7, 0);
	expect("user_usec x\nsystem_usec \n", 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_kernel_writes_is_read),
		cmocka_unit_test(what_is_missing_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
