/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every unit test includes: cmocka with what it wants in front, and our own asserts. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/error.h"

#define assert_ok(expression) assert_int_equal((expression), 0)

/* Also in the message: which row of a table failed. */
#define assert_row(condition, text)                                       \
	do {                                                              \
		if (!(condition))                                         \
			fail_msg("'%s': not so: %s", (text), #condition); \
	} while (0)

/* An error has a sentence, with `part` in it, that fits where it is written and has no final stop.
 */
static inline void assert_error_contains(const struct error *error, const char *part)
{
	size_t length = strlen(error->text);

	if (!strstr(error->text, part))
		fail_msg("'%s' does not contain '%s'", error->text, part);
	assert_in_range(length, 1, ERROR_TEXT - 2);
	assert_int_not_equal(error->text[length - 1], '.');
}

/* Pseudo-random, the same on every run: splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}
