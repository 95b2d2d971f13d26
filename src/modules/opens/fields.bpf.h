/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What walks read of the kernel's own structures, whose addresses are numbers here. From Linux 6.2
 * on a number can be taken for a structure again, and fields are loads; before, all of it is
 * copied by calls, each of which costs as much as a dozen loads.
 */
#pragma once

#include "bpf/helpers.h"
#include "bpf/kernel.h"
#include "modules/opens/opens.h"

/* A field of what was copied, which CO-RE finds. */
#define COPIED(row, type, kind, field) \
	(*(kind *)((row)->copy + bpf_core_field_offset(struct type, field)))

struct name {
	__u64 address;
	__u32 length;
};

#ifdef WITHOUT_KFUNCS

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

static __always_inline bool read_dentry(struct open_row *row, __u64 dentry, __u64 *ret_parent,
					struct name *ret_name)
{
	if (!copy_from(row, dentry))
		return false;
	*ret_parent = COPIED(row, dentry, __u64, d_parent);
	ret_name->address = COPIED(row, dentry, __u64, d_name.name);
	ret_name->length = COPIED(row, dentry, __u32, d_name.len);
	return true;
}

static __always_inline bool copy_name(char *to, struct name name)
{
	return bpf_probe_read_kernel(to, name.length, (const void *)name.address) == 0;
}

static __always_inline __u8 opcode_of(__u64 request)
{
	__u8 opcode = 0;

	bpf_core_read(&opcode, sizeof(opcode), &((struct io_kiocb *)request)->opcode);
	return opcode;
}

static __always_inline bool read_path(struct file **files, __u32 number, struct path *ret_path)
{
	struct file *file = NULL;

	bpf_probe_read_kernel(&file, sizeof(file), (const void *)(files + number));
	return file && bpf_core_read(ret_path, sizeof(*ret_path), &file->f_path) == 0;
}

#else

extern void *bpf_rdonly_cast(const void *address, __u32 type)
	__attribute__((section(".ksyms"), weak));

#define AS(type, address)                                              \
	((const struct type *)bpf_rdonly_cast((const void *)(address), \
					      bpf_core_type_id_kernel(struct type)))

static __always_inline bool enter_mount(struct open_row *row, __u64 address)
{
	const struct mount *mount = AS(mount, address);

	row->mount = address;
	row->mount_root = (__u64)mount->mnt.mnt_root;
	row->mount_parent = (__u64)mount->mnt_parent;
	row->mount_point = (__u64)mount->mnt_mountpoint;
	return row->mount_root;
}

/* What cannot be read is 0. */
static __always_inline bool read_dentry(struct open_row *row, __u64 address, __u64 *ret_parent,
					struct name *ret_name)
{
	const struct dentry *dentry = AS(dentry, address);

	*ret_parent = (__u64)dentry->d_parent;
	ret_name->address = (__u64)dentry->d_name.name;
	ret_name->length = dentry->d_name.len;
	return *ret_parent;
}

/*
 * Words that lie at an address: any structure will do that begins with so many bytes which are no
 * pointers. More is written than the name has, where there is room.
 */
static __always_inline bool copy_name(char *to, struct name name)
{
	const __u64 *from = (const __u64 *)AS(new_utsname, name.address)->sysname;

	if (name.length > 64)
		return bpf_probe_read_kernel(to, name.length, (const void *)name.address) == 0;
#pragma unroll
	for (__u32 i = 0; i < 4; i++)
		((__u64 *)to)[i] = from[i];
	if (name.length <= 32)
		return true;
#pragma unroll
	for (__u32 i = 4; i < 8; i++)
		((__u64 *)to)[i] = from[i];
	return true;
}

static __always_inline bool read_path(struct file **files, __u32 number, struct path *ret_path)
{
	const struct file *file;
	__u64 address = (__u64)AS(list_head, files + number)->next;

	if (!address)
		return false;
	file = AS(file, address);
	ret_path->mnt = file->f_path.mnt;
	ret_path->dentry = file->f_path.dentry;
	return ret_path->dentry;
}

static __always_inline __u8 opcode_of(__u64 request)
{
	return AS(io_kiocb, request)->opcode;
}

#endif
