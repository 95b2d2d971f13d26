/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <stdio.h>

#include "event.h"
#include "modules/opens/path.h"

static struct open_paths paths;

static void asked_and_opened(void **state)
{
	static const struct {
		const char *asked, *base, *opened;
		int result;
		const char *path, *got;
		bool differs;
	} rows[] = {
		{ "/etc/passwd", NULL, "passwd/etc", 3, "/etc/passwd", "/etc/passwd", false },
		{ "/etc//./passwd", NULL, "passwd/etc", 3, "/etc//./passwd", "/etc/passwd", false },
		{ "/lib/x", NULL, "x/lib/usr", 3, "/lib/x", "/usr/lib/x", true },
		{ "/none", NULL, "", -ENOENT, "/none", "", false },
		{ "file", "b/a", "file/b/a", 3, "/a/b/file", "/a/b/file", false },
		{ "../file", "b/a", "file/a", 3, "/a/b/../file", "/a/file", false },
		{ "file", "", "file", 3, "/file", "/file", false },
		{ ".", "b/a", "b/a", 3, "/a/b/.", "/a/b", false },
		{ "..", "", "", 3, "/..", "/", false },
		{ "", "b/a", "", -ENOENT, "/a/b/", "", false },
		{ "/", NULL, "", 3, "/", "/", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct made made =
			make_event(rows[i].asked, rows[i].base, rows[i].opened, rows[i].result);

		assert_row(path_read(&made.event, &paths), rows[i].asked);
		assert_string_equal(paths.asked, rows[i].path);
		assert_string_equal(paths.opened, rows[i].got);
		assert_row(paths.differs == rows[i].differs, rows[i].asked);
		assert_row(paths.asked_known && paths.asked_whole, rows[i].asked);
	}
}

static void what_is_not_known_is_said(void **state)
{
	struct made made = make_event("", NULL, "", -EFAULT);

	made.event.marks = OPEN_UNREADABLE;
	assert_true(path_read(&made.event, &paths));
	assert_string_equal(paths.asked, "<unreadable>");
	assert_false(paths.asked_known || paths.asked_whole);

	made = make_event("file", "", "", -EBADF);
	made.event.marks |= OPEN_BASE_UNKNOWN;
	made.event.directory = 999;
	assert_true(path_read(&made.event, &paths));
	assert_string_equal(paths.asked, "<descriptor 999>/file");
	assert_false(paths.asked_whole);

	made = make_event("file", "b/a", "file/b/a", 3);
	made.event.base_walk = OPEN_WALK_CUT;
	made.event.opened_walk = OPEN_WALK_CUT;
	assert_true(path_read(&made.event, &paths));
	assert_string_equal(paths.asked, "<...>/a/b/file");
	assert_string_equal(paths.opened, "<...>/a/b/file");
	assert_false(paths.asked_whole);

	made = make_event("", NULL, "file/a", 3);
	made.event.call = OPEN_CALL_HANDLE;
	assert_true(path_read(&made.event, &paths));
	assert_string_equal(paths.asked, "<handle>");
	assert_string_equal(paths.opened, "/a/file");
	assert_true(paths.differs);

	made = make_event("/proc/self/fd/0", NULL, "pipe", 3);
	made.event.opened_walk = OPEN_WALK_NOWHERE;
	assert_true(path_read(&made.event, &paths));
	assert_string_equal(paths.opened, "<nowhere>/pipe");
}

static void events_that_contradict_themselves(void **state)
{
	struct made good = make_event("file", "b/a", "file/b/a", 3), bad;

	assert_true(path_read(&good.event, &paths));
	bad = good;
	bad.event.header.size--;
	assert_false(path_read(&bad.event, &paths));
	bad = good;
	bad.event.asked = 0;
	assert_false(path_read(&bad.event, &paths));
	bad = good;
	bad.event.asked--;
	bad.event.base++;
	assert_false(path_read(&bad.event, &paths));
	bad = good;
	bad.text[bad.event.header.size - sizeof(bad.event) - 1] = 'x';
	assert_false(path_read(&bad.event, &paths));
	bad = good;
	bad.event.base = OPEN_PATH + 1;
	assert_false(path_read(&bad.event, &paths));
}

/* Two of the longest, of names of one byte and of the longest names: nothing is cut. */
static void longest(void **state)
{
	static char asked[OPEN_PATH], names[OPEN_PATH];
	struct made made;

	memset(asked, 'a', OPEN_PATH - 1);
	for (size_t i = 0; i < OPEN_PATH - 1; i++)
		names[i] = i % 2 ? '/' : 'n';
	made = make_event(asked, names, "", -ENAMETOOLONG);
	assert_int_equal(made.event.base, OPEN_PATH);
	assert_true(path_read(&made.event, &paths));
	assert_int_equal(strlen(paths.asked), OPEN_PATH + 1 + OPEN_PATH - 1);
}

static void clean(void **state)
{
	static const char *const rows[][2] = {
		{ "/", "/" },
		{ "//", "/" },
		{ "/a/", "/a" },
		{ "/a/./b//c", "/a/b/c" },
		{ "/a/../b", "/b" },
		{ "/../../a", "/a" },
		{ "/a/b/../..", "/" },
		{ "/a/...", "/a/..." },
		{ "/.a/..b", "/.a/..b" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char path[32];

		strcpy(path, rows[i][0]);
		path_clean(path);
		assert_string_equal(path, rows[i][1]);
	}
}

static void literals(void **state)
{
	static const struct {
		const char *pattern;
		size_t length;
	} rows[] = { { "/etc/*", 5 }, { "*", 0 },      { "/a?b", 2 },
		     { "/a[bc]", 2 }, { "/a\\*b", 2 }, { "/etc/passwd", 11 } };
	char literal[OPEN_PREFIX], pattern[100];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(path_literal(rows[i].pattern, literal), rows[i].length);
		assert_memory_equal(literal, rows[i].pattern, rows[i].length);
	}
	memset(pattern, 'a', sizeof(pattern));
	pattern[99] = '\0';
	assert_int_equal(path_literal(pattern, literal), OPEN_PREFIX);
}

static void patterns(void **state)
{
	assert_true(path_matches("/etc/ssl/certs", "/etc/*"));
	assert_false(path_matches("/etc", "/etc/*"));
	assert_true(path_matches("/home/a/.ssh/id", "*/.ssh/*"));
	assert_true(path_matches("/a*b", "/a\\*b"));
	assert_false(path_matches("/axb", "/a\\*b"));
}

static void patterns_that_match_nothing(void **state)
{
	struct error error = { "" };

	assert_int_equal(path_check_pattern("/etc/*", NULL), 0);
	assert_int_equal(path_check_pattern("*.conf", NULL), 0);
	assert_int_equal(path_check_pattern("etc/*", &error), -EINVAL);
	assert_string_equal(error.text, "'etc/*' matches no path: begin with '/' or '*', as in "
					"'/etc/*' or '*.conf'");
	assert_int_equal(path_check_pattern("", NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_and_opened),
		cmocka_unit_test(what_is_not_known_is_said),
		cmocka_unit_test(events_that_contradict_themselves),
		cmocka_unit_test(longest),
		cmocka_unit_test(clean),
		cmocka_unit_test(literals),
		cmocka_unit_test(patterns),
		cmocka_unit_test(patterns_that_match_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
