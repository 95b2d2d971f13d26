/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one door to libbpf's kernel-side headers, and reads of what another CPU may be changing. */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define READ_ONCE(x)        (*(const volatile typeof(x) *)&(x))
#define likely(condition)   __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* From a program at a classic tracepoint or a kprobe: 0 would hide the event from all others. */
enum { LET_PERF_SEE = 1 };

/*
 * A second look at a word that another CPU may be changing. x86 keeps loads in
 * order; elsewhere a full barrier must stand between the two.
 */
#if defined(__TARGET_ARCH_x86)
#define READ_AGAIN(x) READ_ONCE(x)
#else
#define READ_AGAIN(x) __sync_fetch_and_add(&(x), 0)
#endif

/*
 * A zero that the verifier takes for any number. What it knows of a variable, it keeps apart:
 * two ways that meet again are two ways to everything behind, as long as one of them left a
 * constant. `number` is anything that the verifier does not know.
 */
static __always_inline __u64 any_zero(__u64 number)
{
	__u64 zero;

	asm volatile("%0 = %1\n%0 ^= %1" : "=&r"(zero) : "r"(number));
	return zero;
}
