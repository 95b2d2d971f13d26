/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "modules/cgroups/show.h"

#define DEEP "/kubepods.slice/burstable.slice/a-pod-of-a-long-name.slice/and-in-it-a-container"

static int set_up(void **state)
{
	CLEANUP_FREE struct cgroup_table *table = calloc(1, sizeof(*table));
	struct books *books = group_books_new();

	assert_non_null(table);
	group_books_begin_walk(books);
	group_books_walk(books, 1, "/", NULL);
	group_books_walk(books, 2, DEEP, NULL);
	group_books_end_walk(books, true);
	table->rows[0] = (struct cgroup_row){
		.id = 2, .counts = { .calls = 12345, .faults = 678, .voluntary = 90, .refused = 7 }
	};
	table->rows[0].counts.out[TRAFFIC_TCP] = (struct traffic){ 11, 2048 };
	assert_ok(group_books_add(books, table));
	*state = books;
	return 0;
}

static int tear_down(void **state)
{
	group_books_free(*state);
	return 0;
}

static char *show(const struct books *books, size_t width)
{
	const struct view_options options = { .flat = true };
	CLEANUP_VIEW struct view view = VIEW_NONE;
	struct report report = { .view = &view, .hooks = "", .elapsed = NSEC_PER_SEC, .top = 30 };
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	assert_non_null(memory);
	assert_ok(group_view_make(books, &options, &view));
	group_show_text(&report, width, memory);
	fclose(memory);
	return text;
}

/* In characters: an ellipsis is one. */
static size_t longest_line(const char *text)
{
	size_t longest = 0, length = 0;

	for (; *text; text++) {
		length += ((unsigned char)*text & 0xc0) != 0x80;
		longest = length > longest && *text != '\n' ? length : longest;
		if (*text == '\n')
			length = 0;
	}
	return longest;
}

static void where_there_is_room_all_is_shown(void **state)
{
	CLEANUP_FREE char *text = show(*state, 0);

	assert_non_null(strstr(text, "MADE  ACCEPTED  REFUSED  PACKETS"));
	assert_non_null(strstr(text, "tcp 11"));
	assert_null(strstr(text, "no room"));
}

/* What nothing stands in goes first, and then what is missed least. */
static void columns_go_by_their_rank(void **state)
{
	static const struct {
		size_t width;
		const char *there, *gone;
	} steps[] = {
		{ 92, "SWITCHES/s", "no room for MADE, ACCEPTED, PACKETS\n" },
		{ 80, "SWITCHES/s", "FAULTS/s" },
		{ 70, "CALLS/s", "SWITCHES/s" },
		{ 60, "2.0 KiB", "CALLS/s" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		CLEANUP_FREE char *text = show(*state, steps[i].width);

		print_message("# %zu:\n%s", steps[i].width, text);
		assert_in_range(longest_line(text), 1, steps[i].width);
		assert_non_null(strstr(text, steps[i].there));
		assert_non_null(strstr(strstr(text, "no room for "), steps[i].gone));
	}
}

/* Where there is no room at all, a name is left. */
static void names_stay(void **state)
{
	CLEANUP_FREE char *text = show(*state, 30);

	assert_non_null(strstr(text, "\na-pod-of-a-long-name.slice"));
	assert_null(strstr(text, "2.0 KiB"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(where_there_is_room_all_is_shown, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(columns_go_by_their_rank, set_up, tear_down),
		cmocka_unit_test_setup_teardown(names_stay, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
