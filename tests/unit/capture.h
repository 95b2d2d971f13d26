/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a test makes the program write to standard output or standard error, as text. */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct capture {
	int fd;    /* 1 or 2 */
	int saved; /* what it was before */
	char text[65536];
};

static inline void capture_begin(struct capture *capture, int fd)
{
	int memory = memfd_create("capture", MFD_CLOEXEC);

	fflush(NULL);
	capture->fd = fd;
	capture->saved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	dup2(memory, fd);
	close(memory);
}

/* The text is valid until the next capture. */
static inline const char *capture_end(struct capture *capture)
{
	ssize_t size;

	fflush(NULL);
	size = pread(capture->fd, capture->text, sizeof(capture->text) - 1, 0);
	capture->text[size < 0 ? 0 : size] = '\0';
	dup2(capture->saved, capture->fd);
	close(capture->saved);
	return capture->text;
}

/* How often `part` stands in `text`. */
static inline int occurrences(const char *text, const char *part)
{
	int count = 0;

	for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
		count++;
	return count;
}
