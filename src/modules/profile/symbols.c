/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "modules/profile/kernel_symbols.h"
#include "modules/profile/spaces.h"
#include "modules/profile/symbols.h"
#include "observe/cgroups.h"

enum { SEEN_AGAIN = 256 }; /* stacks: those of about a second */

struct symbols {
	struct functions *functions;
	struct spaces *spaces;
	struct cgroups *cgroups;
	FILE *kallsyms;                /* not read yet */
	struct kernel_symbols *kernel; /* NULL: not read, or cannot be */
};

static const char *const by_names[PROFILE_BYS] = {
	[PROFILE_BY_COMMAND] = "command",
	[PROFILE_BY_PROCESS] = "process",
	[PROFILE_BY_CGROUP] = "cgroup",
};

int profile_by_parse(const char *text, enum profile_by *ret_by, struct error *error)
{
	char quoted[QUOTE_TEXT];

	for (enum profile_by by = 0; by < PROFILE_BYS; by++)
		if (strcmp(text, by_names[by]) == 0) {
			*ret_by = by;
			return 0;
		}
	return error_set(error, -EINVAL, "--by %s: there are command, process, cgroup",
			 text_quote(text, quoted));
}

const char *profile_by_name(enum profile_by by)
{
	return by_names[by];
}

/* ---- frames ------------------------------------------------------------------------------- */

/* A caller is where it goes on; the call stands before that, and may be the end of a function. */
static uint64_t place_of(uint64_t address, size_t depth)
{
	return depth ? address - 1 : address;
}

static const struct kernel_symbols *kernel_of(struct symbols *symbols)
{
	if (symbols->kallsyms) {
		symbols->kernel = kernel_symbols_read(symbols->kallsyms);
		fclose(symbols->kallsyms);
		symbols->kallsyms = NULL;
	}
	return symbols->kernel;
}

static const struct function *kernel_function(struct symbols *symbols, uint64_t address)
{
	const struct kernel_symbols *kernel = kernel_of(symbols);
	const char *name = kernel ? kernel_symbols_find(kernel, address) : NULL;

	return name ? functions_find(symbols->functions, FUNCTION_KERNEL, "kernel", name)
		    : functions_unknown(symbols->functions, FUNCTION_KERNEL, "kernel", address);
}

static bool is_any(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* How a thread leaves the CPU is the same for all: what they wait in comes before. */
static bool is_scheduler(const struct function *function)
{
	static const char *const names[] = { "__schedule",           "schedule",
					     "preempt_schedule",     "preempt_schedule_common",
					     "preempt_schedule_irq", "__cond_resched" };

	return is_any(function->name, names, ARRAY_SIZE(names));
}

enum { SWITCH_FRAMES = 12 }; /* at most: programs, and what the scheduler consists of */

/* How many of the innermost frames belong to the switch itself. */
static size_t skip_switch(struct symbols *symbols, const struct stack *stack)
{
	size_t skipped = 0;

	if (stack->kind == STACK_RUNNING)
		return 0;
	for (size_t i = 0; i < stack->kernel_frames && i < SWITCH_FRAMES; i++)
		if (is_scheduler(kernel_function(symbols, place_of(stack->frames[i], i))))
			skipped = i + 1;
	return skipped;
}

/* Where threads begin, and what calls nothing but main(). */
static bool is_beginning(const struct function *function)
{
	static const char *const names[] = { "_start",
					     "__libc_start_main",
					     "__libc_start_main_impl",
					     "__libc_start_call_main",
					     "start_thread",
					     "clone",
					     "clone3",
					     "__clone3",
					     "_dl_start",
					     "_dl_start_user",
					     "runtime.goexit",
					     "runtime.goexit.abi0",
					     "runtime.mstart",
					     "runtime.rt0_go.abi0" };

	return is_any(function->name, names, ARRAY_SIZE(names));
}

static const struct function *label_of(struct symbols *symbols, const struct stack *stack,
				       enum profile_by by)
{
	char text[CGROUP_PATH];

	if (by == PROFILE_BY_CGROUP)
		cgroups_path(symbols->cgroups, stack->cgroup, text);
	else if (by == PROFILE_BY_PROCESS)
		snprintf(text, sizeof(text), "%s %u", stack->command, stack->tgid);
	else
		snprintf(text, sizeof(text), "%s", stack->command);
	return functions_find(symbols->functions, FUNCTION_LABEL, "", text);
}

static void push(struct named_stack *named, const struct function *function)
{
	named->frames[named->count++] = function;
}

/*
 * How many of the frames are the stack: what lies beyond where a thread begins, and beyond main(),
 * which the C library calls without a frame pointer, is none. Nor is what lies where no code is:
 * there the walk has left the stack, as it does in code that is built without frame pointers.
 */
static size_t name_user(struct symbols *symbols, const struct stack *stack, struct space *space,
			const struct function *functions[STACK_FRAMES], bool *ret_complete)
{
	const uint64_t *frames = stack->frames + stack->kernel_frames;
	size_t through_main = 0;

	*ret_complete = true;
	for (size_t i = 0; i < stack->user_frames; i++) {
		functions[i] = space_function(symbols->spaces, space, symbols->functions,
					      place_of(frames[i], i));
		if (!functions[i])
			break;
		if (is_beginning(functions[i]))
			return i + 1;
		if (strcmp(functions[i]->name, "main") == 0)
			through_main = i + 1;
	}
	if (through_main)
		return through_main;
	*ret_complete = false;
	for (size_t i = 0; i < stack->user_frames; i++)
		if (!functions[i])
			return i;
	return stack->user_frames;
}

/* A stack of which a part is missing begins with "[unknown]". */
static void push_user(struct symbols *symbols, const struct stack *stack, struct named_stack *named)
{
	struct space *space = spaces_find(symbols->spaces, stack->tgid, stack->incarnation);
	const struct function *functions[STACK_FRAMES];
	size_t count = name_user(symbols, stack, space, functions, &named->complete);

	if (!named->complete)
		push(named, functions_unknown(symbols->functions, FUNCTION_USER, "", 0));
	while (count)
		push(named, functions[--count]);
	named->unseen = stack->user_frames && !space_is_known(space);
}

void symbols_name(struct symbols *symbols, const struct stack *stack, enum profile_by by,
		  struct named_stack *ret_named)
{
	struct named_stack named = { .count = 0, .complete = true };
	size_t skipped = skip_switch(symbols, stack);

	push(&named, label_of(symbols, stack, by));
	if (stack->kind == STACK_PREEMPTED)
		push(&named, functions_find(symbols->functions, FUNCTION_LABEL, "", "[preempted]"));
	if (stack->start_stack)
		push_user(symbols, stack, &named);
	for (size_t i = stack->kernel_frames; i-- > skipped;)
		push(&named, kernel_function(symbols, place_of(stack->frames[i], i)));
	*ret_named = named;
}

/* ---- all of it ---------------------------------------------------------------------------- */

void symbols_see(struct symbols *symbols, const struct stack *stack)
{
	struct space *space;

	if (!stack->user_frames)
		return;
	space = spaces_find(symbols->spaces, stack->tgid, stack->incarnation);
	if (space)
		space_see(symbols->spaces, space, stack->start_stack,
			  stack->frames + stack->kernel_frames, stack->user_frames);
}

void symbols_see_again(struct symbols *symbols, const struct stack *stacks)
{
	for (size_t i = 0; i < SEEN_AGAIN && stacks; i++, stacks = stacks->next)
		if (!space_is_known(
			    spaces_find(symbols->spaces, stacks->tgid, stacks->incarnation)))
			symbols_see(symbols, stacks);
}

struct symbols *symbols_new(void)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		return NULL;
	symbols->functions = functions_new();
	symbols->spaces = spaces_new();
	symbols->cgroups = cgroups_new();
	symbols->kallsyms = kernel_symbols_open();
	return symbols->functions && symbols->spaces && symbols->cgroups ? symbols
									 : symbols_free(symbols);
}

struct symbols *symbols_free(struct symbols *symbols)
{
	if (!symbols)
		return NULL;
	if (symbols->kallsyms)
		fclose(symbols->kallsyms);
	kernel_symbols_free(symbols->kernel);
	cgroups_free(symbols->cgroups);
	spaces_free(symbols->spaces);
	functions_free(symbols->functions);
	free(symbols);
	return NULL;
}

bool symbols_kernel_hidden(struct symbols *symbols)
{
	const struct kernel_symbols *kernel = kernel_of(symbols);

	return !kernel || kernel_symbols_hidden(kernel);
}
