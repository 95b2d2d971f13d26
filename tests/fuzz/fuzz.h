/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every fuzzer includes. A fuzzer is one function from text to nothing; it traps on what must
 * not be. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define require(condition)                                                                      \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

/* A refusal has a sentence: whole, on one line, and nothing in it that a terminal would obey. */
static inline void require_refusal(int code, const struct error *error)
{
	size_t length = strlen(error->text);

	require(code == -EINVAL);
	require(length > 0 && length < ERROR_TEXT - 1);
	for (size_t i = 0; i < length; i++)
		require((uint8_t)error->text[i] >= 0x20 && error->text[i] != 0x7f);
}

#ifdef FUZZ_BYTES /* the fuzzer takes bytes, NUL among them, instead of a C string */
static void fuzz_bytes(const char *bytes, size_t size);
#else
static void fuzz_text(const char *text);

static void fuzz_bytes(const char *bytes, size_t size)
{
	fuzz_text(bytes);
}
#endif

/* The parsers take C strings, in memory that ends where the string does. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	fuzz_bytes(text, size);
	return 0;
}
