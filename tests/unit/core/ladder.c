/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../unit.h"

#include "core/ladder.h"

static void the_first_that_counts_is_taken(void **state)
{
	struct rung_result results[] = {
		{ .reason = { "no" } },
		{ .provoked = 5, .counted = 4 }, /* attached, and missed one */
		{ .provoked = 5, .counted = 0 },
		{ .provoked = 5, .counted = 5 },
		{ .provoked = 5, .counted = 9 },
		{ .reason = { "no" } },
	};

	assert_int_equal(ladder_choose(results, ARRAY_SIZE(results)), 3);
	for (size_t i = 0; i < ARRAY_SIZE(results); i++)
		assert_int_equal(results[i].state, i == 3   ? RUNG_TAKEN
						   : i == 4 ? RUNG_DEARER
							    : RUNG_NO);
	assert_string_equal(results[0].reason.text, "no");
	assert_error_contains(&results[1].reason, "only 4 of 5");
	assert_error_contains(&results[2].reason, "only 0 of 5");
}

static void none_works(void **state)
{
	/* Whatever was counted: nothing is proven where nothing was provoked. */
	struct rung_result results[] = { { .reason = { "no" } }, { .provoked = 0, .counted = 7 } };

	assert_int_equal(ladder_choose(results, ARRAY_SIZE(results)), -1);
	assert_int_equal(results[1].state, RUNG_NO);
	assert_int_equal(ladder_choose(results, 0), -1);
}

static void every_ladder_is_complete(void **state)
{
	for (enum thing thing = 0; thing < THINGS; thing++) {
		const struct ladder *ladder = &ladders[thing];

		assert_in_range(ladder->rung_count, 1, RUNGS_MAX);
		assert_true(ladder->name && ladder->label);
		for (size_t i = 0; i < RUNGS_MAX; i++)
			assert_row(!ladder->rungs[i].target == (i >= ladder->rung_count),
				   ladder->name);
		/* What is not first says what it costs. */
		for (size_t i = 1; i < ladder->rung_count; i++)
			assert_row(ladder->rungs[i].cost, ladder->name);
	}
}

static void names_of_rungs(void **state)
{
	static const struct {
		struct rung rung;
		const char *name;
	} rows[] = {
		{ { .hook = HOOK_TP_BTF, .target = "a" }, "tp_btf a" },
		{ { .hook = HOOK_TP_BTF, .target = "a", .pair = "b" }, "tp_btf a + b" },
		{ { .hook = HOOK_TRACEPOINT, .target = "c/a", .pair = "c/b" },
		  "tracepoint c/a + b" },
		{ { .hook = HOOK_COUNTER, .target = "cpu-clock" }, "cpu-clock" },
		{ { .hook = HOOK_KPROBE, .target = "no_such_function" },
		  "kprobe no_such_function" },
	};
	char name[RUNG_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(rung_name(&rows[i].rung, name), rows[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_counts_is_taken),
		cmocka_unit_test(none_works),
		cmocka_unit_test(every_ladder_is_complete),
		cmocka_unit_test(names_of_rungs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
