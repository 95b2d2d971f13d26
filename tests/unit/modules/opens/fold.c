/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <stdio.h>

#include "event.h"
#include "modules/opens/fold.h"

static struct {
	size_t rows;
	uint64_t opens;
	char first[64];
	uint64_t counts[8];
	int results[8];
} told;

static void tell(void *context, const struct open_event *last, uint64_t count)
{
	if (!told.rows)
		snprintf(told.first, sizeof(told.first), "%s", (const char *)(last + 1));
	if (told.rows < ARRAY_SIZE(told.counts)) {
		told.counts[told.rows] = count;
		told.results[told.rows] = last->result;
	}
	told.rows++;
	told.opens += count;
}

static void empty(struct fold *fold)
{
	memset(&told, 0, sizeof(told));
	fold_empty(fold, tell, NULL);
	assert_int_equal(fold_count(fold), 0);
}

static void what_is_the_same_is_one(void **state)
{
	struct made made = make_event("/a", NULL, "a", 3), other = make_event("/b", NULL, "b", 3);
	struct fold *fold = fold_new();

	for (int i = 0; i < 5; i++) {
		made.event.result = 3 + i;
		made.event.tid = (__u32)(11 + i);
		made.event.header.time = (__u64)i;
		assert_ok(fold_add(fold, &made.event));
	}
	assert_ok(fold_add(fold, &other.event));
	empty(fold);
	assert_int_equal(told.rows, 2);
	assert_string_equal(told.first, "/a");
	assert_int_equal(told.counts[0], 5);
	assert_int_equal(told.results[0], 7); /* the last */
	assert_int_equal(told.counts[1], 1);
	empty(fold);
	assert_int_equal(told.rows, 0);
	fold_free(fold);
}

static void the_most_frequent_come_first(void **state)
{
	struct made rare = make_event("/a", NULL, "a", 3), often = make_event("/b", NULL, "b", 3),
		    last = make_event("/c", NULL, "c", -ENOENT);
	struct fold *fold = fold_new();

	assert_ok(fold_add(fold, &rare.event));
	assert_ok(fold_add(fold, &last.event));
	assert_ok(fold_add(fold, &often.event));
	assert_ok(fold_add(fold, &often.event));
	assert_int_equal(fold_count(fold), 3);
	assert_int_equal(fold_opens(fold), 4);
	empty(fold);
	assert_string_equal(told.first, "/b");
	assert_int_equal(told.counts[0], 2);
	assert_int_equal(told.results[1], 3);
	assert_int_equal(told.results[2], -ENOENT);
	fold_free(fold);
}

/* Whatever differs but the descriptor, the thread and the time is another row. */
static void what_differs_is_not(void **state)
{
	struct made base = make_event("/a", NULL, "a", 3), others[9];
	struct fold *fold = fold_new();

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		others[i] = base;
	others[0].event.tgid++;
	others[1].event.start++;
	others[2].event.flags++;
	others[3].event.result = -ENOENT;
	others[4].event.user++;
	others[5].event.mode++;
	others[6].text[others[6].event.asked] = 'b'; /* what was opened */
	others[7].event.command[0] = 'x';
	others[8].event.mount_namespace++;
	assert_ok(fold_add(fold, &base.event));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_ok(fold_add(fold, &others[i].event));
	assert_int_equal(fold_count(fold), 1 + ARRAY_SIZE(others));
	fold_free(fold);
}

static void it_is_bounded(void **state)
{
	struct fold *fold = fold_new();
	uint64_t added = 0;
	int r = 0;

	while (r == 0) {
		char name[32];
		struct made made;

		snprintf(name, sizeof(name), "/%llu", (unsigned long long)added);
		made = make_event(name, NULL, "", -ENOENT);
		r = fold_add(fold, &made.event);
		added += r == 0;
		assert_true(added <= FOLD_ROWS);
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(added, FOLD_ROWS);
	empty(fold);
	assert_int_equal(told.opens, added);
	fold_free(fold);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_the_same_is_one),
		cmocka_unit_test(the_most_frequent_come_first),
		cmocka_unit_test(what_differs_is_not),
		cmocka_unit_test(it_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
