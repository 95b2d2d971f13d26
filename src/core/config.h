/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration: INI, read by inih, described by tables of settings.
 *
 * A setting's walk is: a line of the file, the row of a table, a field of a struct. The
 * same row prints the field again, so what sumun prints is what it reads. A list may be
 * spread over several lines: the key given again, or an indented line, adds to it.
 *
 * A section may be named, '[guard web]': then there are as many as the file gives, each
 * once, each with the same keys, and each fills an item of its own.
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
	size_t offset; /* of the field in the target, or in the item of a named section */
	const char *help;
};

enum { SECTION_NAME_SIZE = 16 };

/* What a section is besides its settings. */
struct section {
	const char *name; /* NULL behind the last */
	/*
	 * Of a named section. `make` adds an item with its defaults, whose name is new and made
	 * of 1 to 15 letters, digits, '-' and '_'; -EINVAL with the reason. `item` is the one
	 * at that index, in the order in which they were made, NULL behind the last.
	 */
	int (*make)(void *target, const char *name, void **ret_item, struct error *error);
	const void *(*item)(const void *target, size_t index, const char **ret_name);
	/*
	 * Do the values agree with each other? Asked once all of the file was read and nothing
	 * was wrong, for each item of a named section, else with the target as `item`. May be
	 * NULL. The defaults must pass, and so must what is printed.
	 */
	int (*check)(const void *target, const void *item, struct error *error);
};

/*
 * Settings and the struct that they fill. The rows of a section stand one behind the other,
 * in one table.
 */
struct setting_table {
	const struct setting *settings;
	size_t count;
	void *target;
	const struct section *sections; /* those that are more than their rows; may be NULL */
};

/* Of all tables together; and sections in a file. */
enum { SETTINGS_MAX = 128, SECTIONS_MAX = 96 };

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

/* What a table says of a section that is more than its rows; NULL: it is not. */
const struct section *config_section(const struct setting_table *table, const char *name);

/* Writes the effective configuration in the form that config_read() reads. */
void config_print(const struct setting_table *tables, size_t count, FILE *out);
