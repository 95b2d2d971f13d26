/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of system calls that a kernel has side by side; shared with the kernel side. */
#pragma once

enum call_abi {
	CALL_NATIVE, /* 64-bit */
	CALL_COMPAT, /* x86-64: i386; arm64: 32-bit arm */
	CALL_X32,    /* x86-64 only */
	CALL_ABIS,
};

/* More than the highest number: x32 has calls of its own from 512 on, beside the common ones. */
enum { CALL_NUMBERS = 1024 };

/* A call in 12 bits: the number in its table, which of the tables above. */
enum {
	CALL_NUMBER_BITS = 10,
	CALL_NUMBER_MASK = (1 << CALL_NUMBER_BITS) - 1,
	CALL_UNKNOWN = CALL_NUMBER_MASK, /* the number of whatever has a larger one */
	CALLS = 4 << CALL_NUMBER_BITS,
	CALL_ABI_SHIFT = CALL_NUMBER_BITS,
};
