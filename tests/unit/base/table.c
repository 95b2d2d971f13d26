// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include "base/text.h"

/* More than this at once fails here as it does on a machine that has no more. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1:max_allocation_size_mb=1:log_path=/dev/null";
}

static void assert_printed(const struct table *table, int indent, const char *wanted)
{
	CLEANUP_FREE char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_ok(table_print(table, out, indent));
	fclose(out);
	assert_string_equal(text, wanted);
}

static void columns_line_up(void **state)
{
	CLEANUP_TABLE struct table *table = table_new(3);

	table_column(table, 0, "NAME", TABLE_LEFT);
	table_column(table, 1, "PACKETS", TABLE_RIGHT);
	table_column(table, 2, "WHY", TABLE_LEFT);
	table_cell(table, "%s", "a-long-name");
	table_cell(table, "%d", 7);
	table_cell(table, "banned");
	table_cell(table, "b");
	table_cell(table, "%d", 123456789);
	table_cell(table, "x");
	assert_int_equal(table_rows(table), 2);
	assert_printed(table, 0,
		       "NAME           PACKETS  WHY\n"
		       "a-long-name          7  banned\n"
		       "b            123456789  x\n");
	assert_printed(table, 4,
		       "    NAME           PACKETS  WHY\n"
		       "    a-long-name          7  banned\n"
		       "    b            123456789  x\n");
}

static void without_titles_there_is_no_head(void **state)
{
	CLEANUP_TABLE struct table *table = table_new(2);

	table_column(table, 1, NULL, TABLE_RIGHT);
	table_cell(table, "a");
	table_cell(table, "1");
	table_cell(table, "bb");
	table_cell(table, "22");
	assert_printed(table, 2, "  a    1\n  bb  22\n");
}

static void one_title_makes_a_head(void **state)
{
	CLEANUP_TABLE struct table *table = table_new(2);

	table_column(table, 1, "T", TABLE_LEFT);
	table_cell(table, "abc");
	assert_printed(table, 0, "     T\nabc\n");
}

static void an_empty_table_is_its_head(void **state)
{
	CLEANUP_TABLE struct table *titled = table_new(2), *bare = table_new(2);

	table_column(titled, 0, "A", TABLE_LEFT);
	table_column(titled, 1, "B", TABLE_RIGHT);
	assert_int_equal(table_rows(titled), 0);
	assert_printed(titled, 0, "A  B\n");
	assert_printed(bare, 0, "");
}

static void no_line_ends_in_blanks(void **state)
{
	CLEANUP_TABLE struct table *table = table_new(3);

	table_column(table, 2, NULL, TABLE_RIGHT);
	table_cell(table, "a");
	table_cell(table, "wide");
	table_cell(table, "wide");
	table_cell(table, "b");
	table_cell(table, "%s", "");
	table_cell(table, "%s", "");
	table_cell(table, "%s", "");
	table_cell(table, "c");
	table_cell(table, "%s", "");
	table_cell(table, "%s", "");
	table_cell(table, "%s", "");
	table_cell(table, "%s", "");
	assert_printed(table, 1,
		       " a  wide  wide\n"
		       " b\n"
		       "    c\n"
		       "\n");
}

static void the_last_row_may_be_short(void **state)
{
	CLEANUP_TABLE struct table *table = table_new(3);

	for (int i = 0; i < 4; i++)
		table_cell(table, "%d", i);
	assert_int_equal(table_rows(table), 2);
	assert_printed(table, 0, "0  1  2\n3\n");
	table_cell(table, "4");
	table_cell(table, "5");
	assert_int_equal(table_rows(table), 2);
	table_cell(table, "6");
	assert_int_equal(table_rows(table), 3);
}

static void widths_count_characters(void **state)
{
	CLEANUP_TABLE struct table *table = table_new(2);

	table_cell(table, "é→𝄞");
	table_cell(table, "|");
	table_cell(table, "abcd");
	table_cell(table, "|");
	assert_printed(table, 0, "é→𝄞   |\nabcd  |\n");
}

static void many_rows_are_kept_in_order(void **state)
{
	CLEANUP_TABLE struct table *table = table_new(2);
	CLEANUP_FREE char *text = NULL;
	char *cursor;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	for (int i = 0; i < 1000; i++)
		table_cell(table, "%d", i);
	assert_int_equal(table_rows(table), 500);
	assert_ok(table_print(table, out, 0));
	fclose(out);
	cursor = text;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(atoi(text_next_word(&cursor)), i);
	assert_null(text_next_word(&cursor));
}

static void memory_failure_is_told_at_the_end(void **state)
{
	CLEANUP_TABLE struct table *table = table_new(1);
	CLEANUP_FREE char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	table_cell(table, "fits");
	table_cell(table, "%*s", 64 << 20, "");
	table_cell(table, "fits again");
	assert_int_equal(table_print(table, out, 0), -ENOMEM);
	fclose(out);
	assert_int_equal(length, 0);
}

static void too_many_cells_are_told_as_well(void **state)
{
	const size_t fit = (1 << 20) / sizeof(char *);
	CLEANUP_TABLE struct table *table = table_new(1);

	for (size_t i = 0; i < fit + 1; i++)
		table_cell(table, "x");
	assert_int_equal(table_rows(table), fit);
	assert_int_equal(table_print(table, stdout, 0), -ENOMEM);
}

static void a_table_too_wide_is_refused(void **state)
{
	assert_null(table_new(SIZE_MAX / 16 + 1));
	assert_null(table_new(SIZE_MAX));
	assert_null(table_new(64 << 20));
}

static void freeing_nothing_is_fine(void **state)
{
	assert_null(table_free(NULL));
	assert_null(table_free(table_new(1)));
}

/* As narrow as it may get: what shrinks first, then what has a rank; the rest stays whole. */
static void what_has_no_room(void **state)
{
	static const struct {
		size_t width;
		const char *lines, *left_out;
	} rows[] = {
		{ 100, "PID  NAME       RATE  TIME\n  1  a-\xed\x95\x9c-b-c-d     7  1 ms\n", "" },
		{ 26, "PID  NAME       RATE  TIME\n  1  a-\xed\x95\x9c-b-c-d     7  1 ms\n", "" },
		{ 25, "PID  NAME      RATE  TIME\n  1  a-\xed\x95\x9c-b-c…     7  1 ms\n", "" },
		{ 21, "PID  NAME  RATE  TIME\n  1  a-\xed\x95\x9c…     7  1 ms\n", "" },
		{ 20, "PID  NAME       TIME\n  1  a-\xed\x95\x9c-b-c-d  1 ms\n", "RATE" },
		{ 15, "PID  NAME  TIME\n  1  a-\xed\x95\x9c…  1 ms\n", "RATE" },
		{ 14, "PID  TIME\n  1  1 ms\n", "NAME, RATE" },
		{ 1, "PID  TIME\n  1  1 ms\n", "NAME, RATE" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_TABLE struct table *table = table_new(4);
		CLEANUP_FREE char *left_out = NULL;
		size_t length;
		FILE *out = open_memstream(&left_out, &length);

		table_column(table, 0, "PID", TABLE_RIGHT);
		table_column(table, 1, "NAME", TABLE_LEFT);
		table_column(table, 2, "RATE", TABLE_RIGHT);
		table_column(table, 3, "TIME", TABLE_RIGHT);
		table_column_shrink(table, 1, 4);
		table_column_rank(table, 1, 1);
		table_column_rank(table, 2, 2);
		table_cell(table, "1");
		table_cell(table, "a-\xed\x95\x9c-b-c-d");
		table_cell(table, "7");
		table_cell(table, "1 ms");
		table_fit(table, rows[i].width);
		assert_printed(table, 0, rows[i].lines);
		table_print_left_out(table, out);
		fclose(out);
		assert_string_equal(left_out, rows[i].left_out);
	}
}

static void lines_that_are_too_long(void **state)
{
	CLEANUP_FREE char *cut = NULL;
	size_t length;
	FILE *out = open_memstream(&cut, &length);

	text_print_cut("12345\n123456\n\n\xed\x95\x9c\xed\x95\x9c\xed\x95\x9c\xed\x95\x9c"
		       "56\n",
		       5, out);
	text_print_cut("123456\n", 0, out);
	fclose(out);
	assert_string_equal(cut, "12345\n1234…\n\n"
				 "\xed\x95\x9c\xed\x95\x9c\xed\x95\x9c\xed\x95\x9c…\n123456\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_line_up),
		cmocka_unit_test(without_titles_there_is_no_head),
		cmocka_unit_test(one_title_makes_a_head),
		cmocka_unit_test(an_empty_table_is_its_head),
		cmocka_unit_test(what_has_no_room),
		cmocka_unit_test(lines_that_are_too_long),
		cmocka_unit_test(no_line_ends_in_blanks),
		cmocka_unit_test(the_last_row_may_be_short),
		cmocka_unit_test(widths_count_characters),
		cmocka_unit_test(many_rows_are_kept_in_order),
		cmocka_unit_test(memory_failure_is_told_at_the_end),
		cmocka_unit_test(too_many_cells_are_told_as_well),
		cmocka_unit_test(a_table_too_wide_is_refused),
		cmocka_unit_test(freeing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
