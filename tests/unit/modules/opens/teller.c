/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include "event.h"
#include "modules/opens/describe.h"
#include "modules/opens/fold.h"
#include "modules/opens/teller.h"

static unsigned shown;
static uint64_t opens;
static struct teller *ends; /* with the first line */
static unsigned most;       /* lines until the rest is summed up */
static size_t rows_told;
static uint64_t opens_told; /* by pages */

static bool show(void *context, const struct open_view *view, const struct open_names *names)
{
	opens += view->count;
	if (ends)
		teller_end(ends);
	return ++shown <= most;
}

static void page(void *context, size_t rows, uint64_t count, uint64_t elapsed)
{
	rows_told += rows;
	opens_told += count;
}

static struct teller *make(const char *pattern, bool fold)
{
	struct teller *teller = teller_new(pattern, fold, false, show, page, NULL);

	assert_non_null(teller);
	shown = 0;
	opens = 0;
	ends = NULL;
	most = UINT32_MAX;
	rows_told = 0;
	opens_told = 0;
	return teller;
}

static void tell(struct teller *teller, const char *path)
{
	struct made made = make_event(path, NULL, "", -ENOENT);

	teller_tell(teller, &made.event.header);
}

static void assert_counters(const struct teller *teller, uint64_t show_count, uint64_t filtered,
			    uint64_t unshown)
{
	struct teller_counters counters = teller_counters(teller);

	assert_int_equal(counters.shown, show_count);
	assert_int_equal(counters.filtered, filtered);
	assert_int_equal(counters.unshown, unshown);
}

static void one_by_one(void **state)
{
	struct teller *teller = make("/a*", false);

	tell(teller, "/a");
	tell(teller, "/b");
	tell(teller, "/a/b");
	assert_int_equal(shown, 2);
	assert_counters(teller, 2, 1, 0);
	teller_end(teller);
	tell(teller, "/a");
	assert_int_equal(shown, 2);
	assert_counters(teller, 2, 1, 1);
	teller_free(teller);
}

static void folded(void **state)
{
	struct teller *teller = make(NULL, true);

	for (int i = 0; i < 9; i++)
		tell(teller, i % 3 ? "/a" : "/b");
	assert_int_equal(shown, 0);
	teller_unfold(teller);
	assert_int_equal(shown, 2);
	assert_int_equal(rows_told, 2);
	assert_int_equal(opens_told, 9);
	assert_counters(teller, 9, 0, 0);
	/* The end may come with the first line of several. */
	for (int i = 0; i < 9; i++)
		tell(teller, i % 3 ? "/a" : "/b");
	ends = teller;
	teller_unfold(teller);
	assert_int_equal(shown, 3);
	assert_counters(teller, 9 + 6, 0, 3);
	teller_free(teller);
}

/* More different ones than can be kept: all are shown, some of them early. */
static void folded_beyond_measure(void **state)
{
	struct teller *teller = make(NULL, true);
	const unsigned many = 3 * FOLD_ROWS;

	for (unsigned i = 0; i < many; i++) {
		char path[16];

		snprintf(path, sizeof(path), "/%u", i);
		tell(teller, path);
	}
	assert_in_range(shown, 1, many - 1);
	teller_unfold(teller);
	assert_int_equal(opens, many);
	assert_counters(teller, many, 0, 0);
	teller_free(teller);
}

/* What was only told of in a sum was not shown, and is not lost. */
static void summed(void **state)
{
	struct teller *teller = make(NULL, true);
	struct open_counters kernel = { .seen = 6, .sent = 6 };
	char text[LEDGER_TEXT];

	most = 1;
	for (int i = 0; i < 6; i++)
		tell(teller, (const char *[]){ "/a", "/b", "/b", "/c", "/b", "/c" }[i]);
	teller_unfold(teller);
	assert_counters(teller, 3, 0, 0);
	assert_int_equal(teller_counters(teller).summed, 3);
	assert_string_equal(teller_ledger(teller, &kernel, text),
			    "6 opens seen = 3 shown + 3 in sums + 0 not asked for + 0 lost");
	teller_free(teller);
}

static void the_ledger(void **state)
{
	struct teller *teller = make("/a", false);
	struct open_counters kernel = { .seen = 1234, .sent = 2, .filtered = 1232 };
	char text[LEDGER_TEXT];

	tell(teller, "/a");
	tell(teller, "/b");
	assert_string_equal(teller_ledger(teller, &kernel, text),
			    "1,234 opens seen = 1 shown + 1,233 not asked for + 0 lost");
	teller_end(teller);
	tell(teller, "/a");
	kernel = (struct open_counters){
		.seen = 9, .sent = 3, .lost = 6, .unreadable = 1, .cut = 2
	};
	assert_string_equal(teller_ledger(teller, &kernel, text),
			    "9 opens seen = 1 shown + 1 not asked for + 1 after the last "
			    "line + 6 lost; 1 paths unreadable; 2 paths cut short");
	teller_free(teller);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_by_one),
		cmocka_unit_test(folded),
		cmocka_unit_test(folded_beyond_measure),
		cmocka_unit_test(summed),
		cmocka_unit_test(the_ledger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
