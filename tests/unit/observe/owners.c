/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "observe/owners.h"

/* The accounts of these books are a number. */
static int fold(void *context, struct owner *into, struct owner *from)
{
	if (!into->accounts)
		into->accounts = calloc(1, sizeof(uint64_t));
	if (!into->accounts)
		return -1;
	*(uint64_t *)into->accounts += *(uint64_t *)from->accounts;
	free(from->accounts);
	from->accounts = NULL;
	return 0;
}

static void drop(void *context, struct owner *owner)
{
	free(owner->accounts);
}

static const struct owner_books numbers = { fold, drop, NULL };

static void one_ends(struct owners *owners, uint32_t tgid, const char *command)
{
	struct process_row row = { .tgid = tgid, .start = tgid, .cgroup = 1 };
	struct owner *owner;

	memcpy(row.command, command, strlen(command));
	owner = owners_program(owners, &row);
	assert_non_null(owner);
	owner->accounts = calloc(1, sizeof(uint64_t));
	assert_non_null(owner->accounts);
	*(uint64_t *)owner->accounts = 1;
	owners_end(owners, &row);
}

/* Whoever makes up names costs no more memory than so many. */
static void names_are_bounded(void **state)
{
	enum { NAMES = OWNERS_ENDED_MAX + 5000 };
	struct owners *owners = owners_new(NAMES, &numbers);
	uint64_t sum = 0, others = 0;
	size_t count = 0;

	assert_non_null(owners);
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < NAMES; i++) {
			char name[PROCESS_COMMAND + 1];

			snprintf(name, sizeof(name), "name %u", i);
			one_ends(owners, 1 + round * NAMES + i, name);
		}
		assert_int_equal(owners_fold(owners), 0);
	}
	for (struct owner *owner = owners_first(owners); owner; owner = owner->next) {
		sum += *(uint64_t *)owner->accounts;
		if (strcmp(owner->command, OWNERS_OTHERS) == 0)
			others += *(uint64_t *)owner->accounts;
		count++;
	}
	assert_int_equal(sum, 2 * NAMES);
	assert_int_equal(count, OWNERS_ENDED_MAX + 1);
	/* Those that have a row of their own keep it. */
	assert_int_equal(others, 2 * (NAMES - OWNERS_ENDED_MAX));
	owners_free(owners);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
