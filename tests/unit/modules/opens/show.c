/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <stdio.h>

#include "base/duration.h"
#include "event.h"
#include "modules/opens/show.h"

static struct open_names names;
static struct open_paths paths;
static struct open_view view;
static struct open_show show;
static char text[1 << 16];

static int set_up(void **state)
{
	int r = open_names_make(&names);

	names.mount_namespace = 77;
	return r;
}

static int tear_down(void **state)
{
	open_names_free(&names);
	return 0;
}

static void begin(size_t width, bool folded, uint64_t top)
{
	memset(text, 0, sizeof(text));
	show = (struct open_show){ .out = fmemopen(text, sizeof(text), "w"),
				   .width = width,
				   .folded = folded,
				   .top = top };
	assert_non_null(show.out);
}

static const char *end(void)
{
	fclose(show.out);
	return text;
}

static void make_view(struct made *made)
{
	made->event.mount_namespace = 77;
	assert_true(path_read(&made->event, &paths));
	open_view_make(&made->event, &paths, &names, &view);
	view.time = 1700000000 * NSEC_PER_SEC + 7 * NSEC_PER_MSEC;
}

static const char *line(size_t width, bool folded)
{
	begin(width, folded, 1);
	assert_true(open_show_line(&show, &view, &names));
	return end();
}

static const char *head(size_t width, bool folded)
{
	begin(width, folded, 1);
	open_show_head(&show);
	return end();
}

static size_t characters(const char *shown)
{
	size_t count = 0;

	for (; *shown && *shown != '\n'; shown++)
		count += ((unsigned char)*shown & 0xc0) != 0x80;
	return count;
}

static void whole_lines(void **state)
{
	struct made made = make_event("/etc/../lib/x", NULL, "x/lib/usr", 5);

	assert_string_equal(head(0, false), "TIME             PID COMMAND         USER       "
					    "RESULT    FLAGS            PATH\n");
	made.event.flags = 02000000;
	make_view(&made);
	assert_string_equal(line(0, false),
			    "22:13:20.007      10 cat             root       5         "
			    "RDONLY|CLOEXEC   /etc/../lib/x -> /usr/lib/x\n");
	made = make_event("/a\n\033[2J", NULL, "", -ENOENT);
	make_view(&made);
	assert_string_equal(line(0, false),
			    "22:13:20.007      10 cat             root       ENOENT    "
			    "RDONLY           /a\\x0a\\x1b[2J\n");
	made.event.mount_namespace = 78;
	assert_non_null(strstr(line(0, false), " (other mount namespace)\n"));
	view.count = 1204;
	assert_string_equal(head(0, true),
			    "   COUNT TIME             PID COMMAND         USER       "
			    "RESULT    FLAGS            PATH\n");
	assert_non_null(strstr(line(0, true), "  ×1,204 22:13:20.007      10 cat  "));
}

static void narrow_lines(void **state)
{
	struct made made =
		make_event("/usr/share/doc/a-package/examples/the-file", NULL, "", -ENOENT);

	memcpy(made.event.command, "profile_truth", 14);
	made.event.flags = 01101;
	make_view(&made);
	view.count = 1204;
	assert_string_equal(head(80, false), "TIME         PID COMMAND    FD     FLAGS  PATH\n");
	assert_string_equal(line(80, false), "22:13:20      10 profile_t… ENOENT W+CT   "
					     "/usr/share/doc/a-pa…/examples/the-file\n");
	assert_string_equal(head(80, true), "   COUNT     PID COMMAND    FD     FLAGS  PATH\n");
	assert_string_equal(line(80, true), "  ×1,204      10 profile_t… ENOENT W+CT   "
					    "/usr/share/doc/a-pa…/examples/the-file\n");
}

/* Both paths, and what must be known of them, have their share. */
static void two_paths(void **state)
{
	struct made made = make_event("/short", NULL, "the-end/of/some/long/path/of/a/begin", 5);

	make_view(&made);
	assert_string_equal(line(80, false), "22:13:20      10 cat        5      R      "
					     "/short -> /begin/a/of/pa…me/of/the-end\n");
	made = make_event("/begin/of/what/was/asked/for", NULL,
			  "the-end/of/some/long/path/of/a/begin", 5);
	made.event.marks |= OPEN_CHROOT;
	make_view(&made);
	assert_string_equal(line(80, false), "22:13:20      10 cat        5      R      "
					     "/begin…d/for -> /begin…he-end (chroot)\n");
}

/* Characters, not bytes, and never half of one. */
static void lines_that_fit(void **state)
{
	struct made made = make_event("/éééééééééééééééééééééééééééé", NULL, "aé/bé/cé", 3);

	make_view(&made);
	for (size_t width = 40; width < 200; width++)
		for (int folded = 0; folded < 2; folded++)
			assert_in_range(characters(line(width, folded)), 1, width);
	assert_non_null(strstr(line(200, false), "/éééééééééééééééééééééééééééé -> /cé/bé/aé\n"));
}

/* What is not shown is said with what it holds. */
static void pages(void **state)
{
	struct made failed = make_event("/none", NULL, "", -ENOENT),
		    made = make_event("/there", NULL, "there", 3);

	begin(0, true, 2);
	open_show_page(&show, 4, 1234, 5 * NSEC_PER_SEC);
	make_view(&made);
	view.count = 1000;
	assert_true(open_show_line(&show, &view, &names));
	assert_true(open_show_line(&show, &view, &names));
	view.count = 4;
	assert_false(open_show_line(&show, &view, &names));
	make_view(&failed);
	view.count = 3;
	assert_false(open_show_line(&show, &view, &names));
	/* What has no page is shown. */
	assert_true(open_show_line(&show, &view, &names));
	end();
	assert_non_null(strstr(text, ", in 5.00 s: 1,234, 4 different\n   COUNT TIME "));
	assert_non_null(strstr(text, "/there\n2 more rows are not shown (see -T): 7 opens, "
				     "3 failed\n\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_lines), cmocka_unit_test(narrow_lines),
		cmocka_unit_test(two_paths),   cmocka_unit_test(lines_that_fit),
		cmocka_unit_test(pages),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
