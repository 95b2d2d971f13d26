/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An error that a person can act on travels as two things: a negative errno,
 * which the caller decides by, and a sentence, which says what is wrong and what
 * to do. Functions return both; only the outermost caller prints (see log.h).
 */
#pragma once

#include <errno.h>

enum { ERROR_TEXT = 512 };

struct error {
	char text[ERROR_TEXT]; /* a sentence without the final stop; "" when nothing was said */
};

/*
 * Writes the sentence (truncated to fit) and returns `code`, a negative errno. `error`
 * may be NULL. Text from outside goes through text_quote() first.
 */
int error_set(struct error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Puts "<prefix>: " in front of what was already said (of strerror() when nothing was),
 * and returns `code`.
 */
int error_prefix(struct error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
