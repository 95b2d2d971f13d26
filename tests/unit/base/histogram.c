/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/histogram.h"
#include "../unit.h"

static char *print(const uint64_t *buckets, size_t count, int indent)
{
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	histogram_print(buckets, count, indent, memory);
	fclose(memory);
	return text;
}

static void only_what_lies_between_is_shown(void **state)
{
	const uint64_t buckets[12] = { [8] = 20, [10] = 1 };
	char *text = print(buckets, 12, 1);

	assert_string_equal(text, "    256 ns .. 512 ns                20  "
				  "########################################\n"
				  "    512 ns .. 1.02 us                0\n"
				  "   1.02 us .. 2.05 us                1  ##\n");
	free(text);
}

static void whatever_is_there_has_a_mark(void **state)
{
	const uint64_t buckets[3] = { 1000000000, 0, 1 };
	char *text = print(buckets, 3, 0);

	assert_non_null(strstr(text, "     0 ns .. 2 ns       1,000,000,000  ####"));
	/* The last has no end. */
	assert_non_null(strstr(text, "     4 ns ..                        1  #\n"));
	free(text);
}

static void nothing_is_nothing(void **state)
{
	const uint64_t buckets[3] = { 0 };
	char *text = print(buckets, 3, 0);

	assert_string_equal(text, "");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_lies_between_is_shown),
		cmocka_unit_test(whatever_is_there_has_a_mark),
		cmocka_unit_test(nothing_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
