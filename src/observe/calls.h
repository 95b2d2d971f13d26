/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of system calls, of the kernel's headers that this was built with (call_table.py writes
 * them down). A call that is newer than the headers goes by its number. A native name stands
 * alone, another is preceded by its ABI: "read", "i386:read", "x32:read", "arm:read".
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "observe/call_abi.h"

enum { CALL_NAME = 40 };

/*
 * `abi` is one that this machine has; `number` is without __X32_SYSCALL_BIT. What has no name is
 * "#600" or "i386:#600". Returns `buffer`.
 */
const char *call_name(enum call_abi abi, uint32_t number, char buffer[CALL_NAME]);

/* Of a call in 12 bits: "read", "i386:read", "(no such call)". */
const char *name_call(uint16_t call, char buffer[CALL_NAME]);

/*
 * The inverse of the first; a number, also "257", may be given for a call that has a name. It can
 * be CALL_NUMBERS or more. -ENOENT with what was probably meant; -EINVAL for a number that is none.
 */
int call_find(const char *name, enum call_abi *ret_abi, uint32_t *ret_number, struct error *error);
