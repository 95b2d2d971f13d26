/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's functions by address, from /proc/kallsyms. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct kernel_symbols;

/* What is read later is shown by the right of who opens: NULL when it cannot be opened. */
FILE *kernel_symbols_open(void);

/* From a file as /proc/kallsyms is. NULL when out of memory. */
struct kernel_symbols *kernel_symbols_read(FILE *file);
struct kernel_symbols *kernel_symbols_free(struct kernel_symbols *symbols); /* NULL is fine */

/* Whether addresses are kept from us (kernel.kptr_restrict): then nothing is found. */
bool kernel_symbols_hidden(const struct kernel_symbols *symbols);

/* The function that an address lies in; NULL where there is none. */
const char *kernel_symbols_find(const struct kernel_symbols *symbols, uint64_t address);
