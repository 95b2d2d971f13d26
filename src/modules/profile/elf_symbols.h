/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions of an ELF file, read by elfutils' libelf: from its own symbols, or from those that
 * a distribution keeps apart in /usr/lib/debug, found by build-id and nothing else that the file
 * says. The file is anybody's, and can change while it is read: it is read, not mapped, and
 * tables beyond any that there is are not.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct elf_symbols;

/* NULL when out of memory; of what is no ELF file there is nothing to find. `fd` stays open. */
struct elf_symbols *elf_symbols_read(int fd);
struct elf_symbols *elf_symbols_free(struct elf_symbols *symbols); /* NULL is fine; returns NULL */

/*
 * The function at an offset of the file, by its name as it stands there; NULL when there is none.
 * The name lives as long as the symbols.
 */
const char *elf_symbols_find(const struct elf_symbols *symbols, uint64_t offset);

/*
 * Where in the file the nameless function at an offset begins, as its unwind information
 * (.eh_frame) has it, which stays in programs without symbols; without it the offset itself.
 */
uint64_t elf_symbols_start(struct elf_symbols *symbols, uint64_t offset);
