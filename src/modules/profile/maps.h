/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of /proc/PID/maps. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct map_line {
	uint64_t start, end;
	uint64_t offset; /* in the file */
	dev_t device;
	ino_t inode;      /* 0: no file */
	const char *path; /* in the line; "[vdso]", "/usr/bin/x (deleted)"; "" for none */
};

/* Whether it is of code, which can be told before it is taken apart. */
bool map_line_is_code(const char *line);

/* Takes the line apart, whose end it cuts off. False: not such a line. */
bool map_line_parse(char *line, struct map_line *ret_line);

/* The last part of a path, without " (deleted)". */
void map_path_name(const char *path, char *buffer, size_t size);
