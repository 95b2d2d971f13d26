/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of the errors that a system call ends with. Those from 512 on are the kernel's own: a
 * program never sees them, but whoever looks before the way out does, as at a call that a signal
 * interrupts and that is started again.
 */
#pragma once

#include "base/error.h"

enum { ERRNO_LAST = 4095 }; /* a result of -4095..-1 is an error, any other is none */
enum { ERRNO_NAME = 32 };

/* `code` is positive: "ENOENT", "ERESTARTSYS"; "errno 600" without a name. Returns `buffer`. */
const char *errno_name(unsigned code, char buffer[ERRNO_NAME]);

/* The inverse, of names only; a second name, as EWOULDBLOCK, is known too. -ENOENT. */
int errno_find(const char *name, unsigned *ret_code, struct error *error);
