// SPDX-License-Identifier: GPL-2.0-or-later
/* A list of any bytes: what the fast reader takes, the careful one reads the same; ranges are
 * merged, are within the rules, survive their image, and their table finds their ends. */
#define FUZZ_BYTES
#include "fuzz.h"

#include "modules/filter/list_entry.h"
#include "modules/filter/list_file.h"
#include "modules/filter/prefix_table.h"

struct told {
	size_t lines; /* of the file */
	size_t count;
};

/* A problem has a line that is there, and a sentence that a terminal can show. */
static void check_problem(void *context, const char *path, unsigned line, const char *text)
{
	struct told *told = context;

	told->count++;
	require(line <= told->lines);
	require(*text && strlen(text) < ERROR_TEXT - 1);
	for (; *text; text++)
		require((uint8_t)*text >= 0x20 && *text != 0x7f);
}

static void compare_readers(const char *text, size_t size)
{
	struct list_entry fast, careful;
	const char *end = list_entry_scan(text, text + size, &fast);
	char copy[LIST_ENTRY_SIZE];

	if (!end)
		return;
	require(end > text && end <= text + size);
	require((size_t)(end - text) < sizeof(copy));
	memcpy(copy, text, (size_t)(end - text));
	copy[end - text] = '\0';
	require(list_entry_read(copy, &careful, NULL) == 0);
	require(fast.v4 == careful.v4 && fast.first == careful.first && fast.last == careful.last);
}

static void check_merged(const struct ranges *ranges)
{
	CLEANUP_FREE void *image = malloc(ranges_image_size(ranges));
	struct ranges_view view;

	ranges_write(ranges, image);
	require(ranges_read(image, ranges_image_size(ranges), &view, NULL) == 0);
	require(view.count4 == ranges->count4 && view.count6 == ranges->count6);
	require(!view.count4 || !memcmp(view.v4, ranges->v4, view.count4 * sizeof(*view.v4)));
	require(!view.count6 || !memcmp(view.v6, ranges->v6, view.count6 * sizeof(*view.v6)));
}

static void check_table(const struct ranges *ranges)
{
	struct prefix_input input = { .label = 3, .ranges = ranges_view(ranges) };
	CLEANUP_FREE void *memory = NULL;
	size_t pages;

	require(prefix_table_pages(&input, 1, &pages, NULL) == 0);
	memory = malloc(pages * PREFIX_PAGE_SIZE);
	require(prefix_table_build(&input, 1, memory, pages, NULL) == 0);
	for (size_t i = 0; i < ranges->count4; i++) {
		uint128 first = KEY_V4_LOW | ranges->v4[i].first;
		uint128 last = KEY_V4_LOW | ranges->v4[i].last;

		require(prefix_table_find(memory, pages, number_key(first)) == 3);
		require(prefix_table_find(memory, pages, number_key(last)) == 3);
		require((uint32_t)(first - 1) == UINT32_MAX ||
			prefix_table_find(memory, pages, number_key(first - 1)) == 0);
		require((uint32_t)(last + 1) == 0 ||
			prefix_table_find(memory, pages, number_key(last + 1)) == 0);
	}
	for (size_t i = 0; i < ranges->count6; i++) {
		uint128 ends[] = { key_number(ranges->v6[i].first),
				   key_number(ranges->v6[i].last) };

		for (int end = 0; end < 2; end++) {
			uint128 beyond = end ? ends[1] + 1 : ends[0] - 1;

			require(ends[end] >> 32 == 0xffff ||
				prefix_table_find(memory, pages, number_key(ends[end])) == 3);
			require(beyond >> 32 == 0xffff || beyond == (end ? 0 : ~(uint128)0) ||
				prefix_table_find(memory, pages, number_key(beyond)) == 0);
		}
	}
}

static void fuzz_bytes(const char *text, size_t size)
{
	static unsigned runs;
	CLEANUP_RANGES struct ranges ranges = {};
	CLEANUP_FREE char *exact = malloc(size + !size);
	struct told told = { .lines = 1 };
	struct list_rules rules = { .problem = check_problem, .context = &told };
	struct list_tally tally;
	struct error error = {};
	int r;

	memcpy(exact, text, size);
	for (size_t i = 0; i < size; i++)
		told.lines += text[i] == '\n';
	compare_readers(exact, size);
	rules.strict = size % 2;
	r = list_file_parse(exact, size, "fuzz", &rules, &ranges, &tally, &error);
	if (r < 0) {
		require_refusal(r, &error);
		return;
	}
	require(tally.lines <= told.lines && tally.entries + tally.left_out <= tally.lines);
	require(!tally.left_out == !told.count && !(rules.strict && tally.left_out));
	require(ranges.count4 + ranges.count6 <= tally.entries);
	check_merged(&ranges);
	if (runs++ % 32 == 0) /* tables are slow to build */
		check_table(&ranges);
}
