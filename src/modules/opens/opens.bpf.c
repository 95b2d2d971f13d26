/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells of calls that open files, at their end: then their arguments are still in the registers
 * of the process, the result is known, and the page that the path lies on has been read.
 *
 * look() is the whole walk, called by one program for every way to hook it. The kernel runs
 * those of tracepoints with preemption off, so nothing else writes to a CPU's row meanwhile.
 */
#include "bpf/follow.bpf.h"
#include "modules/opens/calls.bpf.h"
#include "modules/opens/opens.h"
#include "modules/opens/paths.bpf.h"

enum {
	ACCESS = 3,            /* O_ACCMODE */
	READ_ONLY = 0,         /* O_RDONLY */
	WRITES = 0100 | 01000, /* O_CREAT, O_TRUNC */
	RESOLVE_IN_ROOT = 0x10,
};

/* What is asked for; constants to the verifier. */
const volatile bool only_errors;
const volatile bool only_writes;
const volatile __u64 prefix[OPEN_PREFIX / 8]; /* of paths that are asked for from the root */
const volatile __u64 prefix_mask[OPEN_PREFIX / 8];
const volatile bool has_prefix;
const volatile bool wakes;

__u64 crowded; /* opens that found the row of their CPU taken */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, OPEN_RING);
} opened SEC(".maps");

/* User space makes them as many as there are CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct open_row);
} rows SEC(".maps");

/* ---- the event -------------------------------------------------------------------------- */

static __always_inline void describe_process(struct open_event *event, struct task_struct *task)
{
	const __u64 *command = (const __u64 *)task->group_leader->comm;

	event->start = task->group_leader->start_boottime;
	event->cgroup = task->cgroups->dfl_cgrp->kn->id;
	event->tgid = task->tgid;
	event->tid = task->pid;
	event->mount_namespace = task->nsproxy->mnt_ns->ns.inum;
	((__u64 *)event->command)[0] = command[0];
	((__u64 *)event->command)[1] = command[1];
}

/* False: there was no room in the ring. */
static __always_inline bool send(struct open_row *row, __u16 kind)
{
	struct open_event *event = &row->event;
	__u32 size = sizeof(*event) + row->used;
	__u64 flags = wakes ? 0 : BPF_RB_NO_WAKEUP;

	if (size > sizeof(*event) + sizeof(row->text))
		return false;
	event->header.time = bpf_ktime_get_boot_ns();
	event->header.module = EVENT_OPENS;
	event->header.kind = kind;
	event->header.size = size;
	row->unwoken += size;
	if (row->unwoken > OPEN_WAKE) {
		row->unwoken = 0;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	if (event->marks & OPEN_UNREADABLE)
		row->counters.unreadable++;
	if ((event->marks & OPEN_CUT) || event->base_walk & OPEN_WALK_CUT ||
	    event->opened_walk & OPEN_WALK_CUT)
		row->counters.cut++;
	if (kind == OPEN_RESULT)
		return bpf_ringbuf_output(&opened, event, size, flags) == 0;
	if (bpf_ringbuf_output(&opened, event, size, flags)) {
		row->counters.lost++;
		return false;
	}
	row->counters.sent++;
	return true;
}

static __always_inline bool is_wanted_use(const struct open_event *event)
{
	return !only_writes || (event->flags & ACCESS) != READ_ONLY || event->flags & WRITES;
}

/* What can be said before any text is read. */
static __always_inline bool is_wanted(const struct open_event *event)
{
	return !(only_errors && event->result >= 0) && is_wanted_use(event);
}

static __always_inline void find_root(struct open_row *row, struct task_struct *task)
{
	row->root_dentry = (__u64)task->fs->root.dentry;
	row->root_mount = mount_of((__u64)task->fs->root.mnt);
	if (task->fs->root.dentry != task->fs->root.mnt->mnt_root)
		row->event.marks |= OPEN_CHROOT;
}

static __always_inline bool has_wanted_prefix(const struct open_row *row)
{
	const __u64 *words = (const __u64 *)row->text;

#pragma unroll
	for (__u32 i = 0; i < OPEN_PREFIX / 8; i++)
		if ((words[i] ^ prefix[i]) & prefix_mask[i])
			return false;
	return true;
}

/* False: it is not wanted. */
static __always_inline bool add_place(struct open_row *row, struct task_struct *task)
{
	struct open_event *event = &row->event;
	bool absolute = row->text[0] == '/' && !(event->resolve & RESOLVE_IN_ROOT);

	if (has_prefix && absolute && !has_wanted_prefix(row))
		return false;
	if (!absolute && event->call != OPEN_CALL_HANDLE && !(event->marks & OPEN_UNREADABLE))
		add_base(row, task);
	return true;
}

/* False: it is not wanted. */
static __always_inline bool add_paths(struct open_row *row, struct task_struct *task, __u64 path)
{
	struct open_event *event = &row->event;

	find_root(row, task);
	if (event->call == OPEN_CALL_HANDLE)
		ask_nothing(row);
	else
		read_asked(row, path, false);
	if (!add_place(row, task))
		return false;
	if (event->result >= 0)
		add_opened(row, task);
	return true;
}

static __always_inline void look(struct open_row *row, struct task_struct *task, __u32 marked,
				 __u32 kind, struct pt_regs *regs, long result)
{
	struct open_event *event = &row->event;
	bool compat = is_compat(task);
	__u64 arguments[4], path;

	row->counters.seen++;
	if (!is_selected(task)) {
		row->counters.filtered++;
		return;
	}
	event->request = event->serial = 0;
	event->ring = 0;
	event->marks = 0;
	event->number = (__u16)(marked & ~X32_BIT);
	event->abi = compat ? CALL_COMPAT : marked & X32_BIT ? CALL_X32 : CALL_NATIVE;
	event->result = (__s32)result;
	event->base = event->opened = 0;
	event->base_walk = event->opened_walk = 0;
	read_arguments(regs, compat, arguments);
	path = read_call(row, kind, arguments);
	if (!is_wanted(event) || !add_paths(row, task, path)) {
		row->counters.filtered++;
		return;
	}
	event->user = task->cred->uid.val;
	describe_process(event, task);
	send(row, OPEN_CALL_ENDED);
}

/*
 * Where programs may be preempted another open can find the row taken, and is lost.
 */
static __always_inline int leave_opening(__u32 marked, struct pt_regs *regs, long result,
					 bool preemptible)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 cpu = bpf_get_smp_processor_id();
	__u32 kind = kind_of(marked & ~X32_BIT, is_compat(task));
	struct open_row *row;

	if (kind == OPEN_CALLS)
		return 0;
	row = bpf_map_lookup_elem(&rows, &cpu);
	if (!row)
		return 0;
	if (preemptible && __sync_lock_test_and_set(&row->taken, 1)) {
		__sync_fetch_and_add(&crowded, 1);
		return 0;
	}
	look(row, task, marked, kind, regs, result);
	if (preemptible)
		*(volatile __u32 *)&row->taken = 0;
	return 0;
}

/* ---- programs ----------------------------------------------------------------------------- */

static __always_inline struct pt_regs *own_regs(void)
{
	return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
}

/* Of the event raw_syscalls:sys_exit. */
struct call_event {
	__u64 common;
	long number;
	long result;
};

SEC("tp_btf/sys_exit") int leave_btf(__u64 *arguments)
{
	struct pt_regs *regs = (struct pt_regs *)arguments[0];
	__u32 number = number_of(regs);

	return may_open(number) ? leave_opening(number, regs, (long)arguments[1], false) : 0;
}

SEC("raw_tp/sys_exit") int leave_raw(__u64 *arguments)
{
	__u32 number = number_of_copied((struct pt_regs *)arguments[0]);

	return may_open(number) ? leave_opening(number, own_regs(), (long)arguments[1], false) : 0;
}

SEC("tracepoint/raw_syscalls/sys_exit") int leave_classic(struct call_event *event)
{
	__u32 number = (__u32)event->number;

	if (may_open(number))
		leave_opening(number, own_regs(), event->result, false);
	return LET_PERF_SEE;
}

/* The functions that do the work: other calls than those that open do not come here. */
static __always_inline int leave_function(long result)
{
	struct pt_regs *regs = own_regs();
	__u32 number = number_of(regs);

	return may_open(number) ? leave_opening(number, regs, result, true) : 0;
}

SEC("fexit/do_sys_openat2") int leave_open(__u64 *arguments)
{
	return leave_function((long)arguments[3]);
}

SEC("fexit/do_handle_open") int leave_handle(__u64 *arguments)
{
	return leave_function((long)arguments[3]);
}

SEC("tp_btf/sched_process_exit") int end(__u64 *arguments)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!task->signal->live.counter)
		unfollow(task);
	return 0;
}

#include "modules/opens/ring.bpf.h"

char LICENSE[] SEC("license") = "GPL";
