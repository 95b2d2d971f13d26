/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells of calls that open files, at their end: then their arguments are still in the registers
 * of the process, the result is known, and the page that the path lies on has been read.
 *
 * look() is the whole walk, called by one program for every way to hook it. The kernel runs
 * those of tracepoints with preemption off, so nothing else writes to a CPU's row meanwhile.
 */
#include "bpf/follow.bpf.h"
#include "modules/opens/opens.h"
#include "modules/opens/walk.bpf.h"
#include "observe/call_abi.h"
#include "observe/call_numbers.h"

enum {
	X32_BIT = 0x40000000,
	ACCESS = 3,                      /* O_ACCMODE */
	READ_ONLY = 0,                   /* O_RDONLY */
	WRITES = 0100 | 01000,           /* O_CREAT, O_TRUNC */
	CREAT_FLAGS = 01 | 0100 | 01000, /* O_WRONLY, O_CREAT, O_TRUNC */
	RESOLVE_IN_ROOT = 0x10,
	CALL_WORDS = 8,
};

/* What is asked for; constants to the verifier. */
const volatile bool only_errors;
const volatile bool only_writes;
const volatile __u64 prefix[OPEN_PREFIX / 8]; /* of paths that are asked for from the root */
const volatile __u64 prefix_mask[OPEN_PREFIX / 8];
const volatile bool has_prefix;
const volatile bool wakes;

__u64 crowded; /* opens that found the row of their CPU taken */

/* By bit, the numbers that open something in one of the tables of system calls or another. */
#define BIT_IN(word, number) ((number) / 64 == (word) ? 1ULL << ((number) % 64) : 0)
#ifdef NATIVE_NR_open
#define NATIVE_OLD(word) (BIT_IN(word, NATIVE_NR_open) | BIT_IN(word, NATIVE_NR_creat))
#else
#define NATIVE_OLD(word) 0
#endif
#define NATIVE(word)                                                        \
	(BIT_IN(word, NATIVE_NR_openat) | BIT_IN(word, NATIVE_NR_openat2) | \
	 BIT_IN(word, NATIVE_NR_open_by_handle_at) | NATIVE_OLD(word))
#ifdef COMPAT_NR_open
#define COMPAT(word)                                                        \
	(BIT_IN(word, COMPAT_NR_open) | BIT_IN(word, COMPAT_NR_creat) |     \
	 BIT_IN(word, COMPAT_NR_openat) | BIT_IN(word, COMPAT_NR_openat2) | \
	 BIT_IN(word, COMPAT_NR_open_by_handle_at))
#else
#define COMPAT(word) 0
#endif
#define OPENING(word) (NATIVE(word) | COMPAT(word))

static const volatile __u64 opening[CALL_WORDS] = {
	OPENING(0), OPENING(1), OPENING(2), OPENING(3),
	OPENING(4), OPENING(5), OPENING(6), OPENING(7)
};

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

/* ---- the call --------------------------------------------------------------------------- */

struct call {
	__u32 kind; /* enum open_call */
	__u64 arguments[4];
};

/* OPEN_CALLS: it opens nothing. x32 has the numbers of the native table. */
static __always_inline __u32 kind_of(__u32 number, bool compat)
{
	if (compat) {
#ifdef COMPAT_NR_open
		switch (number) {
		case COMPAT_NR_open:
			return OPEN_CALL_OPEN;
		case COMPAT_NR_creat:
			return OPEN_CALL_CREAT;
		case COMPAT_NR_openat:
			return OPEN_CALL_OPENAT;
		case COMPAT_NR_openat2:
			return OPEN_CALL_OPENAT2;
		case COMPAT_NR_open_by_handle_at:
			return OPEN_CALL_HANDLE;
		}
#endif
		return OPEN_CALLS;
	}
	switch (number) {
#ifdef NATIVE_NR_open
	case NATIVE_NR_open:
		return OPEN_CALL_OPEN;
	case NATIVE_NR_creat:
		return OPEN_CALL_CREAT;
#endif
	case NATIVE_NR_openat:
		return OPEN_CALL_OPENAT;
	case NATIVE_NR_openat2:
		return OPEN_CALL_OPENAT2;
	case NATIVE_NR_open_by_handle_at:
		return OPEN_CALL_HANDLE;
	}
	return OPEN_CALLS;
}

static __always_inline void read_arguments(struct pt_regs *regs, bool compat, __u64 arguments[4])
{
#if defined(__TARGET_ARCH_x86)
	arguments[0] = compat ? (__u32)regs->bx : regs->di;
	arguments[1] = compat ? (__u32)regs->cx : regs->si;
	arguments[2] = compat ? (__u32)regs->dx : regs->dx;
	arguments[3] = compat ? (__u32)regs->si : regs->r10;
#else
	arguments[0] = regs->orig_x0;
	arguments[1] = regs->regs[1];
	arguments[2] = regs->regs[2];
	arguments[3] = regs->regs[3];
#endif
}

static __always_inline void read_how(struct open_row *row, __u64 address)
{
	struct open_event *event = &row->event;

	if (bpf_probe_read_user(row->how, sizeof(row->how), (const void *)address)) {
		row->how[0] = row->how[1] = row->how[2] = 0;
		event->marks |= OPEN_HOW_UNREADABLE;
	}
	event->flags = row->how[0];
	event->mode = (__u32)row->how[1];
	event->resolve = (__u32)row->how[2];
}

/* What each call has where. Returns the address of the path, 0 where there is none. */
static __always_inline __u64 read_call(struct open_row *row, __u32 kind, const __u64 *arguments)
{
	struct open_event *event = &row->event;
	bool at = kind == OPEN_CALL_OPENAT || kind == OPEN_CALL_OPENAT2 || kind == OPEN_CALL_HANDLE;

	event->call = (__u8)kind;
	event->directory = at ? (__s32)arguments[0] : OPEN_NO_DIRECTORY;
	event->resolve = 0;
	if (kind == OPEN_CALL_OPENAT2) {
		read_how(row, arguments[2]);
	} else if (kind == OPEN_CALL_CREAT) {
		event->flags = CREAT_FLAGS;
		event->mode = (__u32)arguments[1];
	} else {
		event->flags = (__u32)arguments[kind == OPEN_CALL_OPEN ? 1 : 2];
		event->mode = kind == OPEN_CALL_HANDLE
				      ? 0
				      : (__u32)arguments[kind == OPEN_CALL_OPEN ? 2 : 3];
	}
	return kind == OPEN_CALL_HANDLE ? 0 : arguments[at ? 1 : 0];
}

/* ---- paths ------------------------------------------------------------------------------ */

static __always_inline void ask_nothing(struct open_row *row)
{
	row->text[0] = 0;
	row->event.asked = 1;
	row->used = 1;
}

static __always_inline void read_asked(struct open_row *row, __u64 address, bool kernel)
{
	struct open_event *event = &row->event;
	long size;

	ask_nothing(row);
	size = kernel ? bpf_probe_read_kernel_str(row->text, OPEN_PATH + 1, (const void *)address)
		      : bpf_probe_read_user_str(row->text, OPEN_PATH + 1, (const void *)address);
	if (size < 0) {
		event->marks |= OPEN_UNREADABLE;
	} else if (size > OPEN_PATH) {
		event->marks |= OPEN_CUT;
		row->text[OPEN_PATH - 1] = 0;
		event->asked = OPEN_PATH;
	} else if (size) { /* older kernels say 0 for no text, not 1 */
		event->asked = (__u16)size;
	}
	row->used = event->asked;
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

/* The file of a descriptor. */
static __always_inline bool find_file(struct task_struct *task, __u32 number, struct path *ret_path)
{
	struct fdtable *table = task->files->fdt;

	return number < table->max_fds && read_path(table->fd, number, ret_path);
}

static __always_inline void add_base(struct open_row *row, struct task_struct *task)
{
	struct open_event *event = &row->event;
	struct path path;

	event->marks |= OPEN_RELATIVE;
	if (event->directory == OPEN_NO_DIRECTORY) {
		path.mnt = task->fs->pwd.mnt;
		path.dentry = task->fs->pwd.dentry;
	} else if (!find_file(task, (__u32)event->directory, &path)) {
		event->marks |= OPEN_BASE_UNKNOWN;
		return;
	}
	event->base = add_walk(row, (__u64)path.mnt, (__u64)path.dentry, &event->base_walk);
}

static __always_inline void add_opened(struct open_row *row, struct task_struct *task)
{
	struct open_event *event = &row->event;
	struct path path;

	if (find_file(task, (__u32)event->result, &path))
		event->opened =
			add_walk(row, (__u64)path.mnt, (__u64)path.dentry, &event->opened_walk);
}

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

/* Almost every call opens nothing: it costs a look into one word. */
static __always_inline bool may_open(__u32 number)
{
	number &= ~X32_BIT;
	return number < 64 * CALL_WORDS && opening[number / 64] >> (number % 64) & 1;
}

/* ---- programs ----------------------------------------------------------------------------- */

static __always_inline __u32 number_of(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return (__u32)regs->orig_ax;
#else
	return (__u32)regs->syscallno;
#endif
}

static __always_inline __u32 number_of_copied(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return (__u32)BPF_CORE_READ(regs, orig_ax);
#else
	return (__u32)BPF_CORE_READ(regs, syscallno);
#endif
}

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
