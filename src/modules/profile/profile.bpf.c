/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stacks of what runs, sampled by a clock, and of what leaves the CPU. The programs run with
 * preemption off, and only one of the two is loaded: nothing else writes to a CPU's scratch.
 */
#include "bpf/follow.bpf.h"
#include "modules/profile/profile.h"

enum {
	TASK_DEAD = 0x80,
	FRAME_BYTES = 8,
	STACK_BYTES = STACK_FRAMES * FRAME_BYTES,
	FRAMES_MASK = 0x7f8
};

#define USER_LOWEST  0x1000ULL
#define USER_HIGHEST (1ULL << 56) /* five levels of page tables */
_Static_assert(STACK_BYTES == 0x3f8, "all the bits of a size: it is used as a mask");

__u32 epoch; /* 0 or 1: which table is written */
const volatile __u32 cpus = 1;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct stack_table);
} stack_tables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stack_event);
} scratch SEC(".maps");

/* Number: epoch * cpus + cpu. User space makes them as many as there are. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct stack_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} stacks SEC(".maps");

/* Of a thread that is off the CPU. */
struct absence {
	__u64 key;
	__u64 since; /* CLOCK_MONOTONIC, nanoseconds; 0: it is back */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct absence);
} absences SEC(".maps");

/* What is written now: both of one epoch, so that what user space adds up belongs together. */
struct place {
	struct stack_table *table;
	struct stack_counters *own;
};

static __always_inline bool find_place(struct place *ret_place)
{
	__u32 now = READ_ONCE(epoch), number = now * cpus + bpf_get_smp_processor_id();

	ret_place->table = bpf_map_lookup_elem(&stack_tables, &now);
	ret_place->own = bpf_map_lookup_elem(&counters, &number);
	return ret_place->table && ret_place->own;
}

/* ---- keys --------------------------------------------------------------------------------- */

static __always_inline __u64 mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 32;
}

/* Where a program may be; on what is no stack a walk finds anything. */
static __always_inline bool is_code(__u64 address)
{
	return address >= USER_LOWEST && address < USER_HIGHEST;
}

/* Also cuts the stack where it is none any more. */
static __always_inline __u64 key_of(struct stack_event *event)
{
	__u32 kernel = event->kernel_frames, frames = kernel + event->user_frames;
	const __u64 *command = (const __u64 *)event->command;
	__u64 hash = mix(event->incarnation, (__u64)event->tgid << 32 | event->kind);

	hash = mix(hash, event->cgroup);
	hash = mix(hash, command[0]);
	hash = mix(hash, command[1]);
	/* Where the one side ends and the other begins. */
	hash = mix(hash, event->kernel_frames);
	for (__u32 i = 0; i < 2 * STACK_FRAMES && i < frames; i++) {
		if (i >= kernel && !is_code(event->frames[i])) {
			event->user_frames = i - kernel;
			break;
		}
		hash = mix(hash, event->frames[i]);
	}
	return hash ? hash : 1;
}

/* ---- rows --------------------------------------------------------------------------------- */

/* Made if it is not there; NULL: no room. Other CPUs take rows as well. */
static __always_inline struct stack_row *find_row(struct stack_table *table, __u64 key)
{
	for (__u32 i = 0; i < STACK_PROBES; i++) {
		struct stack_row *row = &table->rows[((__u32)(key >> 32) + i) % STACK_ROWS];
		__u64 held = READ_ONCE(row->key);

		if (!held) {
			held = __sync_val_compare_and_swap(&row->key, 0, key);
			if (!held)
				__sync_fetch_and_add(&table->used, 1);
		}
		if (!held || held == key)
			return row;
	}
	return NULL;
}

static __always_inline bool is_power_of_two(__u64 number)
{
	return !(number & (number - 1));
}

/*
 * Whether user space is to be woken for a new stack of a process, which may soon have ended: for
 * the first, and whenever there are twice as many, as it may have mapped more by then. Always
 * where there is no room to count.
 */
static __always_inline bool is_worth_waking(struct stack_table *table,
					    const struct stack_event *event)
{
	__u64 mark = mix(event->incarnation, event->tgid) | (STACK_WAKES + 1);

	for (__u32 i = 0; i < STACK_PROCESS_PROBES; i++) {
		__u64 *slot = &table->processes[((__u32)(mark >> 32) + i) % STACK_PROCESSES];
		__u64 held = READ_ONCE(*slot);
		__u64 count = held & STACK_WAKES;

		if (!held && !__sync_val_compare_and_swap(slot, 0, (mark & ~STACK_WAKES) | 1))
			return true;
		if ((held | STACK_WAKES) != (mark | STACK_WAKES))
			continue;
		if (count == STACK_WAKES)
			return false;
		__sync_val_compare_and_swap(slot, held, held + 1);
		return is_power_of_two(count + 1);
	}
	return true;
}

/* ---- stacks ------------------------------------------------------------------------------- */

static __always_inline void describe(struct stack_event *event, struct task_struct *task,
				     enum stack_kind kind)
{
	const struct mm_struct *mm = task->mm;

	event->incarnation = incarnation_of(task);
	event->cgroup = bpf_get_current_cgroup_id();
	event->tgid = task->tgid;
	event->kind = kind;
	event->start_stack = mm ? mm->start_stack : 0;
	bpf_probe_read_kernel(event->command, sizeof(event->command), task->group_leader->comm);
}

static __always_inline __u32 bytes_of(long result)
{
	return result < 0 ? 0 : (__u32)result & STACK_BYTES;
}

static __always_inline void announce(struct stack_table *table, struct stack_row *row,
				     struct stack_event *event)
{
	__u32 bytes = (event->kernel_frames + event->user_frames) * FRAME_BYTES & FRAMES_MASK;
	__u32 size = offsetof(struct stack_event, frames) + bytes;
	bool wake = is_worth_waking(table, event) ||
		    bpf_ringbuf_query(&stacks, BPF_RB_AVAIL_DATA) > 1 << 18;

	event->header.module = EVENT_PROFILE;
	event->header.size = size;
	if (!bpf_ringbuf_output(&stacks, event, size,
				wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP))
		row->announced = 1;
}

/* The row of the stack of what runs now; NULL: no room. */
static __always_inline struct stack_row *find_stack(void *ctx, struct stack_table *table,
						    struct task_struct *task, enum stack_kind kind)
{
	__u32 zero = 0, kernel, user;
	struct stack_event *event = bpf_map_lookup_elem(&scratch, &zero);
	struct stack_row *row;

	if (!event)
		return NULL;
	describe(event, task, kind);
	kernel = bytes_of(bpf_get_stack(ctx, event->frames, STACK_BYTES, 0));
	user = bytes_of(
		bpf_get_stack(ctx, (void *)event->frames + kernel, STACK_BYTES, BPF_F_USER_STACK));
	event->kernel_frames = kernel / FRAME_BYTES;
	event->user_frames = user / FRAME_BYTES;
	event->key = key_of(event);
	row = find_row(table, event->key);
	if (row && !row->announced)
		announce(table, row, event);
	return row;
}

/* ---- programs ----------------------------------------------------------------------------- */

SEC("perf_event") int sample(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct stack_row *row;
	struct place place;

	if (!find_place(&place))
		return 0;
	place.own->taken++;
	if (!is_selected(task)) {
		place.own->filtered++;
		return 0;
	}
	row = find_stack(ctx, place.table, task, STACK_RUNNING);
	if (row)
		__sync_fetch_and_add(&row->count, 1);
	else
		place.own->no_row++;
	return 0;
}

static __always_inline void leave(void *ctx, struct place *place, struct task_struct *task,
				  enum stack_kind kind)
{
	struct absence *absence =
		bpf_task_storage_get(&absences, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	struct stack_row *row;

	if (!absence) {
		place->own->no_memory++;
		return;
	}
	row = find_stack(ctx, place->table, task, kind);
	if (!row) {
		place->own->no_row++;
		return;
	}
	if (absence->since)
		place->own->unpaired++; /* a switch for which this was not run */
	place->own->left++;
	absence->key = row->key;
	absence->since = bpf_ktime_get_ns();
}

static __always_inline void come_back(struct place *place, struct task_struct *task)
{
	struct absence *absence = bpf_task_storage_get(&absences, task, NULL, 0);
	struct stack_row *row;

	if (!absence || !absence->since)
		return;
	place->own->returned++;
	row = find_row(place->table, absence->key);
	if (row) {
		__sync_fetch_and_add(&row->count, 1);
		__sync_fetch_and_add(&row->time, bpf_ktime_get_ns() - absence->since);
	} else {
		place->own->no_row++;
	}
	absence->since = 0;
}

SEC("tp_btf/sched_switch") int switched(__u64 *arguments)
{
	bool preempted = arguments[0];
	struct task_struct *next = (struct task_struct *)arguments[2];
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 state = arguments[3];
	struct place place;

	if (!find_place(&place))
		return 0;
	if (next->pid)
		come_back(&place, next);
	if (!task->pid)
		return 0;
	place.own->taken++;
	if (!is_selected(task))
		place.own->filtered++;
	else if (state & TASK_DEAD)
		place.own->ended++;
	else
		leave(arguments, &place, task,
		      preempted || !state ? STACK_PREEMPTED : STACK_WAITING);
	return 0;
}

/* The last thread of a process finds none alive. */
SEC("tp_btf/sched_process_exit") int end(__u64 *arguments)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!task->signal->live.counter)
		unfollow(task);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
