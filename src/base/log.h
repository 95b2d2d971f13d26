/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages for the person at the terminal or the journal: one line each, on
 * standard error. A function either logs or returns an error, never both.
 * What is not fatal ends in ", ignoring".
 */
#pragma once

enum log_level {
	LOG_ERROR,
	LOG_WARNING,
	LOG_INFO,    /* what was done, once; the default */
	LOG_DEBUG,   /* ours, with -v */
	LOG_LIBRARY, /* libbpf's own words, with -vv */
};

void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/*
 * One write(2) a line, so that the lines of several writers do not mix. Each line of a
 * longer text gets its own "sumun: "; one newline at the end is not needed and not kept.
 * Text from outside goes through text_quote() or text_escape() first. Keeps errno.
 */
void log_message(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...)   log_message(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_message(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_message(LOG_DEBUG, __VA_ARGS__)
