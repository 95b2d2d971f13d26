/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a file up to the root of the process, as d_path() goes: names are written from the inside
 * out, behind each a zero. What is under way is in the row of this CPU, as numbers, so that the
 * verifier has nothing to keep apart. Renames on other CPUs are not waited for: every name is
 * one that the directory had.
 */
#pragma once

#include "modules/opens/fields.bpf.h"

static __always_inline __u64 mount_of(__u64 vfsmount)
{
	return vfsmount - bpf_core_field_offset(struct mount, mnt);
}

/* The text always has room for one more, and for what is copied beyond its end. */
static __always_inline bool add_name(struct open_row *row, struct name name)
{
	__u32 used = row->used;
	char *to;

	if (used > 3 * OPEN_PATH - 256 || name.length > 255)
		return false;
	to = row->text + used;
	if (!copy_name(to, name))
		return false;
	to[name.length] = 0;
	row->used = used + name.length + 1;
	return true;
}

/* Returns how it ended, enum open_mark. A function that the verifier checks once. */
__noinline int walk(struct open_row *row)
{
	__u32 begin;

	if (!row)
		return 0;
	begin = row->used;
	if (!enter_mount(row, row->mount))
		return OPEN_WALK_CUT;
	for (__u32 i = 0; i < OPEN_DEPTH; i++) {
		__u64 dentry = row->dentry, parent;
		struct name name;

		if (dentry == row->root_dentry && row->mount == row->root_mount)
			return 0;
		if (dentry == row->mount_root) {
			if (row->mount_parent == row->mount)
				return OPEN_WALK_OUTSIDE;
			row->dentry = row->mount_point;
			if (!enter_mount(row, row->mount_parent))
				return OPEN_WALK_CUT;
			continue;
		}
		if (!read_dentry(row, dentry, &parent, &name) ||
		    row->used - begin > OPEN_PATH - 256 || !add_name(row, name))
			return OPEN_WALK_CUT;
		if (parent == dentry)
			return OPEN_WALK_NOWHERE;
		row->dentry = parent;
	}
	return OPEN_WALK_CUT;
}

/* The names above a path that lies at `mount` and `dentry`; returns how many bytes. */
static __always_inline __u16 add_walk(struct open_row *row, __u64 vfsmount, __u64 dentry,
				      __u8 *ret_end)
{
	__u32 begin = row->used;

	row->mount = mount_of(vfsmount);
	row->dentry = dentry;
	*ret_end = (__u8)walk(row);
	return (__u16)(row->used - begin);
}
