// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"

static enum log_level shown_level = LOG_INFO;

void log_set_level(enum log_level level)
{
	shown_level = level;
}

enum log_level log_get_level(void)
{
	return shown_level;
}

static const char *line_prefix(enum log_level level)
{
	switch (level) {
	case LOG_ERROR:
		return "sumun: error: ";
	case LOG_WARNING:
		return "sumun: warning: ";
	case LOG_DEBUG:
		return "sumun: debug: ";
	case LOG_INFO:
	case LOG_LIBRARY: /* libbpf puts its own name in front */
		break;
	}
	return "sumun: ";
}

/* One system call for the whole line, so that two writers do not mix theirs. */
static void write_line(const char *prefix, const char *line, size_t length)
{
	const struct iovec parts[] = {
		{ .iov_base = (void *)prefix, .iov_len = strlen(prefix) },
		{ .iov_base = (void *)line, .iov_len = length },
		{ .iov_base = (void *)"\n", .iov_len = 1 },
	};

	while (writev(STDERR_FILENO, parts, ARRAY_SIZE(parts)) < 0 && errno == EINTR)
		continue;
}

static void write_lines(const char *prefix, const char *text)
{
	do {
		size_t length = strcspn(text, "\n");

		write_line(prefix, text, length);
		text += length;
		text += *text == '\n';
	} while (*text);
}

void log_message(enum log_level level, const char *format, ...)
{
	CLEANUP_FREE char *text = NULL;
	int saved_errno = errno;
	va_list arguments;

	if (level > shown_level)
		return;
	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	/* Out of memory: the bare format still says what happened, if not to whom. */
	write_lines(line_prefix(level), text ? text : format);
	errno = saved_errno;
}
