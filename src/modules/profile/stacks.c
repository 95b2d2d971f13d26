/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "modules/profile/stacks.h"

struct stacks {
	void *keys; /* tree of tsearch(3) */
	struct stack *first;
	size_t count;
	size_t limit;
	struct stack_ledger ledger;
};

static int compare(const void *left, const void *right)
{
	const struct stack *a = left, *b = right;

	return (a->key > b->key) - (a->key < b->key);
}

static struct stack *find(const struct stacks *stacks, uint64_t key)
{
	struct stack wanted = { .key = key };
	struct stack *const *found = tfind(&wanted, &stacks->keys, compare);

	return found ? *found : NULL;
}

static struct stack *stack_of(const struct stack_event *event)
{
	size_t frames = (size_t)event->kernel_frames + event->user_frames;
	struct stack *stack = calloc(1, sizeof(*stack) + frames * sizeof(stack->frames[0]));

	if (!stack)
		return NULL;
	stack->key = event->key;
	stack->incarnation = event->incarnation;
	stack->cgroup = event->cgroup;
	stack->tgid = event->tgid;
	stack->kind = event->kind;
	stack->start_stack = event->start_stack;
	memcpy(stack->command, event->command, STACK_COMMAND);
	stack->kernel_frames = event->kernel_frames;
	stack->user_frames = event->user_frames;
	memcpy(stack->frames, event->frames, frames * sizeof(stack->frames[0]));
	return stack;
}

int stacks_learn(struct stacks *stacks, const struct stack_event *event,
		 const struct stack **ret_stack)
{
	CLEANUP_FREE struct stack *stack = NULL;

	if (find(stacks, event->key))
		return 0;
	if (stacks->count == stacks->limit)
		return -ENOSPC;
	stack = stack_of(event);
	if (!stack || !tsearch(stack, &stacks->keys, compare))
		return -ENOMEM;
	stack->next = stacks->first;
	stacks->first = stack;
	stacks->count++;
	*ret_stack = TAKE_PTR(stack);
	return 1;
}

void stacks_add(struct stacks *stacks, const struct stack_table *table)
{
	for (size_t i = 0; table->used && i < STACK_ROWS; i++) {
		const struct stack_row *row = &table->rows[i];
		struct stack *stack = row->key ? find(stacks, row->key) : NULL;

		if (!stack) {
			stacks->ledger.no_frames += row->count;
			continue;
		}
		stack->count += row->count;
		stack->time += row->time;
		stacks->ledger.counted += row->count;
	}
}

void stacks_add_counters(struct stacks *stacks, const struct stack_counters *counters, size_t cpus)
{
	struct stack_ledger *sum = &stacks->ledger;

	for (size_t i = 0; i < cpus; i++) {
		sum->taken += counters[i].taken;
		sum->filtered += counters[i].filtered;
		sum->ended += counters[i].ended;
		sum->no_row += counters[i].no_row;
		sum->no_memory += counters[i].no_memory;
		sum->unpaired += counters[i].unpaired;
		sum->away += counters[i].left - counters[i].returned - counters[i].unpaired;
	}
}

void stacks_close_interval(struct stacks *stacks)
{
	for (struct stack *stack = stacks->first; stack; stack = stack->next) {
		stack->count_before = stack->count;
		stack->time_before = stack->time;
	}
}

struct stacks *stacks_new(size_t limit)
{
	struct stacks *stacks = calloc(1, sizeof(*stacks));

	if (stacks)
		stacks->limit = limit;
	return stacks;
}

static void free_nothing(void *node)
{
}

struct stacks *stacks_free(struct stacks *stacks)
{
	if (!stacks)
		return NULL;
	tdestroy(stacks->keys, free_nothing);
	while (stacks->first) {
		struct stack *stack = stacks->first;

		stacks->first = stack->next;
		free(stack);
	}
	free(stacks);
	return NULL;
}

const struct stack *stacks_first(const struct stacks *stacks)
{
	return stacks->first;
}

const struct stack_ledger *stacks_ledger(const struct stacks *stacks)
{
	return &stacks->ledger;
}

void stack_ledger_subtract(const struct stack_ledger *now, const struct stack_ledger *before,
			   struct stack_ledger *ret_difference)
{
	*ret_difference = (struct stack_ledger){
		.taken = now->taken - before->taken,
		.filtered = now->filtered - before->filtered,
		.counted = now->counted - before->counted,
		.ended = now->ended - before->ended,
		.away = now->away, /* a state, not a sum */
		.no_row = now->no_row - before->no_row,
		.no_frames = now->no_frames - before->no_frames,
		.no_memory = now->no_memory - before->no_memory,
		.unpaired = now->unpaired - before->unpaired,
	};
}
