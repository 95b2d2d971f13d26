// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

struct column {
	const char *title;
	enum table_align align;
};

struct table {
	char **cells; /* row after row */
	size_t cell_count;
	size_t cell_space;
	bool out_of_memory;
	size_t column_count;
	struct column columns[];
};

struct table *table_new(size_t columns)
{
	struct table *table;
	size_t size;

	if (__builtin_mul_overflow(columns, sizeof(table->columns[0]), &size) ||
	    __builtin_add_overflow(size, sizeof(*table), &size))
		return NULL;
	table = calloc(1, size);
	if (table)
		table->column_count = columns;
	return table;
}

struct table *table_free(struct table *table)
{
	if (!table)
		return NULL;
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
	return NULL;
}

void table_column(struct table *table, size_t column, const char *title, enum table_align align)
{
	table->columns[column] = (struct column){ .title = title, .align = align };
}

static int reserve_cell(struct table *table)
{
	size_t space = table->cell_space ? 2 * table->cell_space : 16;
	char **cells;

	if (table->cell_count < table->cell_space)
		return 0;
	cells = reallocarray(table->cells, space, sizeof(cells[0]));
	if (!cells)
		return -ENOMEM;
	table->cells = cells;
	table->cell_space = space;
	return 0;
}

void table_cell(struct table *table, const char *format, ...)
{
	va_list arguments;
	char *text;
	int r;

	if (reserve_cell(table) < 0) {
		table->out_of_memory = true;
		return;
	}
	va_start(arguments, format);
	r = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (r < 0)
		table->out_of_memory = true;
	else
		table->cells[table->cell_count++] = text;
}

size_t table_rows(const struct table *table)
{
	return (table->cell_count + table->column_count - 1) / table->column_count;
}

/* Characters, not bytes: what is not a UTF-8 continuation starts one. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

/* Text of a cell or, for head, of a title; "" where there is none. */
static const char *cell_text(const struct table *table, bool head, size_t row, size_t column)
{
	size_t index = row * table->column_count + column;

	if (head)
		return table->columns[column].title ? table->columns[column].title : "";
	return index < table->cell_count ? table->cells[index] : "";
}

static bool has_head(const struct table *table)
{
	for (size_t i = 0; i < table->column_count; i++) {
		if (table->columns[i].title)
			return true;
	}
	return false;
}

static size_t column_width(const struct table *table, size_t column)
{
	size_t widest = text_width(cell_text(table, true, 0, column));

	for (size_t row = 0; row < table_rows(table); row++) {
		size_t width = text_width(cell_text(table, false, row, column));

		if (width > widest)
			widest = width;
	}
	return widest;
}

static void print_row(const struct table *table, const size_t *widths, bool head, size_t row,
		      FILE *out, int indent)
{
	/* Blanks are owed until text follows, so that no line ends in them. */
	size_t blanks = indent;

	for (size_t column = 0; column < table->column_count; column++) {
		const char *text = cell_text(table, head, row, column);
		size_t padding = widths[column] - text_width(text);
		bool right = table->columns[column].align == TABLE_RIGHT;

		if (right)
			blanks += padding;
		if (*text) {
			fprintf(out, "%*s%s", (int)blanks, "", text);
			blanks = 0;
		}
		if (!right)
			blanks += padding;
		blanks += 2;
	}
	fputc('\n', out);
}

int table_print(const struct table *table, FILE *out, int indent)
{
	CLEANUP_FREE size_t *widths = NULL;

	if (table->out_of_memory)
		return -ENOMEM;
	widths = calloc(table->column_count, sizeof(widths[0]));
	if (!widths)
		return -ENOMEM;
	for (size_t column = 0; column < table->column_count; column++)
		widths[column] = column_width(table, column);
	if (has_head(table))
		print_row(table, widths, true, 0, out, indent);
	for (size_t row = 0; row < table_rows(table); row++)
		print_row(table, widths, false, row, out, indent);
	return 0;
}
