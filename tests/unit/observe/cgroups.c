/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is remembered; what the kernel says is tests/bpf/observe_cgroups.c's business. */
#include "../unit.h"

#include <stdio.h>

#include "observe/cgroups.h"

/* Behind what any kernel has given out: generation and number are 32 bits each. */
#define MADE_UP 0xfffffff000000000ULL

static const char *path_of(struct cgroups *cgroups, uint64_t id)
{
	static char path[CGROUP_PATH];

	return cgroups_path(cgroups, id, path);
}

static void the_root_is_known_everywhere(void **state)
{
	CLEANUP_CGROUPS struct cgroups *cgroups = cgroups_new();

	assert_non_null(cgroups);
	assert_string_equal(path_of(cgroups, 0), "/");
	assert_null(cgroups_free(NULL));
}

static void what_was_never_seen_is_a_number(void **state)
{
	CLEANUP_CGROUPS struct cgroups *cgroups = cgroups_new();
	static const char number[] = "cgroup 18446744004990074880";

	assert_non_null(cgroups);
	assert_int_equal(strncmp(path_of(cgroups, MADE_UP), number, strlen(number)), 0);
}

static void what_was_said_is_remembered(void **state)
{
	CLEANUP_CGROUPS struct cgroups *cgroups = cgroups_new();

	assert_non_null(cgroups);
	cgroups_remember(cgroups, MADE_UP, "/one");
	cgroups_remember(cgroups, MADE_UP + CGROUPS_MAX, "/of the same bucket");
	cgroups_remember(cgroups, MADE_UP, "/never renamed");
	assert_string_equal(path_of(cgroups, MADE_UP), "/one");
	assert_string_equal(path_of(cgroups, MADE_UP + CGROUPS_MAX), "/of the same bucket");
}

/* The first are of four buckets, with long chains. */
static uint64_t made_up(uint64_t i)
{
	return i < 100 ? MADE_UP + i * (CGROUPS_MAX / 4) : MADE_UP + (1 << 30) + i * 3;
}

static void the_oldest_that_are_gone_make_room(void **state)
{
	const uint64_t more = 1000;
	CLEANUP_CGROUPS struct cgroups *cgroups = cgroups_new();
	char path[32];

	assert_non_null(cgroups);
	for (uint64_t i = 0; i < CGROUPS_MAX + more; i++) {
		snprintf(path, sizeof(path), "/gone/%u", (unsigned int)i);
		cgroups_remember(cgroups, made_up(i), path);
	}
	for (uint64_t i = 0; i < more; i++) {
		const char *said = path_of(cgroups, made_up(i));

		assert_row(strncmp(said, "cgroup ", 7) == 0, said);
	}
	/* Room that this machine's own cgroups take comes off. */
	for (uint64_t i = CGROUPS_MAX / 2; i < CGROUPS_MAX + more; i++) {
		snprintf(path, sizeof(path), "/gone/%u", (unsigned int)i);
		assert_string_equal(path_of(cgroups, made_up(i)), path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_root_is_known_everywhere),
		cmocka_unit_test(what_was_never_seen_is_a_number),
		cmocka_unit_test(what_was_said_is_remembered),
		cmocka_unit_test(the_oldest_that_are_gone_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
