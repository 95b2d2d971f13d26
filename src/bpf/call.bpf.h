/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which system call this is. */
#pragma once

#include "bpf/process.bpf.h"
#include "observe/call_abi.h"

enum { X32_BIT = 0x40000000 };

/* In the 12 bits of observe/call_abi.h; `number` is what the hook gives. */
static __always_inline __u32 call_of(struct task_struct *task, __u32 number)
{
	__u32 abi = CALL_NATIVE;

	if (is_compat(task)) {
		abi = CALL_COMPAT;
	} else if (number >> 16 == X32_BIT >> 16) {
		abi = CALL_X32;
		number &= ~X32_BIT;
	}
	if (number > CALL_UNKNOWN)
		number = CALL_UNKNOWN;
	return abi << CALL_NUMBER_BITS | number;
}
