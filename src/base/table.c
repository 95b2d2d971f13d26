// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define ELLIPSIS "…"

enum { GAP = 2 }; /* blanks between columns */

struct column {
	const char *title;
	enum table_align align;
	unsigned rank; /* 0: never left out */
	size_t least;  /* 0: never cut */
	size_t limit;  /* to which it is cut; 0: it is not */
	bool left_out;
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

void table_column_rank(struct table *table, size_t column, unsigned rank)
{
	table->columns[column].rank = rank;
}

void table_column_shrink(struct table *table, size_t column, size_t least)
{
	table->columns[column].least = least;
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

/* How many bytes the first `width` characters have; all, if there are no more. */
static size_t text_bytes(const char *text, size_t width)
{
	size_t bytes = 0;

	for (; text[bytes]; bytes++)
		if ((text[bytes] & 0xc0) != 0x80 && width-- == 0)
			break;
	return bytes;
}

void text_print_cut(const char *text, size_t width, FILE *out)
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		bool cut = width && text_bytes(text, width) < length;

		fprintf(out, "%.*s%s\n", (int)(cut ? text_bytes(text, width - 1) : length), text,
			cut ? ELLIPSIS : "");
		text += length + (text[length] == '\n');
	}
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
	size_t limit = table->columns[column].limit;

	for (size_t row = 0; row < table_rows(table); row++) {
		size_t width = text_width(cell_text(table, false, row, column));

		if (width > widest)
			widest = width;
	}
	return limit && limit < widest ? limit : widest;
}

/* ---- less than everything ----------------------------------------------------------------- */

static size_t line_width(const struct table *table)
{
	size_t sum = 0;

	for (size_t i = 0; i < table->column_count; i++)
		if (!table->columns[i].left_out)
			sum += column_width(table, i) + (sum ? GAP : 0);
	return sum;
}

/* From the widest on. Returns whether lines are short enough then. */
static bool shrink(struct table *table, size_t width)
{
	while (line_width(table) > width) {
		struct column *widest = NULL;
		size_t most = 0;

		for (size_t i = 0; i < table->column_count; i++) {
			struct column *column = &table->columns[i];
			size_t now = column_width(table, i);

			if (column->left_out || !column->least || now <= column->least)
				continue;
			if (now > most) {
				most = now;
				widest = column;
			}
		}
		if (!widest)
			return false;
		widest->limit = most - 1;
	}
	return true;
}

static struct column *first_to_go(struct table *table)
{
	struct column *first = NULL;

	for (size_t i = 0; i < table->column_count; i++) {
		struct column *column = &table->columns[i];

		if (!column->left_out && column->rank && (!first || column->rank > first->rank))
			first = column;
	}
	return first;
}

void table_fit(struct table *table, size_t width)
{
	struct column *column;

	while (!shrink(table, width) && (column = first_to_go(table))) {
		column->left_out = true;
		/* What was cut may find room now. */
		for (size_t i = 0; i < table->column_count; i++)
			table->columns[i].limit = 0;
	}
}

size_t table_print_left_out(const struct table *table, FILE *out)
{
	size_t count = 0;

	for (size_t i = 0; i < table->column_count; i++)
		if (table->columns[i].left_out && table->columns[i].title)
			fprintf(out, "%s%s", count++ ? ", " : "", table->columns[i].title);
	return count;
}

/* ---- printing ----------------------------------------------------------------------------- */

static void print_row(const struct table *table, const size_t *widths, bool head, size_t row,
		      FILE *out, int indent)
{
	/* Blanks are owed until text follows, so that no line ends in them. */
	size_t blanks = indent;

	for (size_t column = 0; column < table->column_count; column++) {
		const char *text = cell_text(table, head, row, column);
		size_t width = text_width(text), padding;
		bool cut = width > widths[column];
		bool right = table->columns[column].align == TABLE_RIGHT;

		if (table->columns[column].left_out)
			continue;
		padding = cut ? 0 : widths[column] - width;
		if (right)
			blanks += padding;
		if (*text) {
			fprintf(out, "%*s%.*s%s", (int)blanks, "",
				(int)(cut ? text_bytes(text, widths[column] - 1) : strlen(text)),
				text, cut ? ELLIPSIS : "");
			blanks = 0;
		}
		if (!right)
			blanks += padding;
		blanks += GAP;
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
