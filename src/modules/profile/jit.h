/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions that a program made while it runs, as it names them in /tmp/perf-PID.map: lines of
 * address, size and name ("7f21a0 40 Interpreter::run"), which JITs write for profilers.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct jit;

/*
 * From such a file, up to `*left` bytes, which become less by what was read: it is anybody's. NULL
 * when out of memory.
 */
struct jit *jit_read(FILE *file, uint64_t *left);

/* Opens it, if it is a plain file of that user or of root: anybody may make one in /tmp. */
FILE *jit_open(const char *path, uid_t user);
struct jit *jit_free(struct jit *jit); /* NULL is fine; returns NULL */

/* Of several at one address the last in the file, which is the newest; NULL: none. */
const char *jit_find(const struct jit *jit, uint64_t address);
