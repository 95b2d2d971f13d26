/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's own types, only the fields that are read here. CO-RE finds each
 * field where the running kernel has it, so the build needs no vmlinux.h and
 * never reads the build host's /sys.
 */
#pragma once

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct xdp_buff {
	__u32 flags;
};

struct tcp_request_sock {
	__u32 snt_isn; /* our first sequence number */
};

struct thread_info {
	unsigned long flags;
	__u32 status; /* x86: of the system call under way */
};

struct signal_struct {
	struct {
		int counter;
	} live; /* threads that have not ended */
};

typedef struct {
	__u32 val;
} kuid_t;

struct cred {
	kuid_t uid;
};

/* ---- files ---- */

struct qstr {
	__u32 len;
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent; /* itself, where nothing is above */
	struct qstr d_name;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent; /* itself, where nothing is above */
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
};

struct list_head {
	struct list_head *next;
};

struct new_utsname {
	char sysname[65];
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	struct path root;
	struct path pwd;
};

struct open_how {
	__u64 flags, mode, resolve;
};

struct filename {
	const char *name;
};

/* ---- io_uring ---- */

struct io_cmd_data {
	struct file *file;
};

struct io_kiocb {
	struct io_cmd_data cmd; /* what the operation needs, as io_open */
	__u8 opcode;
	__u64 flags;
	const struct cred *creds; /* where the flags say so */
};

struct io_open {
	int dfd;
	__u32 file_slot;
	struct filename *filename;
	struct open_how how;
};

struct io_uring_cqe {
	__s32 res;
};

struct ns_common {
	unsigned int inum;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

struct kernfs_node {
	__u64 id;
};

struct cgroup_root {
	int hierarchy_id; /* 0: cgroup2 */
};

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct sock_cgroup_data {
	struct cgroup *cgroup; /* of cgroup2 */
};

struct sock {
	struct sock_cgroup_data sk_cgrp_data;
	__u16 sk_protocol;
	int sk_err;
};

struct sk_buff {
	unsigned int len;
	__be16 protocol;
	__u16 network_header; /* from `head` on, as `end` */
	__u32 end;
	unsigned char *head, *data;
};

struct skb_shared_info {
	__u16 gso_segs;
};

struct css_set {
	struct cgroup *dfl_cgrp; /* of cgroup2 */
};

struct sched_entity {
	__u64 sum_exec_runtime; /* nanoseconds */
};

struct mm_struct {
	unsigned long start_stack; /* of each program somewhere else, if addresses are random */
};

struct task_struct {
	struct thread_info thread_info;
	struct sched_entity se;
	__u32 pid;
	__u32 tgid;
	__u64 start_boottime; /* of a group leader that another thread became by exec: the first's
			       */
	__u64 self_exec_id;   /* one more with each exec; a child begins with its parent's */
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	const struct cred *cred;
	struct signal_struct *signal;
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct css_set *cgroups;
	int exit_state; /* not 0: it has ended */
	/* The kernel's own books of this thread, as getrusage(2) has them. */
	unsigned long nvcsw, nivcsw;
	unsigned long min_flt, maj_flt;
	unsigned sched_migrated : 1; /* since it was switched out; where perf counts migrations */
	struct mm_struct *mm;        /* NULL: a thread of the kernel */
	char comm[16];
};

/* What user space had in its registers: arguments stay until the call returns. */
struct pt_regs {
#if defined(__TARGET_ARCH_x86)
	unsigned long orig_ax; /* the number of the call */
	unsigned long di, si, dx, r10;
	unsigned long bx,
		cx; /* the first two arguments of i386, whose third and fourth are dx, si */
#elif defined(__TARGET_ARCH_arm64)
	__u64 regs[31];
	__u64 orig_x0; /* the first argument: the result takes its place */
	int syscallno;
#endif
};

#pragma clang attribute pop

/* include/net/xdp.h: the frame goes on behind its first buffer. Linux 5.18. */
#define XDP_FLAGS_HAS_FRAGS 1

/*
 * Turns a context into the kernel's own structure; costs nothing. Linux 6.2. Where it is
 * missing, libbpf looks for it in every module, which takes CAP_SYS_ADMIN: an object for
 * those kernels does without the name, and calls nothing where it stands.
 */
#ifdef WITHOUT_KFUNCS
static __always_inline void *bpf_cast_to_kern_ctx(void *ctx)
{
	return ctx;
}
#else
extern void *bpf_cast_to_kern_ctx(void *ctx) __attribute__((section(".ksyms"), weak));
#endif
