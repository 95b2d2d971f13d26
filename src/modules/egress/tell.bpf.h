/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is told of something that was denied: to whom, by which process, of which cgroup. */
#pragma once

#include "bpf/kernel.h"
#include "modules/egress/flow.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct egress_state);
} state SEC(".maps");

/* One for all policies. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} events SEC(".maps");

enum { NSEC_IN_SECOND = 1000000000 };

static __always_inline struct egress_state *own_state(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&state, &zero);
}

static __always_inline __u64 current_cgroup(void)
{
	return bpf_get_current_task_btf()->cgroups->dfl_cgrp->kn->id;
}

/* Only so many in a second; two that come at once may both be told. */
static __always_inline bool may_tell(struct egress_state *now, __u64 time)
{
	__u64 second = time / NSEC_IN_SECOND;

	if (now->second != second) {
		now->second = second;
		now->told = 0;
	}
	return now->told++ < EGRESS_EVENTS;
}

/* Who sends a packet is not always who runs: it is believed when both are of one cgroup. */
static __always_inline void describe_process(struct egress_event *event)
{
	struct task_struct *task = bpf_get_current_task_btf();

	event->process = 0;
	event->user = 0;
	__builtin_memset(event->command, 0, sizeof(event->command));
	if (event->header.kind == EGRESS_PACKET && event->cgroup != current_cgroup())
		return;
	event->process = task->tgid;
	event->user = task->cred->uid.val;
	bpf_probe_read_kernel(event->command, sizeof(event->command), task->group_leader->comm);
}

static __always_inline void tell(struct egress_state *now, const struct flow *flow,
				 enum egress_hook hook, __u64 cgroup, bool observe)
{
	__u64 time = bpf_ktime_get_boot_ns();
	struct egress_event *event =
		may_tell(now, time) ? bpf_ringbuf_reserve(&events, sizeof(*event), 0) : NULL;

	if (!event) {
		__sync_fetch_and_add(&now->untold, 1);
		return;
	}
	event->header = (struct event_header){
		.time = time, .module = EVENT_EGRESS, .kind = hook, .size = sizeof(*event)
	};
	event->cgroup = cgroup;
	event->untold = now->untold;
	__builtin_memcpy(event->address, flow->address, sizeof(event->address));
	event->port = flow->port;
	event->protocol = flow->protocol;
	event->observe = observe;
	event->unused = 0;
	__builtin_memcpy(event->policy, now->name, sizeof(event->policy));
	describe_process(event);
	bpf_ringbuf_submit(event, 0);
}
