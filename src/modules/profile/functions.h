/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What frames are called: each function once, so that two are the same when their addresses are. */
#pragma once

#include <stdbool.h>

enum function_kind {
	FUNCTION_LABEL, /* no function, but whose stacks these are: a command, a process */
	FUNCTION_USER,
	FUNCTION_JIT, /* made while the program runs, and named by what made it */
	FUNCTION_KERNEL,
	FUNCTION_KINDS,
};

struct function {
	enum function_kind kind;
	bool unknown;       /* is named by its place alone */
	const char *object; /* "libc.so.6", "kernel"; "" */
	const char *name;   /* ready to be shown: no control characters */
};

struct functions;

struct functions *functions_new(void);                         /* NULL when out of memory */
struct functions *functions_free(struct functions *functions); /* NULL is fine; returns NULL */

/* Names are from outside: they are escaped here, and what they are mangled from stays behind. */
const struct function *functions_find(struct functions *functions, enum function_kind kind,
				      const char *object, const char *name);

/* "[unknown in libfoo.so+0x123]", and for no object "[unknown]". */
const struct function *functions_unknown(struct functions *functions, enum function_kind kind,
					 const char *object, unsigned long long offset);
