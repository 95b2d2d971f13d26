/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "core/kallsyms.h"
#include "core/ladder_hooks.h"
#include "ladder.skel.h"

/* The three ways to one tracepoint. */
#define TRACEPOINT_RUNGS(category, name)                              \
	{ .hook = HOOK_TP_BTF, .target = (name) },                    \
		{ .hook = HOOK_RAW_TP,                                \
		  .target = (name),                                   \
		  .cost = "reads kernel fields by copying" },         \
	{                                                             \
		.hook = HOOK_TRACEPOINT, .target = category "/" name, \
		.cost = "perf makes a record for each event first"    \
	}

#define ALL_CALLS "runs at every system call"

const struct ladder ladders[] = {
	[THING_SYSCALL_ENTER] = { "system calls entered",
				  "syscall-enter",
				  { TRACEPOINT_RUNGS("raw_syscalls", "sys_enter") },
				  3 },
	[THING_SYSCALL_EXIT] = { "system calls left",
				 "syscall-exit",
				 { TRACEPOINT_RUNGS("raw_syscalls", "sys_exit") },
				 3 },
	[THING_OPEN] = { "files opened",
			 "open",
			 {
				 { .hook = HOOK_FEXIT, .target = "do_sys_openat2" },
				 { .hook = HOOK_TP_BTF, .target = "sys_exit", .cost = ALL_CALLS },
				 { .hook = HOOK_RAW_TP,
				   .target = "sys_exit",
				   .cost = ALL_CALLS " and reads kernel fields by copying" },
				 { .hook = HOOK_TRACEPOINT,
				   .target = "raw_syscalls/sys_exit",
				   .cost = ALL_CALLS ", for which perf makes a record first" },
			 },
			 4 },
	[THING_FORK] = { "processes begun",
			 "fork",
			 { TRACEPOINT_RUNGS("sched", "sched_process_fork") },
			 3 },
	[THING_EXEC] = { "programs executed",
			 "exec",
			 { TRACEPOINT_RUNGS("sched", "sched_process_exec") },
			 3 },
	[THING_EXIT] = { "processes ended",
			 "exit",
			 { TRACEPOINT_RUNGS("sched", "sched_process_exit") },
			 3 },
	[THING_SWITCH] = { "context switches",
			   "switch",
			   { TRACEPOINT_RUNGS("sched", "sched_switch"),
			     { .hook = HOOK_KPROBE,
			       .target = "finish_task_switch",
			       .cost = "a trap for each switch" } },
			   4 },
	[THING_FAULT] = { "page faults",
			  "fault",
			  { TRACEPOINT_RUNGS("exceptions", "page_fault_user"),
			    { .hook = HOOK_PERF_PROGRAM,
			      .target = "page-faults",
			      .type = PERF_TYPE_SOFTWARE,
			      .config = PERF_COUNT_SW_PAGE_FAULTS,
			      .cost = "a sample of perf for each fault" } },
			  4 },
	[THING_CONNECTION] = { "states of connections",
			       "connection",
			       { TRACEPOINT_RUNGS("sock", "inet_sock_set_state") },
			       3 },
	[THING_CYCLES] = { "CPU cycles",
			   "cycles",
			   { { .hook = HOOK_COUNTER,
			       .target = "PMU cycles",
			       .type = PERF_TYPE_HARDWARE,
			       .config = PERF_COUNT_HW_CPU_CYCLES },
			     { .hook = HOOK_COUNTER,
			       .target = "cpu-clock",
			       .type = PERF_TYPE_SOFTWARE,
			       .config = PERF_COUNT_SW_CPU_CLOCK,
			       .cost = "nanoseconds of CPU time, not cycles" } },
			   2 },
	[THING_CGROUP_EGRESS] = { "packets sent, by cgroup",
				  "cgroup-egress",
				  { { .hook = HOOK_CGROUP,
				      .target = "egress",
				      .type = BPF_CGROUP_INET_EGRESS } },
				  1 },
	[THING_CGROUP_INGRESS] = { "packets received, by cgroup",
				   "cgroup-ingress",
				   { { .hook = HOOK_CGROUP,
				       .target = "ingress",
				       .type = BPF_CGROUP_INET_INGRESS } },
				   1 },
	[THING_CONNECT4] = { "connections made, IPv4",
			     "connect4",
			     { { .hook = HOOK_CGROUP,
				 .target = "connect4",
				 .type = BPF_CGROUP_INET4_CONNECT } },
			     1 },
	[THING_CONNECT6] = { "connections made, IPv6",
			     "connect6",
			     { { .hook = HOOK_CGROUP,
				 .target = "connect6",
				 .type = BPF_CGROUP_INET6_CONNECT } },
			     1 },
	[THING_PACKET] = { "packets at an interface",
			   "packet",
			   { { .hook = HOOK_XDP_NATIVE, .target = "native" },
			     { .hook = HOOK_XDP_GENERIC,
			       .target = "generic",
			       .cost = "several times slower; most of the stack has run by "
				       "then" } },
			   2 },
};
_Static_assert(ARRAY_SIZE(ladders) == THINGS, "a ladder for everything");

const char *rung_state_name(enum rung_state state)
{
	static const char *const names[] = {
		[RUNG_NO] = "no",
		[RUNG_TAKEN] = "taken",
		[RUNG_DEARER] = "dearer",
	};
	_Static_assert(ARRAY_SIZE(names) == RUNG_DEARER + 1, "a name for every state");

	return names[state];
}

const char *rung_name(const struct rung *rung, char buffer[RUNG_TEXT])
{
	static const char *const prefixes[] = {
		[HOOK_TP_BTF] = "tp_btf ",         [HOOK_RAW_TP] = "raw_tp ",
		[HOOK_TRACEPOINT] = "tracepoint ", [HOOK_FENTRY] = "fentry ",
		[HOOK_FEXIT] = "fexit ",           [HOOK_KPROBE] = "kprobe ",
		[HOOK_PERF_PROGRAM] = "perf ",     [HOOK_COUNTER] = "",
		[HOOK_CGROUP] = "cgroup ",         [HOOK_XDP_NATIVE] = "XDP ",
		[HOOK_XDP_GENERIC] = "XDP ",
	};
	_Static_assert(ARRAY_SIZE(prefixes) == HOOKS, "a word for every hook");
	char symbol[SYMBOL_NAME];
	const char *target = rung->target;

	if (rung->hook == HOOK_KPROBE && kallsyms_resolve(target, symbol) == 0)
		target = symbol;
	snprintf(buffer, RUNG_TEXT, "%s%.60s%s%.20s", prefixes[rung->hook], target,
		 rung->pair ? " + " : "",
		 !rung->pair               ? ""
		 : strchr(rung->pair, '/') ? strchr(rung->pair, '/') + 1
					   : rung->pair);
	return buffer;
}

static int try_task(struct ladder_bpf *programs, enum thing thing, const struct rung *rung,
		    unsigned events, struct rung_result *result)
{
	CLEANUP_ATTACHMENT struct attachment attachment = ATTACHMENT_NONE;
	int r = hook_attach(programs, rung, 0, &attachment, &result->reason);
	uint64_t counter = 0;

	if (r < 0)
		return r;
	r = provoke(programs, thing, events, &result->provoked, &result->reason);
	if (r < 0)
		return r;
	if (rung->pair)
		result->provoked *= 2;
	if (attachment.counter < 0)
		counter = programs->bss->counted;
	else if (read(attachment.counter, &counter, sizeof(counter)) != sizeof(counter))
		return error_set(&result->reason, -EIO, "the counter cannot be read");
	result->counted = counter;
	return 0;
}

int ladder_choose(struct rung_result *results, size_t count)
{
	int taken = -1;

	for (size_t i = 0; i < count; i++) {
		struct rung_result *result = &results[i];

		result->state = RUNG_NO;
		if (result->provoked && result->counted >= result->provoked)
			result->state = taken < 0 ? RUNG_TAKEN : RUNG_DEARER;
		else if (!result->reason.text[0])
			error_set(&result->reason, 0,
				  "attached, but it counted only %llu of %llu events",
				  (unsigned long long)result->counted,
				  (unsigned long long)result->provoked);
		if (result->state == RUNG_TAKEN)
			taken = (int)i;
	}
	return taken;
}

int ladder_try(enum thing thing, unsigned events, struct rung_result results[RUNGS_MAX])
{
	const struct ladder *ladder = &ladders[thing];
	struct ladder_bpf *programs = ladder_bpf__open_and_load();
	int r = programs ? 0 : -errno;

	for (size_t i = 0; i < ladder->rung_count; i++) {
		const struct rung *rung = &ladder->rungs[i];
		struct rung_result *result = &results[i];

		*result = (struct rung_result){ .state = RUNG_NO };
		if (r < 0 && rung->hook != HOOK_COUNTER)
			hook_refused(rung->hook, "loading", r, &result->reason);
		else if (thing == THING_PACKET)
			try_packets(programs, rung, events, result);
		else if (try_task(programs, thing, rung, events, result) < 0)
			result->provoked = 0;
	}
	ladder_bpf__destroy(programs);
	return ladder_choose(results, ladder->rung_count);
}
