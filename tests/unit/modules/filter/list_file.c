// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "modules/filter/list_entry.h"
#include "modules/filter/list_file.h"

/* What was told, one line "LINE: TEXT" each. */
struct told {
	char text[8192];
	unsigned count;
};

static void remember(void *context, const char *path, unsigned line, const char *text)
{
	struct told *told = context;
	size_t length = strlen(told->text);

	told->count++;
	assert_string_equal(path, "test");
	snprintf(told->text + length, sizeof(told->text) - length, "%u: %s\n", line, text);
}

/* Ranges as text: "1.2.3.4-1.2.3.5 2001:db8::-2001:db8::1 ". */
static void print(const struct ranges *ranges, char *buffer, size_t size)
{
	size_t length = 0;

	*buffer = '\0';
	for (size_t i = 0; i < ranges->count4 + ranges->count6; i++) {
		struct address ends[2];
		char first[ADDRESS_TEXT], last[ADDRESS_TEXT];

		for (int end = 0; end < 2; end++) {
			uint64_t halves[2];

			if (i < ranges->count4) {
				const struct range4 *range = &ranges->v4[i];

				ends[end] = address_from_v4(
					__builtin_bswap32(end ? range->last : range->first));
				continue;
			}
			halves[0] = (&ranges->v6[i - ranges->count4].first)[end].high;
			halves[1] = (&ranges->v6[i - ranges->count4].first)[end].low;
			halves[0] = __builtin_bswap64(halves[0]);
			halves[1] = __builtin_bswap64(halves[1]);
			ends[end] = address_from_v6(halves);
		}
		length += (size_t)snprintf(buffer + length, size - length, "%s-%s ",
					   address_format(&ends[0], first),
					   address_format(&ends[1], last));
	}
}

/* Parses from memory that ends where the text does. */
static int parse_bytes(const char *text, size_t size, struct list_rules *rules,
		       struct ranges *ranges, struct list_tally *tally, struct error *error)
{
	CLEANUP_FREE char *copy = malloc(size + !size);

	memcpy(copy, text, size);
	return list_file_parse(copy, size, "test", rules, ranges, tally, error);
}

static void expect_list(const char *text, const char *ranges_text, const char *told_text)
{
	CLEANUP_RANGES struct ranges ranges = {};
	struct told told = {};
	struct list_rules rules = { .problem = remember, .context = &told };
	char printed[2048];

	assert_row(parse_bytes(text, strlen(text), &rules, &ranges, NULL, NULL) == 0, text);
	print(&ranges, printed, sizeof(printed));
	if (strcmp(printed, ranges_text))
		fail_msg("'%s' is '%s', not '%s'", text, printed, ranges_text);
	if (!strstr(told.text, told_text) || !*told_text != !*told.text)
		fail_msg("'%s': told was '%s', not '%s'", text, told.text, told_text);
}

static void entries_have_many_forms(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "\n\n", "" },
		{ "# nothing\n; at all\n   \t # here\n", "" },
		{ "1.2.3.4", "1.2.3.4-1.2.3.4 " },
		{ "1.2.3.4\n", "1.2.3.4-1.2.3.4 " },
		{ "1.2.3.4\r\n5.6.7.8\r\n", "1.2.3.4-1.2.3.4 5.6.7.8-5.6.7.8 " },
		{ "1.2.3.4\r", "1.2.3.4-1.2.3.4 " },
		{ "\xef\xbb\xbf"
		  "1.2.3.4",
		  "1.2.3.4-1.2.3.4 " },
		{ "  \t1.2.3.4 \v\f ", "1.2.3.4-1.2.3.4 " },
		{ "1.10.16.0/20 ; SBL256894", "1.10.16.0-1.10.31.255 " },
		{ "1.2.3.4#x\n5.6.7.8;y;z\n", "1.2.3.4-1.2.3.4 5.6.7.8-5.6.7.8 " },
		{ "1.2.3.4 # a ; b\r\n", "1.2.3.4-1.2.3.4 " },
		{ "1.2.3.4-1.2.4.9", "1.2.3.4-1.2.4.9 " },
		{ "1.2.3.4 - 1.2.4.9 # both", "1.2.3.4-1.2.4.9 " },
		{ "2001:db8::1 - 2001:db8::3", "2001:db8::1-2001:db8::3 " },
		{ "2001:db8::-2001:db8::3", "2001:db8::-2001:db8::3 " },
		{ "10.0.0.0/8", "10.0.0.0-10.255.255.255 " },
		{ "0.0.0.0/8", "0.0.0.0-0.255.255.255 " },
		{ "255.255.255.255", "255.255.255.255-255.255.255.255 " },
		{ "224.0.0.0/4\n240.0.0.0/4\n", "224.0.0.0-255.255.255.255 " },
		{ "224.0.0.0/3", "224.0.0.0-255.255.255.255 " },
		{ "2001:DB8:AbCd::/48", "2001:db8:abcd::-2001:db8:abcd:ffff:ffff:ffff:ffff:ffff " },
		{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8-1:2:3:4:5:6:7:8 " },
		{ "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0-1:2:3:4:5:6:7:0 " },
		{ "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8-0:2:3:4:5:6:7:8 " },
		{ "::1", "::1-::1 " },
		{ "::/128", "::-:: " },
		{ "1::2/127", "1::2-1::3 " },
		{ "2001:db8::192.0.2.1", "2001:db8::c000:201-2001:db8::c000:201 " },
		{ "::ffff:192.0.2.1", "192.0.2.1-192.0.2.1 " },
		{ "::ffff:c000:200/120", "192.0.2.0-192.0.2.255 " },
		{ "8000::/1\n4000::/2\n", "4000::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff " },
		{ "::/3", "::-1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff " },
		{ "2600::/12", "2600::-260f:ffff:ffff:ffff:ffff:ffff:ffff:ffff " },
		{ "1.2.3.6\n1.2.3.4/31\n1.2.3.5", "1.2.3.4-1.2.3.6 " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect_list(rows[i][0], rows[i][1], "");
}

/* The others are taken all the same. */
static void a_bad_line_is_told_and_left_out(void **state)
{
	static const char *const rows[][2] = {
		{ "1.2.3", "2: address '1.2.3': an IPv4 address is four numbers" },
		{ "1.2.3.256", "2: address '1.2.3.256'" },
		{ "1.2.3.04", "without leading zeros" },
		{ "1.2.3.4.5", "2: " },
		{ "1.2.3.4 5.6.7.8", "2: address '1.2.3.4 5.6.7.8'" },
		{ "1.2.3.4\r5.6.7.8", "2: address '1.2.3.4\\x0d5.6.7.8'" },
		{ "1.2.3.4x", "2: " },
		{ "example.org", "2: address 'example.org': write it as in" },
		{ "x-y", "2: address 'x'" },
		{ "1.2.3.4-", "2: address ''" },
		{ "1.2.3.4/33", "the length goes from 0 to 32" },
		{ "1.2.3.4/", "the length goes from 0 to 32" },
		{ "1.2.3.4/032", "the length goes from 0 to 32" },
		{ "1.2.3.4/24", "meant is 1.2.3.0/24?" },
		{ "2001:db8::1/64", "meant is 2001:db8::/64?" },
		{ "2001:db8::/129", "the length goes from 0 to 128" },
		{ "fe80::1%eth0", "leave out the zone" },
		{ "1::2::3", "2: " },
		{ "1:2:3:4:5:6:7:8::", "2: " },
		{ "1:2:3:4::5:6:7:8", "2: " },
		{ "1:2:3:4:5:6:7:8:9", "2: " },
		{ "1.2.3.4-1.2.3.3", "it ends before it begins" },
		{ "1.2.3.4-::1", "it ends before it begins" },
		{ "0.0.0.0/0", "'0.0.0.0/0': too wide, a list covers at most a /8" },
		{ "0.0.0.0/7", "too wide" },
		{ "10.0.0.0-11.0.0.0", "too wide" },
		{ "192.0.0.0/2", "too wide" },
		{ "223.0.0.0-224.255.255.255", "too wide" },
		{ "::ffff:0:0/96", "too wide" },
		{ "::/0", "'::/0': too wide, a list covers at most a /12" },
		{ "::/2", "too wide" },
		{ "2000::/3", "too wide" },
		{ "2600::/11", "too wide" },
		{ "3fff::-4000::", "too wide" },
		{ "1fff:ffff::-2000::", "too wide" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[128];

		snprintf(text, sizeof(text), "9.9.9.9\n%s\n8.8.8.8", rows[i][0]);
		expect_list(text, "8.8.8.8-8.8.8.8 9.9.9.9-9.9.9.9 ", rows[i][1]);
	}
}

static void what_is_protected_is_not_listed(void **state)
{
	static const char *const own[] = { "192.168.1.0/24", "192.0.2.7",   "10.0.0.0/8",
					   "10.0.0.9",       "2001:db8::1", "2001:db8:7::/48" };
	static const struct {
		const char *entry;
		const char *holds; /* NULL: nothing */
	} rows[] = {
		{ "192.0.2.7", "192.0.2.7" },
		{ "192.0.2.0/24", "192.0.2.7" },
		{ "192.0.2.8/29", NULL },
		{ "192.0.2.0-192.0.2.6", NULL },
		{ "192.168.0.0/16", "192.168.1.0/24" },
		{ "192.168.1.0/24", "192.168.1.0/24" },
		{ "192.168.1.0/25", NULL },
		{ "192.168.1.77", NULL },
		{ "192.168.1.1-192.168.1.255", NULL },
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "10.1.0.0/16", NULL },
		{ "10.0.0.0/16", "10.0.0.9" }, /* though not all of 10.0.0.0/8 */
		{ "192.0.0.0/8", "192." },
		{ "2001:db8::/64", "2001:db8::1" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "2001:db8::2", NULL },
		{ "2001:db8:7::/47", NULL }, /* bits behind the length */
		{ "2001:db8:6::/47", "2001:db8:7::/48" },
		{ "2001:db8:7::/49", NULL },
		{ "::/8", NULL }, /* holds no IPv4 address */
		{ "203.0.113.0/24", NULL },
	};
	struct prefix protected[ARRAY_SIZE(own)];

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		assert_ok(prefix_parse(own[i], &protected[i], NULL));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_RANGES struct ranges ranges = {};
		struct told told = {};
		struct list_rules rules = { .protected = protected,
					    .protected_count = ARRAY_SIZE(own),
					    .problem = remember,
					    .context = &told };
		char text[80], said[128];

		snprintf(text, sizeof(text), "%s\n1.1.1.1\n", rows[i].entry);
		snprintf(said, sizeof(said), "1: '%s': it covers %s", rows[i].entry,
			 rows[i].holds ? rows[i].holds : "");
		assert_ok(parse_bytes(text, strlen(text), &rules, &ranges, NULL, NULL));
		assert_row(!strstr(told.text, "it covers") == !rows[i].holds, rows[i].entry);
		assert_row(!rows[i].holds || strstr(told.text, said), said);
	}
}

static void only_the_first_problems_are_told(void **state)
{
	for (unsigned bad = 19; bad < 23; bad++) {
		CLEANUP_RANGES struct ranges ranges = {};
		struct told told = {};
		struct list_rules rules = { .problem = remember, .context = &told };
		struct list_tally tally = {};
		char text[512] = "1.1.1.1\n", rest[64];

		for (unsigned i = 0; i < bad; i++)
			strcat(text, "bad\n");
		assert_ok(parse_bytes(text, strlen(text), &rules, &ranges, &tally, NULL));
		assert_int_equal(told.count,
				 bad <= LIST_PROBLEMS_TOLD ? bad : LIST_PROBLEMS_TOLD + 1);
		snprintf(rest, sizeof(rest), "0: and %u more\n", bad - LIST_PROBLEMS_TOLD);
		assert_int_equal(bad > LIST_PROBLEMS_TOLD, strstr(told.text, rest) != NULL);
		assert_int_equal(tally.lines, bad + 1);
		assert_int_equal(tally.entries, 1);
		assert_int_equal(tally.left_out, bad);
	}
}

/* Nothing is given out then. */
static void expect_refusal(const char *text, size_t size, bool strict, int code, const char *said)
{
	struct ranges ranges = { .count4 = 77 };
	struct list_rules rules = { .strict = strict };
	struct list_tally tally = { .lines = 77 };
	struct error error = {};

	assert_row(parse_bytes(text, size, &rules, &ranges, &tally, &error) == code, said);
	assert_error_contains(&error, said);
	assert_true(ranges.count4 == 77 && !ranges.v4 && tally.lines == 77);
}

static void a_list_can_be_refused_whole(void **state)
{
	expect_refusal("1.1.1.1\nbad\n", 12, true, -EINVAL, "'test': 1 of 2 lines are refused");
	expect_refusal("<html>\n<p>\n", 11, false, -EINVAL,
		       "nothing in it can be used, 2 of 2 lines");
	expect_refusal("1.1.1.1\n\0", 9, false, -EINVAL, "it holds NUL bytes");
	expect_refusal("\x1f\x8b\x08\0\0", 5, false, -EINVAL, "is it compressed?");
	expect_refusal("\xff\xfe"
		       "1\0.\0",
		       6, false, -EINVAL, "not a text");
	expect_list("1.1.1.1", "1.1.1.1-1.1.1.1 ", "");
}

static void a_line_may_have_any_length(void **state)
{
	enum { LONG = 100 << 20 };
	CLEANUP_FREE char *text = malloc(LONG);
	CLEANUP_RANGES struct ranges ranges = {};
	struct told told = {};
	struct list_rules rules = { .problem = remember, .context = &told };

	memset(text, '1', LONG);
	memcpy(text, "1.1.1.1\n", 8);
	assert_ok(list_file_parse(text, LONG, "test", &rules, &ranges, NULL, NULL));
	assert_non_null(strstr(told.text, "2: '111"));
	assert_non_null(strstr(told.text, "longer than any entry"));
	assert_int_equal(told.count, 1);
	ranges_free(&ranges);
	/* Blanks and comments do not count. */
	memset(text, ' ', LONG);
	memcpy(text + LONG / 2, "1.1.1.1 #", 9);
	memcpy(text + LONG - 8, "\n2.2.2.2", 8);
	assert_ok(list_file_parse(text, LONG, "test", &rules, &ranges, NULL, NULL));
	assert_int_equal(told.count, 1);
	assert_int_equal(ranges.count4, 2);
	ranges_free(&ranges);
	/* Between two addresses as well, but then only so many. */
	memset(text, ' ', 400);
	memcpy(text, "1.1.1.1-1.1.1.2", 15);
	text[399] = 'x';
	assert_int_equal(list_file_parse(text, 400, "test", &rules, &ranges, NULL, NULL), -EINVAL);
	assert_int_equal(told.count, 2);
}

/* ---- the two readers of entries --------------------------------------------------------- */

static void the_fast_reader_knows_common_forms_only(void **state)
{
	static const char *const rows[] = { "1.2.3.4",       "1.2.3.0/24",  "1.2.3.4-1.2.3.9",
					    "2001:db8::/32", "2001:db8::1", "1:2:3:4:5:6:7:8" };
	static const char *const others[] = {
		"",           "1.2.3.",     "1.2.3.04", "256.1.1.1",
		"1.2.3.4/33", "1.2.3.4/8",  "1:2",      "1:",
		":1",         "1::2::3",    "1::/129",  "12345::",
		"2001::1/64", "::ffff:1:2", "g::",      "1.2.3.4-1.2.3.3",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows) + ARRAY_SIZE(others); i++) {
		bool common = i < ARRAY_SIZE(rows);
		const char *text = common ? rows[i] : others[i - ARRAY_SIZE(rows)];
		size_t size = strlen(text);
		CLEANUP_FREE char *copy = malloc(size + !size);
		struct list_entry fast = {}, careful = {};

		memcpy(copy, text, size);
		assert_row(list_entry_scan(copy, copy + size, &fast) ==
				   (common ? copy + size : NULL),
			   text);
		if (!common)
			continue;
		assert_ok(list_entry_read(text, &careful, NULL));
		assert_row(fast.v4 == careful.v4 && fast.first == careful.first &&
				   fast.last == careful.last,
			   text);
	}
}

/* ---- files --------------------------------------------------------------------------------- */

static void expect_no_file(const char *path, int code, const char *said)
{
	struct ranges ranges = {};
	struct list_rules rules = {};
	struct error error = {};

	assert_row(list_file_read(path, &rules, &ranges, NULL, &error) == code, path);
	assert_error_contains(&error, said);
	assert_null(ranges.v4);
}

static void files_are_read_and_what_is_none_is_refused(void **state)
{
	char directory[] = "/tmp/sumun-list-XXXXXX", path[64];
	struct list_rules rules = {};
	struct ranges ranges = {};
	FILE *file;

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/list", directory);
	file = fopen(path, "w");
	for (unsigned i = 0; i < 30000; i++)
		fprintf(file, "10.%u.%u.1\n", i >> 8, i & 255);
	fclose(file);
	assert_ok(list_file_read(path, &rules, &ranges, NULL, NULL));
	assert_int_equal(ranges.count4, 30000);
	ranges_free(&ranges);
	/* It says that it is empty, and is not. */
	assert_int_equal(list_file_read("/proc/self/status", &rules, &ranges, NULL, NULL), -EINVAL);

	assert_ok(truncate(path, (off_t)LIST_FILE_MAX + 1));
	expect_no_file(path, -EFBIG, "larger than 256 MiB");
	expect_no_file(directory, -EISDIR, "a directory");
	assert_ok(unlink(path));
	expect_no_file(path, -ENOENT, "No such file");
	assert_ok(mkfifo(path, 0600));
	expect_no_file(path, -EINVAL, "not a file");
	expect_no_file("/dev/zero", -EINVAL, "not a file");
	assert_ok(unlink(path));
	assert_ok(rmdir(directory));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_have_many_forms),
		cmocka_unit_test(a_bad_line_is_told_and_left_out),
		cmocka_unit_test(what_is_protected_is_not_listed),
		cmocka_unit_test(only_the_first_problems_are_told),
		cmocka_unit_test(a_list_can_be_refused_whole),
		cmocka_unit_test(a_line_may_have_any_length),
		cmocka_unit_test(the_fast_reader_knows_common_forms_only),
		cmocka_unit_test(files_are_read_and_what_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
