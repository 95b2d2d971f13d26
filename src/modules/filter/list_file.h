/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists as text, as they are published: an entry a line, which is an address, a prefix or
 * a range "FIRST-LAST", IPv4 or IPv6. '#' and ';' begin a comment, behind an entry too.
 * Blank lines, blanks around an entry, CRLF and a byte order mark are fine.
 *
 * A line that is no entry is told with its number and left out, and so is an entry that
 * is wider than a list can mean: IPv4 wider than a /8, save what lies within 224.0.0.0/3;
 * IPv6 wider than a /12, save what lies outside 2000::/3. Lists of bogons hold these.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"
#include "base/error.h"
#include "modules/filter/ranges.h"

/* `line` counts from 1; 0 is the file as a whole. `text` is a sentence, fit for a terminal. */
typedef void list_problem(void *context, const char *path, unsigned line, const char *text);

struct list_rules {
	bool strict; /* one line that is left out refuses the list */
	/* Entries that hold all of one of these are left out. */
	const struct prefix *protected;
	size_t protected_count;
	list_problem *problem; /* may be NULL */
	void *context;
};

/* Lines of which the problem is told; how many more there were is told in one sentence. */
enum { LIST_PROBLEMS_TOLD = 20 };

/* Bytes of the largest file that is read. */
enum { LIST_FILE_MAX = 256 << 20 };

struct list_tally {
	size_t lines;
	size_t entries;  /* that were taken, before merging */
	size_t left_out; /* lines */
};

/*
 * Reads a list and merges it. `ret_ranges` is the caller's to free; `ret_tally` may be
 * NULL. -EINVAL when it is no text, when every entry had to be left out, or any and the
 * rules are strict; -EISDIR, -EFBIG, -ENOENT, -EACCES, ... A list of comments alone is
 * empty, which is no error.
 */
int list_file_read(const char *path, const struct list_rules *rules, struct ranges *ret_ranges,
		   struct list_tally *ret_tally, struct error *error);

/* The same from memory, which need not end in a NUL; `name` stands for the path. */
int list_file_parse(const char *text, size_t size, const char *name, const struct list_rules *rules,
		    struct ranges *ret_ranges, struct list_tally *ret_tally, struct error *error);

/* Whether it can be opened, and is a file of a size that is read. */
int list_file_check(const char *path, struct error *error);
