/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <errno.h>

#include "modules/profile/stacks.h"

static struct stack_event event_of(uint64_t key)
{
	return (struct stack_event){ .key = key,
				     .tgid = 7,
				     .incarnation = 9,
				     .kind = STACK_WAITING,
				     .start_stack = 1,
				     .kernel_frames = 1,
				     .user_frames = 2,
				     .command = "sixteen_letters!",
				     .frames = { 11, 12, 13 } };
}

static void learnt_once(void **state)
{
	struct stacks *stacks = stacks_new(2);
	struct stack_event first = event_of(1), second = event_of(2), third = event_of(3);
	const struct stack *stack = NULL;

	assert_int_equal(stacks_learn(stacks, &first, &stack), 1);
	assert_int_equal(stack->tgid, 7);
	assert_int_equal(stack->frames[2], 13);
	assert_string_equal(stack->command, "sixteen_letters!");
	assert_int_equal(stacks_learn(stacks, &first, &stack), 0);
	assert_int_equal(stacks_learn(stacks, &second, &stack), 1);
	assert_int_equal(stacks_learn(stacks, &third, &stack), -ENOSPC);
	stacks_free(stacks);
	assert_null(stacks_free(NULL));
}

static void a_balance(void **state)
{
	struct stack_table *table = calloc(1, sizeof(*table));
	const struct stack_counters counters[] = {
		{ .taken = 20, .filtered = 3, .no_row = 1, .left = 9, .returned = 8 },
		{ .taken = 4, .no_memory = 1, .ended = 2, .left = 2, .returned = 2 },
	};
	struct stack_ledger before = { .taken = 4, .counted = 1 }, ledger;
	struct stacks *stacks = stacks_new(10);
	struct stack_event event = event_of(5);
	const struct stack *stack;

	assert_int_equal(stacks_learn(stacks, &event, &stack), 1);
	table->used = 2;
	table->rows[100] = (struct stack_row){ .key = 5, .count = 8, .time = 1000 };
	table->rows[200] = (struct stack_row){ .key = 6, .count = 2 }; /* never told of */
	stacks_add(stacks, table);
	stacks_add_counters(stacks, counters, ARRAY_SIZE(counters));
	stacks_close_interval(stacks);
	stacks_add(stacks, table);
	assert_int_equal(stack->count, 16);
	assert_int_equal(stack->time, 2000);
	assert_int_equal(stack->count_before, 8);
	assert_int_equal(stack->time_before, 1000);
	stack_ledger_subtract(stacks_ledger(stacks), &before, &ledger);
	assert_int_equal(ledger.taken, 20);
	assert_int_equal(ledger.counted, 15);
	assert_int_equal(ledger.no_frames, 4);
	assert_int_equal(ledger.away, 1);
	assert_int_equal(ledger.no_row, 1);
	assert_int_equal(ledger.no_memory, 1);
	assert_int_equal(ledger.ended, 2);
	assert_int_equal(ledger.filtered, 3);
	stacks_free(stacks);
	free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(learnt_once),
		cmocka_unit_test(a_balance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
