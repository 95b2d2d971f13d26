/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose event is this, and is it to be looked at: for observers, whose programs run in the
 * process that makes a system call. Everything is read from the running task by plain loads;
 * a helper would cost as much as all the rest.
 */
#pragma once

#include "bpf/helpers.h"
#include "bpf/kernel.h"
#include "bpf/selection.h"

/* ---- identity --------------------------------------------------------------------------- */

/*
 * Which process this is, and which of its programs: numbers of processes come again, and an
 * exec makes another program of the same. A process that starts takes the number of another
 * later than that one started, by more nanoseconds than there were execs; so the sum of start
 * and execs is of one program only, together with the number.
 */
static __always_inline __u64 incarnation_of(struct task_struct *task)
{
	return task->group_leader->start_boottime + task->self_exec_id;
}

/* ---- the tables of system calls --------------------------------------------------------- */

enum { TASK_COMPAT_X86 = 2, TASK_32BIT_ARM64 = 1 << 22 }; /* TS_COMPAT, TIF_32BIT */

/* Whether the call under way is one of the 32-bit kind. */
static __always_inline bool is_compat(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return task->thread_info.status & TASK_COMPAT_X86;
#else
	return task->thread_info.flags & TASK_32BIT_ARM64;
#endif
}

/* ---- selection -------------------------------------------------------------------------- */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u8);
} followed SEC(".maps");

const volatile struct selection selection;
__u32 left_out; /* a process; 0: none */

/*
 * Run by whoever is concerned: in a container it does not know its own number, as the kernel
 * gives it. The first leaves its process out, the other has it followed.
 */
SEC("syscall") int leave_me_out(void *ctx)
{
	left_out = bpf_get_current_pid_tgid() >> 32;
	return 0;
}

SEC("syscall") int follow_me(void *ctx)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u8 yes = 1;

	return (int)bpf_map_update_elem(&followed, &tgid, &yes, BPF_ANY);
}

static __always_inline bool is_selected_pid(__u32 tgid)
{
	for (__u32 i = 0; i < SELECTION_MAX && i < selection.pid_count; i++)
		if (selection.pids[i] == tgid)
			return true;
	return false;
}

static __always_inline bool is_selected_user(__u32 user)
{
	for (__u32 i = 0; i < SELECTION_MAX && i < selection.user_count; i++)
		if (selection.users[i] == user)
			return true;
	return false;
}

static __always_inline bool is_selected_command(struct task_struct *task)
{
	const __u64 *name = (const __u64 *)task->group_leader->comm;
	__u64 first = name[0], second = name[1];

	for (__u32 i = 0; i < SELECTION_MAX && i < selection.command_count; i++) {
		const volatile __u64 *wanted = (const volatile __u64 *)selection.commands[i];

		if (wanted[0] == first && wanted[1] == second)
			return true;
	}
	return false;
}

static __always_inline bool is_selected_cgroup(void)
{
	for (__u32 i = 0; i < SELECTION_MAX && i < selection.cgroup_count; i++)
		if (bpf_get_current_ancestor_cgroup_id((int)selection.cgroups[i].level) ==
		    selection.cgroups[i].id)
			return true;
	return false;
}

/* What it does, it may do as another user. */
static __always_inline bool is_selected_as(struct task_struct *task, __u32 user)
{
	__u32 tgid = task->tgid;

	if (tgid == READ_ONCE(left_out))
		return false;
	if (selection.pid_count && !is_selected_pid(tgid))
		return false;
	if (selection.user_count && !is_selected_user(user))
		return false;
	if (selection.command_count && !is_selected_command(task))
		return false;
	if (selection.cgroup_count && !is_selected_cgroup())
		return false;
	return !selection.follow || bpf_map_lookup_elem(&followed, &tgid);
}

static __always_inline bool is_selected(struct task_struct *task)
{
	return is_selected_as(task, task->cred->uid.val);
}
