/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a command that sumun started became: its processes, and theirs. User space puts the first
 * into `followed`, and here children join and the ended leave, before they make a call.
 */
#pragma once

#include "bpf/process.bpf.h"

__u64 not_followed; /* processes that the map had no room for */

/* Both run as tp_btf and as raw_tp: nothing but `child` is taken from the context. */
static __always_inline int follow_child(struct task_struct *child)
{
	__u32 parent = bpf_get_current_task_btf()->tgid, tgid = BPF_CORE_READ(child, tgid);
	__u8 yes = 1;

	if (tgid != parent && bpf_map_lookup_elem(&followed, &parent) &&
	    bpf_map_update_elem(&followed, &tgid, &yes, BPF_ANY))
		__sync_fetch_and_add(&not_followed, 1);
	return 0;
}

static __always_inline void unfollow(struct task_struct *task)
{
	__u32 tgid = task->tgid;

	if (selection.follow)
		bpf_map_delete_elem(&followed, &tgid);
}

SEC("tp_btf/sched_process_fork") int follow(__u64 *arguments)
{
	return follow_child((struct task_struct *)arguments[1]);
}
