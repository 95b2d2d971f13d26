/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "modules/profile/elf_starts.h"

Elf_Scn *elf_section(Elf *elf, const char *name, GElf_Shdr *ret_header)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		const char *found;
		GElf_Shdr header;

		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS ||
		    header.sh_size > ELF_SECTION_MAX)
			continue;
		found = elf_strptr(elf, names, header.sh_name);
		if (!found || strcmp(found, name) != 0)
			continue;
		*ret_header = header;
		return section;
	}
	return NULL;
}

/* As compilers write it where code is less than 2 GB away: 32 bits, counted from where it stands.
 */
static bool read_start(const GElf_Shdr *header, const Elf_Data *data, const uint8_t *place,
		       uint64_t *ret_start)
{
	size_t offset = (size_t)(place - (const uint8_t *)data->d_buf);
	int32_t distance;

	if (offset + sizeof(distance) > data->d_size)
		return false;
	memcpy(&distance, place, sizeof(distance));
	*ret_start = header->sh_addr + offset + (uint64_t)(int64_t)distance;
	return true;
}

static bool add(struct elf_starts *starts, size_t *room, uint64_t start)
{
	if (starts->count == *room) {
		size_t wanted = *room ? 2 * *room : 256;
		void *larger = reallocarray(starts->addresses, wanted, sizeof(start));

		if (!larger)
			return false;
		starts->addresses = larger;
		*room = wanted;
	}
	starts->addresses[starts->count++] = start;
	return true;
}

static int compare(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

void elf_starts_read(Elf *elf, struct elf_starts *ret_starts)
{
	const unsigned char *identity = (const unsigned char *)elf_getident(elf, NULL);
	Dwarf_Off offset = 0, next;
	Dwarf_CFI_Entry entry;
	GElf_Shdr header;
	Elf_Scn *section = elf_section(elf, ".eh_frame", &header);
	Elf_Data *data = section ? elf_rawdata(section, NULL) : NULL;
	size_t room = 0;
	uint64_t start;

	*ret_starts = (struct elf_starts){ .addresses = NULL };
	while (data && dwarf_next_cfi(identity, data, true, offset, &next, &entry) == 0) {
		offset = next;
		if (!dwarf_cfi_cie_p(&entry) &&
		    read_start(&header, data, entry.fde.start, &start) &&
		    !add(ret_starts, &room, start))
			break;
	}
	if (ret_starts->count)
		qsort(ret_starts->addresses, ret_starts->count, sizeof(start), compare);
}

void elf_starts_free(struct elf_starts *starts)
{
	free(starts->addresses);
	*starts = (struct elf_starts){ .addresses = NULL };
}

uint64_t elf_starts_find(const struct elf_starts *starts, uint64_t address)
{
	size_t low = 0, high = starts->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (starts->addresses[middle] <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? starts->addresses[low - 1] : address;
}
