/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "bpf/process.bpf.h"
#include "bpf/process_row.h"

/* `task` is the one that runs; `incarnation` is the caller's to fill in. */
static __always_inline void describe_process(struct process_row *row, struct task_struct *task)
{
	row->start = task->group_leader->start_boottime;
	row->cgroup = bpf_get_current_cgroup_id();
	row->tgid = task->tgid;
	row->parent = task->real_parent->tgid;
	row->user = task->cred->uid.val;
	row->flags = 0;
	bpf_probe_read_kernel(row->command, sizeof(row->command), task->group_leader->comm);
}
