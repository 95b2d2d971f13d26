/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The paths of an event: the text asked for, where it begins, and what was opened. */
#pragma once

#include "modules/opens/opens.h"
#include "modules/opens/walk.bpf.h"

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
