/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's functions by the names they really have. */
#pragma once

#include <stddef.h>
#include <stdio.h>

enum { SYMBOL_NAME = 128 };

/*
 * The function that `name` became: itself, or what the compiler made of it (.isra.N,
 * .constprop.N, .part.N, .llvm.N); never .cold, which is only its unlikely end, and never a
 * longer name that begins the same. -ENOENT when there is none, -EACCES when names cannot
 * be read.
 */
int kallsyms_resolve(const char *name, char ret_symbol[SYMBOL_NAME]);

/* The same from a file as /proc/kallsyms is; for tests. */
int kallsyms_resolve_in(FILE *file, const char *name, char ret_symbol[SYMBOL_NAME]);
