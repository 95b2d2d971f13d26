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
