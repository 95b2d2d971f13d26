/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for a terminal: numbers that can be read at a glance, tables whose columns line up. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { NUMBER_TEXT = 32 };

/* 1234567 -> "1,234,567". Exact. */
const char *number_format(uint64_t value, char buffer[NUMBER_TEXT]);
/*
 * A rate for reading: "0", "<0.1", "0.4", "12.3", "4,211", "1.25 M", "3.40 G". Three
 * significant digits from 100,000 on. Negative and NaN are "0".
 */
const char *rate_format(double per_second, char buffer[NUMBER_TEXT]);
/* Bytes for reading: "512 B", "1.5 KiB", "12.3 MiB". */
const char *bytes_format(double bytes, char buffer[NUMBER_TEXT]);

/*
 * Copies `text` with everything that could move a cursor, forge a line or turn the
 * order of what is read made visible. ASCII control characters and bytes that are not
 * UTF-8 become \xNN; the control characters U+0080..U+009F, line and paragraph
 * separators and bidirectional controls become \u202e; a backslash becomes two.
 * Always terminates; cuts at a whole character. Returns `buffer`.
 */
const char *text_escape(const char *text, char *buffer, size_t size);

enum { QUOTE_TEXT = 72 };

/*
 * For error sentences: `text` escaped, in single ticks, and shortened with "..." so
 * that what comes behind it (what to do) always fits. Returns `buffer`.
 */
const char *text_quote(const char *text, char buffer[QUOTE_TEXT]);

/*
 * Prints `text` in lines of 80 characters, `indent` blanks before each but the first, which goes
 * on where the cursor stands, at `column`. Breaks at blanks; a longer word stays whole.
 */
void text_wrap(const char *text, int column, int indent, FILE *out);

/*
 * How many letters must be put in, left out or changed to make one of the other (Levenshtein 1966).
 * For words that people type: what is longer than 31 bytes is as far from all as it is long.
 */
size_t text_distance(const char *a, const char *b);

/* Splits on commas and white space, in place. Returns the next word or NULL; start with *cursor =
 * text. */
char *text_next_word(char **cursor);

/*
 * Reads decimal digits at *cursor and moves behind them. -EINVAL when there are none or
 * a needless leading zero, -ERANGE when the value is over `max`; then nothing changes.
 */
int text_take_number(const char **cursor, uint64_t max, uint64_t *ret_value);

/*
 * Copies `text` line by line; where one is longer than `width` characters, which is 0 for any
 * length, it is cut and ends in an ellipsis.
 */
void text_print_cut(const char *text, size_t width, FILE *out);

struct table;

enum table_align { TABLE_LEFT, TABLE_RIGHT };

/* A table of `columns` (at least 1) columns, left-aligned and untitled; NULL when out of memory. */
struct table *table_new(size_t columns);
struct table *table_free(struct table *table); /* NULL is fine; returns NULL */
/* `title` is not copied. The head line is printed when any column has a title; NULL is none. */
void table_column(struct table *table, size_t column, const char *title, enum table_align align);
/*
 * Appends a cell; rows fill from the left. Text from outside goes through text_escape()
 * first. Memory failure is remembered and told by table_print().
 */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/*
 * Where there is no room: the column with the highest rank is left out first; of rank 0, as all are
 * at first, none is. Before that, texts of columns that may shrink are cut to `least` characters
 * or more, and end in an ellipsis; 0, as at first: they may not.
 */
void table_column_rank(struct table *table, size_t column, unsigned rank);
void table_column_shrink(struct table *table, size_t column, size_t least);
/* For what is printed from now on: lines of at most `width` characters, if that is possible. */
void table_fit(struct table *table, size_t width);
/* The titles of columns that table_fit() left out, with commas; returns how many. */
size_t table_print_left_out(const struct table *table, FILE *out);
size_t table_rows(const struct table *table);
/*
 * Two spaces between columns, `indent` in front, no blanks at line ends; widths count
 * UTF-8 characters. Cells of the last row may be missing. 0, or -ENOMEM and no output.
 */
int table_print(const struct table *table, FILE *out, int indent);

static inline void cleanup_table(struct table **table)
{
	table_free(*table);
}
#define CLEANUP_TABLE __attribute__((cleanup(cleanup_table)))
