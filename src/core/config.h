/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration: INI, read by inih, described by tables of settings.
 *
 * A setting's walk is: a line of the file, the row of a table, a field of a struct. The
 * same row prints the field again, so what sumun prints is what it reads. A list may be
 * spread over several lines: the key given again, or an indented line, adds to it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

struct setting {
	const char *section;
	const char *key;
	bool list; /* may be given more than once */
	/* Reads one value (of a list: one line of words) into the field; -EINVAL with the reason.
	 */
	int (*parse)(const char *value, void *field, struct error *error);
	/* Writes the value as `parse` reads it, "" for an empty list; no line end. */
	void (*print)(const void *field, FILE *out);
	size_t offset; /* of the field in the target */
	const char *help;
};

/* Settings and the struct that they fill. */
struct setting_table {
	const struct setting *settings;
	size_t count; /* at most SETTINGS_MAX */
	void *target;
};

enum { SETTINGS_MAX = 64 };

/*
 * Reads `path` into the targets, which hold the defaults. Every problem is told to
 * `problem` with its line (0: the file as a whole); the result is -EINVAL then, and the
 * targets are not to be used. -ENOENT, -EACCES, ... when the file cannot be read.
 */
typedef void config_problem(void *context, const char *path, unsigned line, const char *text);

int config_read(const char *path, const struct setting_table *tables, size_t count,
		config_problem *problem, void *context);

/* The same from memory; `name` stands for the path. */
int config_read_text(const char *text, size_t size, const char *name,
		     const struct setting_table *tables, size_t count, config_problem *problem,
		     void *context);

/* Writes the effective configuration in the form that config_read() reads. */
void config_print(const struct setting_table *tables, size_t count, FILE *out);
