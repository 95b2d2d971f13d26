/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts system calls and context switches of each CPU, and at a switch, if that is asked for,
 * what the task did that leaves. enter() and switched() are the whole walk. The kernel runs these
 * programs with preemption off, and at a switch with interrupts off: nothing else writes to a
 * CPU's state and tables meanwhile.
 */
#include "bpf/call.bpf.h"
#include "bpf/follow.bpf.h"
#include "modules/perf/perf.h"
#include "modules/perf/tables.bpf.h"
#include "modules/perf/waits.bpf.h"

/* What is asked for; constants to the verifier. */
const volatile bool attribute; /* to processes */
const volatile bool count_by_call;
const volatile bool time_waits;

/* ---- system calls ------------------------------------------------------------------------- */

static __always_inline int enter(__u32 number)
{
	struct perf_cpu *cpu = own_state();

	if (!cpu)
		return 0;
	cpu->calls++;
	if (count_by_call)
		cpu->by_call[call_of(bpf_get_current_task_btf(), number) % CALLS]++;
	return 0;
}

/* ---- switches ----------------------------------------------------------------------------- */

/* How fields of a task are read: it is known to the verifier, or only an address. */
#define FIELD(task, known, field) ((known) ? (task)->field : BPF_CORE_READ(task, field))

/* The kernel's books of a task as they stand; ours of the CPU beside. */
static __always_inline void read_books(struct task_struct *task, bool known, struct perf_cpu *cpu,
				       struct perf_run *ret_run)
{
	ret_run->counts[COUNT_VOLUNTARY] = FIELD(task, known, nvcsw);
	ret_run->counts[COUNT_INVOLUNTARY] = FIELD(task, known, nivcsw);
	ret_run->counts[COUNT_TIME] = FIELD(task, known, se.sum_exec_runtime);
	if (!attribute)
		return;
	ret_run->counts[COUNT_CALLS] = cpu->calls;
	ret_run->counts[COUNT_MINOR] = FIELD(task, known, min_flt);
	ret_run->counts[COUNT_MAJOR] = FIELD(task, known, maj_flt);
}

static __always_inline bool has_migrated(struct task_struct *task, bool known)
{
	return known ? BPF_CORE_READ_BITFIELD(task, sched_migrated)
		     : BPF_CORE_READ_BITFIELD_PROBED(task, sched_migrated);
}

/* What the task did since it began to run. */
static __always_inline void add_run(struct perf_cpu *cpu, struct task_struct *task,
				    const struct perf_run *now)
{
	__u64 *run = cpu->run.counts, migrations = run[COUNT_MIGRATIONS];
	struct perf_table *table = own_table();
	struct perf_row *row;
	__u64 *counts;

	if (!table)
		return;
	if (is_selected(task)) {
		row = find_row(table, task);
		counts = row ? row->counts : table->folded;
		if (task->exit_state && !task->signal->live.counter) {
			if (row)
				row->who.flags |= PROCESS_ENDED;
			else
				table->unmarked++;
		}
	} else {
		counts = table->filtered;
	}
	counts[COUNT_CALLS] += now->counts[COUNT_CALLS] - run[COUNT_CALLS];
	counts[COUNT_MINOR] += now->counts[COUNT_MINOR] - run[COUNT_MINOR];
	counts[COUNT_MAJOR] += now->counts[COUNT_MAJOR] - run[COUNT_MAJOR];
	counts[COUNT_VOLUNTARY] += now->counts[COUNT_VOLUNTARY] - run[COUNT_VOLUNTARY];
	counts[COUNT_INVOLUNTARY] += now->counts[COUNT_INVOLUNTARY] - run[COUNT_INVOLUNTARY];
	counts[COUNT_TIME] += now->counts[COUNT_TIME] - run[COUNT_TIME];
	counts[COUNT_MIGRATIONS] += migrations;
}

static __always_inline void time_switch(struct perf_cpu *cpu, struct task_struct *prev,
					struct task_struct *next, bool known, bool willing)
{
	__u64 now = bpf_ktime_get_ns(), name[2];

	if (prev->exit_state)
		drop_wait(address_of(cpu, prev));
	else if (prev->pid && is_selected(prev))
		begin_wait(cpu, prev, willing, now);
	if (!FIELD(next, known, pid))
		return;
	if (known) {
		const __u64 *letters = (const __u64 *)next->group_leader->comm;

		name[0] = letters[0];
		name[1] = letters[1];
	} else {
		BPF_CORE_READ_INTO(&name, next, group_leader, comm);
	}
	end_wait(cpu, next, name[0], name[1], now);
}

/* Whose these system calls are cannot be told; what else was done is not known at all. */
static __always_inline void add_unseen(struct perf_cpu *cpu)
{
	struct perf_table *table = own_table();

	if (table)
		table->unseen += cpu->calls - cpu->run.counts[COUNT_CALLS];
}

static __always_inline void leave(struct perf_cpu *cpu, struct task_struct *prev, bool prev_known,
				  struct task_struct *next, bool next_known)
{
	struct perf_run now;
	bool willing;

	if (unlikely(cpu->tid != FIELD(prev, prev_known, pid))) {
		cpu->unseen++;
		if (attribute)
			add_unseen(cpu);
		return;
	}
	read_books(prev, prev_known, cpu, &now);
	/* The kernel has decided by itself which kind of switch this is. */
	willing = now.counts[COUNT_VOLUNTARY] != cpu->run.counts[COUNT_VOLUNTARY];
	if (cpu->tid)
		cpu->busy += now.counts[COUNT_TIME] - cpu->run.counts[COUNT_TIME];
	if (!cpu->tid)
		cpu->idle++;
	else if (willing)
		cpu->voluntary++;
	else
		cpu->involuntary++;
	if (attribute && prev_known && cpu->tid)
		add_run(cpu, prev, &now);
	if (time_waits && prev_known)
		time_switch(cpu, prev, next, next_known, willing);
}

static __always_inline void begin_run(struct perf_cpu *cpu, struct task_struct *task, bool known)
{
	read_books(task, known, cpu, &cpu->run);
	cpu->tid = FIELD(task, known, pid);
	cpu->begun = 1;
}

/*
 * `prev` leaves, `next` comes, and both have closed their books by now. Which of the two the
 * verifier knows depends on the hook; attribution is only for hooks where `prev` still runs.
 * Some kernels do not show every switch; then another task leaves than came.
 */
static __always_inline int switched(struct task_struct *prev, bool prev_known,
				    struct task_struct *next, bool next_known)
{
	struct perf_cpu *cpu = own_state();

	if (!cpu)
		return 0;
	if (likely(cpu->begun))
		leave(cpu, prev, prev_known, next, next_known);
	begin_run(cpu, next, next_known);
	if (attribute)
		cpu->run.counts[COUNT_MIGRATIONS] = has_migrated(next, next_known);
	return 0;
}

/*
 * On every CPU as user space asks for it, by an interrupt there, or with preemption off: no switch
 * is under way.
 */
SEC("raw_tp") int settle(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct perf_cpu *cpu = own_state();
	struct perf_run now;

	if (!cpu)
		return 0;
	if (cpu->begun) {
		if (!cpu->tid || cpu->tid != task->pid)
			return 0;
		read_books(task, true, cpu, &now);
		cpu->busy += now.counts[COUNT_TIME] - cpu->run.counts[COUNT_TIME];
		if (attribute)
			add_run(cpu, task, &now);
	}
	begin_run(cpu, task, true);
	cpu->run.counts[COUNT_MIGRATIONS] = 0;
	return 0;
}

static __always_inline int woken(struct task_struct *task, bool is_new)
{
	struct perf_cpu *cpu = own_state();
	struct wait *wait;
	__u64 address;

	if (!cpu)
		return 0;
	address = address_of(cpu, task);
	wait = find_wait(address);
	/* A new task is looked at if the one that makes it is. */
	if (!wait && is_new && is_selected(bpf_get_current_task_btf()))
		wait = take_wait(address);
	if (wait)
		wait->ready = bpf_ktime_get_ns();
	return 0;
}

/* ---- programs ----------------------------------------------------------------------------- */

/* Of the event raw_syscalls:sys_enter. */
struct call_event {
	__u64 common;
	long number;
};

SEC("tp_btf/sys_enter") int enter_btf(__u64 *arguments)
{
	return enter((__u32)arguments[1]);
}

SEC("raw_tp/sys_enter") int enter_raw(__u64 *arguments)
{
	return enter((__u32)arguments[1]);
}

SEC("tracepoint/raw_syscalls/sys_enter") int enter_classic(struct call_event *event)
{
	enter((__u32)event->number);
	return LET_PERF_SEE;
}

SEC("tp_btf/sched_switch") int switch_btf(__u64 *arguments)
{
	return switched((struct task_struct *)arguments[1], true,
			(struct task_struct *)arguments[2], true);
}

SEC("raw_tp/sched_switch") int switch_raw(__u64 *arguments)
{
	return switched(bpf_get_current_task_btf(), true, (struct task_struct *)arguments[2],
			false);
}

/* finish_task_switch(prev): the next runs already. */
SEC("kprobe") int switch_kprobe(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	struct task_struct *prev = (struct task_struct *)BPF_CORE_READ(regs, di);
#else
	struct task_struct *prev = (struct task_struct *)BPF_CORE_READ(regs, regs[0]);
#endif

	switched(prev, false, bpf_get_current_task_btf(), true);
	return LET_PERF_SEE;
}

SEC("tp_btf/sched_wakeup") int wakeup_btf(__u64 *arguments)
{
	return woken((struct task_struct *)arguments[0], false);
}

SEC("raw_tp/sched_wakeup") int wakeup_raw(__u64 *arguments)
{
	return woken((struct task_struct *)arguments[0], false);
}

SEC("tp_btf/sched_wakeup_new") int wakeup_new_btf(__u64 *arguments)
{
	return woken((struct task_struct *)arguments[0], true);
}

SEC("raw_tp/sched_wakeup_new") int wakeup_new_raw(__u64 *arguments)
{
	return woken((struct task_struct *)arguments[0], true);
}

/* Long after the last switch of a process: until then it is one that is followed. */
SEC("tp_btf/sched_process_free") int end(__u64 *arguments)
{
	struct task_struct *task = (struct task_struct *)arguments[0];

	if (task->pid == task->tgid)
		unfollow(task);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
