/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include "modules/profile/hot.h"

static const struct function group = { .kind = FUNCTION_LABEL, .object = "", .name = "group" },
			     other = { .kind = FUNCTION_LABEL, .object = "", .name = "other" },
			     a = { .kind = FUNCTION_USER, .object = "", .name = "a" },
			     b = { .kind = FUNCTION_USER, .object = "", .name = "b" };

static void add(struct hot *hot, uint64_t value, const struct named_stack *stack)
{
	assert_ok(hot_add(hot, stack, value, 1));
}

static void self_and_total(void **state)
{
	const struct named_stack ab = { .frames = { &group, &a, &b }, .count = 3 },
				 recursive = { .frames = { &group, &a, &b, &a, &a }, .count = 5 },
				 elsewhere = { .frames = { &other, &b }, .count = 2 };
	const struct hot_row *const *rows;
	struct hot *hot = hot_new(false);
	size_t count;

	add(hot, 10, &ab);
	add(hot, 100, &recursive);
	add(hot, 1, &elsewhere);
	hot_rows(hot, &rows, &count);
	assert_int_equal(count, 2);
	assert_ptr_equal(rows[0]->function, &a);
	assert_null(rows[0]->group);
	assert_int_equal(rows[0]->self, 100);
	assert_int_equal(rows[0]->total, 110); /* a stack counts once, however often it is in it */
	assert_int_equal(rows[0]->count, 1);
	assert_int_equal(rows[1]->self, 11);
	assert_int_equal(rows[1]->total, 111);
	assert_int_equal(rows[1]->count, 2);
	hot_free(hot);
}

static void by_group(void **state)
{
	const struct named_stack here = { .frames = { &group, &b }, .count = 2 },
				 elsewhere = { .frames = { &other, &b }, .count = 2 },
				 nothing = { .frames = { &other }, .count = 1 };
	const struct hot_row *const *rows;
	struct hot *hot = hot_new(true);
	size_t count;

	add(hot, 10, &here);
	add(hot, 5, &elsewhere);
	add(hot, 1, &nothing);
	hot_rows(hot, &rows, &count);
	assert_int_equal(count, 3);
	assert_ptr_equal(rows[0]->group, &group);
	assert_int_equal(rows[0]->total, 10);
	assert_ptr_equal(rows[1]->group, &other);
	assert_int_equal(rows[1]->total, 5);
	assert_ptr_equal(rows[2]->function, &other);
	assert_int_equal(rows[2]->self, 1);
	hot_free(hot);
	assert_null(hot_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(self_and_total),
		cmocka_unit_test(by_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
