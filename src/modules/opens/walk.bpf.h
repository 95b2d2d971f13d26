/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a file up to the root of the process, as d_path() goes: names are written from the inside
 * out, behind each a zero. What is under way is in the row of this CPU, as numbers, so that the
 * verifier has nothing to keep apart. Renames on other CPUs are not waited for: every name is
 * one that the directory had.
 */
#pragma once

#include "bpf/helpers.h"
#include "bpf/kernel.h"
#include "modules/opens/opens.h"

enum { INLINE_NAME = 32 }; /* bytes of names that lie in the dentry itself, at least */

/* A field of what was copied, which CO-RE finds. */
#define COPIED(row, type, kind, field) \
	(*(kind *)((row)->copy + bpf_core_field_offset(struct type, field)))

static __always_inline bool copy_from(struct open_row *row, __u64 address)
{
	return bpf_probe_read_kernel(row->copy, sizeof(row->copy), (const void *)address) == 0;
}

static __always_inline bool enter_mount(struct open_row *row, __u64 mount)
{
	if (!copy_from(row, mount))
		return false;
	row->mount = mount;
	row->mount_root = COPIED(row, mount, __u64, mnt.mnt_root);
	row->mount_parent = COPIED(row, mount, __u64, mnt_parent);
	row->mount_point = COPIED(row, mount, __u64, mnt_mountpoint);
	return true;
}

static __always_inline __u64 mount_of(__u64 vfsmount)
{
	return vfsmount - bpf_core_field_offset(struct mount, mnt);
}

/* Writes the name that was copied; its text always has room for one more. */
static __always_inline bool add_name(struct open_row *row, __u64 dentry)
{
	__u64 name = COPIED(row, dentry, __u64, d_name.name), inside = name - dentry;
	__u32 length = COPIED(row, dentry, __u32, d_name.len), used = row->used;
	char *to;

	if (used > 3 * OPEN_PATH - 256 || length > 255)
		return false;
	to = row->text + used;
	if (length <= INLINE_NAME && inside <= sizeof(row->copy) - INLINE_NAME) {
		const __u64 *from = (const __u64 *)(row->copy + inside);

#pragma unroll
		for (__u32 i = 0; i < INLINE_NAME / 8; i++)
			((__u64 *)to)[i] = from[i];
	} else if (bpf_probe_read_kernel(to, length, (const void *)name)) {
		return false;
	}
	to[length] = 0;
	row->used = used + length + 1;
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
		if (!copy_from(row, dentry))
			return OPEN_WALK_CUT;
		parent = COPIED(row, dentry, __u64, d_parent);
		if (row->used - begin > OPEN_PATH - 256 || !add_name(row, dentry))
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
