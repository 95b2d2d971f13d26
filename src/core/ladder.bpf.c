/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What ladder.c tries hooks with. Each program is loaded here as a type that needs nothing
 * but CAP_BPF; its instructions are then loaded once more as whatever type a hook takes,
 * so none reads its context. Events count while `armed`, and only the provoker's own.
 */
#include "bpf/helpers.h"

__u64 armed;
__u64 watched; /* a thread, as bpf_get_current_pid_tgid() has it, or the cookie of a socket */
__u64 counted;

/* The kernel's own numbers: a process in a container does not know them. */
SEC("syscall") int watch_self(void *ctx)
{
	watched = bpf_get_current_pid_tgid();
	return 0;
}

static __always_inline void count_own(void)
{
	if (READ_ONCE(armed) && bpf_get_current_pid_tgid() == READ_ONCE(watched))
		__sync_fetch_and_add(&counted, 1);
}

SEC("syscall") int count_task(void *ctx)
{
	count_own();
	return 0;
}

/* At an event of perf: 0 would hide it from everybody else who looks at it. */
SEC("syscall") int count_event(void *ctx)
{
	count_own();
	return 1;
}

SEC("socket") int count_socket(struct __sk_buff *ctx)
{
	if (READ_ONCE(armed) && bpf_get_socket_cookie(ctx) == READ_ONCE(watched))
		__sync_fetch_and_add(&counted, 1);
	return 1; /* goes on, as cgroup programs say it */
}

/* In a network namespace where nobody else speaks. */
SEC("socket") int count_frame(void *ctx)
{
	if (READ_ONCE(armed))
		__sync_fetch_and_add(&counted, 1);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
