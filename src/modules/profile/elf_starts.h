/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where functions begin that have no name: by the unwind information of an ELF file. */
#pragma once

#include <gelf.h>
#include <stddef.h>
#include <stdint.h>

struct elf_starts {
	uint64_t *addresses; /* rising */
	size_t count;
};

/* What is in .eh_frame; none when there is none, or it makes no sense. */
void elf_starts_read(Elf *elf, struct elf_starts *ret_starts);
void elf_starts_free(struct elf_starts *starts);

/* The last that is not beyond an address; without one the address itself. */
uint64_t elf_starts_find(const struct elf_starts *starts, uint64_t address);

/* A section by its name, and its header; NULL when there is none, or it is larger than is sane. */
Elf_Scn *elf_section(Elf *elf, const char *name, GElf_Shdr *ret_header);

enum { ELF_SECTION_MAX = 256 << 20 }; /* bytes; those of the largest browsers are a quarter */
