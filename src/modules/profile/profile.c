/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "modules/profile/show.h"

struct share {
	uint64_t value, count;
};

static struct share share_of(const struct profile *profile, const struct stack *stack)
{
	uint64_t count = stack->count - (profile->total ? 0 : stack->count_before);
	uint64_t time = stack->time - (profile->total ? 0 : stack->time_before);

	return (struct share){ .value = profile->off_cpu ? time : count, .count = count };
}

static int add_stack(struct profile *profile, struct symbols *symbols, const struct stack *stack)
{
	struct share share = share_of(profile, stack);
	struct named_stack named;
	int r;

	if (!share.count)
		return 0;
	symbols_name(symbols, stack, profile->by, &named);
	profile->value += share.value;
	profile->preempted += stack->kind == STACK_PREEMPTED ? share.value : 0;
	profile->user += stack->start_stack ? share.value : 0;
	profile->unseen += named.unseen ? share.value : 0;
	profile->incomplete += named.complete ? 0 : share.value;
	r = tree_add(profile->tree, named.frames, named.count, share.value);
	return r < 0 ? r : hot_add(profile->hot, &named, share.value, share.count);
}

int profile_make(struct profile *profile, const struct stacks *stacks, struct symbols *symbols)
{
	int r = 0;

	profile->tree = tree_new();
	profile->hot = hot_new(profile->grouped);
	if (!profile->tree || !profile->hot)
		return -ENOMEM;
	for (const struct stack *stack = stacks_first(stacks); r == 0 && stack; stack = stack->next)
		r = add_stack(profile, symbols, stack);
	profile->kernel_hidden = symbols_kernel_hidden(symbols);
	return r < 0 ? r : tree_sort(profile->tree);
}

void profile_free(struct profile *profile)
{
	profile->tree = tree_free(profile->tree);
	profile->hot = hot_free(profile->hot);
}
