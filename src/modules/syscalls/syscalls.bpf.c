/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts system calls: enter() and leave() are the whole walk, each called by one program for
 * every way to hook it. The kernel runs these programs with preemption off, so nothing else
 * writes to a CPU's table meanwhile.
 */
#include "bpf/call.bpf.h"
#include "bpf/follow.bpf.h"
#include "modules/syscalls/syscalls.h"
#include "modules/syscalls/tables.bpf.h"
#include "modules/syscalls/flights.bpf.h"

enum {
	ERROR_MAX = 4095,
	NO_CALL = 0xffffffff, /* of syscall(-1), and what sigreturn leaves behind */
	NOT_IMPLEMENTED = 38, /* ENOSYS */
};

/* What is asked for; constants to the verifier. */
const volatile bool count_errors; /* by error */
const volatile bool take_latency;
const volatile bool only_errors;  /* nothing else counts */
const volatile bool select_calls; /* only those in `selected_calls` */
const volatile __u64 selected_calls[CALLS / 64];

static __always_inline bool is_selected_call(__u32 call)
{
	return !select_calls || selected_calls[call / 64 % (CALLS / 64)] >> (call % 64) & 1;
}

static __always_inline void count(__u32 table_number, struct call_table *table,
				  struct task_struct *task, __u32 call, __u32 error)
{
	__u32 row = find_row(table_number, table, task, call, error);

	if (row < row_limit)
		table->rows[row].count++;
	else
		fold(table_number, call, error);
}

static __always_inline int enter(__u32 number)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 table_number = own_number();
	struct call_table *table = find_table(table_number);
	__u32 call;

	if (!table)
		return 0;
	call = call_of(task, number);
	table->seen++;
	if (!is_selected_call(call) || !is_selected(task)) {
		table->filtered++;
		return 0;
	}
	count(table_number, table, task, call, 0);
	if (take_latency)
		begin_flight(table, task, call);
	return 0;
}

static __always_inline bool is_error(long result)
{
	return result < 0 && result >= -ERROR_MAX;
}

/*
 * Without a number a call always ends with ENOSYS. What sigreturn leaves behind has none either,
 * and as its result a register of what was interrupted; where the begin is known, it was another
 * call.
 */
static __always_inline bool has_failed(__u32 number, __u32 call, long result)
{
	if (!is_error(result))
		return false;
	if (number != NO_CALL)
		return true;
	return result == -NOT_IMPLEMENTED && (call & CALL_NUMBER_MASK) == CALL_UNKNOWN;
}

/* Every call is seen at its end here, those that have none left out. */
static __always_inline int leave_only_errors(struct task_struct *task, __u32 number, long result)
{
	__u32 table_number = own_number(), call = call_of(task, number);
	struct call_table *table = find_table(table_number);

	if (!table)
		return 0;
	table->seen++;
	if (has_failed(number, call, result) && is_selected_call(call) && is_selected(task)) {
		count(table_number, table, task, call, 0);
		count(table_number, table, task, call, (__u32)-result);
	} else {
		table->filtered++;
	}
	return 0;
}

/*
 * Ends the call that this thread is in, and says which it was: what is left of a sigreturn has
 * no number. False when its begin was not seen, or is not looked at.
 */
static __always_inline bool land(struct task_struct *task, __u32 *ret_call)
{
	__u32 table_number = own_number();
	struct call_table *table = find_table(table_number);
	struct call_latency *beside = bpf_map_lookup_elem(&latencies, &table_number);
	struct flight *flight;
	__u64 begun;
	__u32 row;

	if (!table || !beside)
		return false;
	flight = find_flight(address_of(table, task));
	if (!flight || !flight->begun)
		return false;
	begun = flight->begun;
	flight->begun = 0;
	*ret_call = flight->call % CALLS;
	row = find_row(table_number, table, task, *ret_call, 0);
	if (row < row_limit)
		add_latency(&beside[row], bpf_ktime_get_ns() - begun);
	else
		table->untimed++;
	return true;
}

static __always_inline int leave(__u32 number, long result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 table_number, call = call_of(task, number);
	struct call_table *table;

	if (only_errors)
		return leave_only_errors(task, number, result);
	if (take_latency && !land(task, &call))
		return 0;
	if (!count_errors || !has_failed(number, call, result))
		return 0;
	table_number = own_number();
	table = find_table(table_number);
	if (table && (take_latency || (is_selected_call(call) && is_selected(task))))
		count(table_number, table, task, call, (__u32)-result);
	return 0;
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

/* Of the events raw_syscalls:sys_enter and sys_exit. */
struct call_event {
	__u64 common;
	long number;
	long result;
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

SEC("tp_btf/sys_exit") int leave_btf(__u64 *arguments)
{
	return leave(number_of((struct pt_regs *)arguments[0]), (long)arguments[1]);
}

SEC("raw_tp/sys_exit") int leave_raw(__u64 *arguments)
{
	return leave(number_of_copied((struct pt_regs *)arguments[0]), (long)arguments[1]);
}

SEC("tracepoint/raw_syscalls/sys_exit") int leave_classic(struct call_event *event)
{
	leave((__u32)event->number, event->result);
	return LET_PERF_SEE;
}

/* Every thread comes here. The last of a process finds none alive. */
SEC("tp_btf/sched_process_exit") int end(__u64 *arguments)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call_table *table = find_table(own_number());

	if (take_latency && table)
		drop_flight(table, task);
	if (task->signal->live.counter)
		return 0;
	if (table && is_selected(task))
		mark_end(table, task);
	unfollow(task);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
