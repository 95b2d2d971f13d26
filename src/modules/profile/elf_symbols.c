/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "modules/profile/elf_starts.h"
#include "modules/profile/elf_symbols.h"

enum {
	SEGMENTS_MAX = 16,
	BUILD_ID_MAX = 64,
	LOOK_BACK = 16, /* symbols, for one that is around another */
};

struct segment {
	uint64_t offset, size, address;
};

struct symbol {
	uint64_t address, end;
	const char *name;
	unsigned char binding;
	bool sized; /* else it ends with its section, if nothing comes before */
};

/* A file that is open as long as names in it are in use. */
struct source {
	int fd;
	Elf *elf;
};

struct elf_symbols {
	struct source own, apart;
	struct segment segments[SEGMENTS_MAX];
	size_t segment_count;
	struct symbol *symbols; /* by address */
	size_t count;
	bool starts_read;
	struct elf_starts starts;
};

/* ---- files -------------------------------------------------------------------------------- */

static void read_segments(struct elf_symbols *symbols)
{
	size_t count;

	if (elf_getphdrnum(symbols->own.elf, &count) < 0)
		return;
	for (size_t i = 0; i < count && symbols->segment_count < SEGMENTS_MAX; i++) {
		GElf_Phdr header;

		if (!gelf_getphdr(symbols->own.elf, (int)i, &header) || header.p_type != PT_LOAD)
			continue;
		symbols->segments[symbols->segment_count++] =
			(struct segment){ .offset = header.p_offset,
					  .size = header.p_filesz,
					  .address = header.p_vaddr };
	}
}

/* Not mapped: what is mapped kills whoever reads it once somebody makes the file shorter. */
static void open_source(struct source *source)
{
	source->elf = elf_begin(source->fd, ELF_C_READ, NULL);
	if (source->elf && elf_kind(source->elf) == ELF_K_ELF)
		return;
	elf_end(source->elf);
	source->elf = NULL;
}

static void close_source(struct source *source)
{
	elf_end(source->elf);
	if (source->fd >= 0)
		close(source->fd);
}

/* /usr/lib/debug/.build-id/12/3456.debug */
static void open_apart(struct elf_symbols *symbols)
{
	char path[sizeof("/usr/lib/debug/.build-id/xx/.debug") + 2 * BUILD_ID_MAX];
	size_t length = 0;
	const void *bits;
	ssize_t size = dwelf_elf_gnu_build_id(symbols->own.elf, &bits);
	const unsigned char *bytes = bits;

	if (size < 2 || size > BUILD_ID_MAX)
		return;
	length = (size_t)snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%02x/", bytes[0]);
	for (ssize_t i = 1; i < size; i++)
		length += (size_t)snprintf(path + length, sizeof(path) - length, "%02x", bytes[i]);
	snprintf(path + length, sizeof(path) - length, ".debug");
	symbols->apart.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (symbols->apart.fd >= 0)
		open_source(&symbols->apart);
}

/* ---- symbols ------------------------------------------------------------------------------ */

static Elf_Scn *find_table(Elf *elf, GElf_Word type, GElf_Shdr *ret_header)
{
	Elf_Scn *section = NULL;

	while (elf && (section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, ret_header) && ret_header->sh_type == type &&
		    ret_header->sh_size <= ELF_SECTION_MAX && ret_header->sh_entsize)
			return section;
	return NULL;
}

/* What assemblers are given without a type is code where code is. */
static bool take_symbol(Elf *elf, const GElf_Sym *symbol, struct symbol *ret_symbol)
{
	unsigned char type = GELF_ST_TYPE(symbol->st_info);
	GElf_Shdr header;

	if (!symbol->st_value || symbol->st_shndx == SHN_UNDEF ||
	    symbol->st_shndx >= SHN_LORESERVE ||
	    !gelf_getshdr(elf_getscn(elf, symbol->st_shndx), &header))
		return false;
	if (type != STT_FUNC && type != STT_GNU_IFUNC &&
	    !(type == STT_NOTYPE && header.sh_flags & SHF_EXECINSTR))
		return false;
	*ret_symbol = (struct symbol){ .address = symbol->st_value,
				       .end = symbol->st_size ? symbol->st_value + symbol->st_size
							      : header.sh_addr + header.sh_size,
				       .binding = GELF_ST_BIND(symbol->st_info),
				       .sized = symbol->st_size };
	return true;
}

/* Names that linkers and assemblers make for themselves begin with a dot or a dollar. */
static bool is_name(const char *name)
{
	return name && *name && *name != '.' && *name != '$';
}

static bool read_table(struct elf_symbols *symbols, Elf *elf, Elf_Scn *section,
		       const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t count = (size_t)(header->sh_size / header->sh_entsize);
	GElf_Shdr strings;

	if (!data || !gelf_getshdr(elf_getscn(elf, header->sh_link), &strings) ||
	    strings.sh_size > ELF_SECTION_MAX)
		return true;
	symbols->symbols = calloc(count ? count : 1, sizeof(*symbols->symbols));
	if (!symbols->symbols)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct symbol *symbol = &symbols->symbols[symbols->count];
		GElf_Sym read;

		if (!gelf_getsym(data, (int)i, &read) || !take_symbol(elf, &read, symbol))
			continue;
		symbol->name = elf_strptr(elf, header->sh_link, read.st_name);
		if (is_name(symbol->name))
			symbols->count++;
	}
	return true;
}

static int rank_of(const struct symbol *symbol)
{
	static const int ranks[] = { [STB_GLOBAL] = 0, [STB_WEAK] = 1, [STB_LOCAL] = 2 };

	return symbol->binding < ARRAY_SIZE(ranks) ? ranks[symbol->binding] : 0;
}

/* Of several names for one place the last is taken: one with a size, global, plain. */
static int compare(const void *left, const void *right)
{
	const struct symbol *a = left, *b = right;

	if (a->address != b->address)
		return a->address > b->address ? 1 : -1;
	if (a->sized != b->sized)
		return a->sized ? 1 : -1;
	if (rank_of(a) != rank_of(b))
		return rank_of(a) < rank_of(b) ? 1 : -1;
	if (strspn(a->name, "_") != strspn(b->name, "_"))
		return strspn(a->name, "_") < strspn(b->name, "_") ? 1 : -1;
	return strcmp(b->name, a->name);
}

static bool read_symbols(struct elf_symbols *symbols)
{
	GElf_Shdr header;
	Elf *elf = symbols->own.elf;
	Elf_Scn *section = find_table(elf, SHT_SYMTAB, &header);

	if (!section) {
		open_apart(symbols);
		elf = symbols->apart.elf;
		section = find_table(elf, SHT_SYMTAB, &header);
	}
	if (!section) {
		elf = symbols->own.elf;
		section = find_table(elf, SHT_DYNSYM, &header);
	}
	if (section && !read_table(symbols, elf, section, &header))
		return false;
	if (symbols->count)
		qsort(symbols->symbols, symbols->count, sizeof(*symbols->symbols), compare);
	return true;
}

struct elf_symbols *elf_symbols_read(int fd)
{
	struct elf_symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		return NULL;
	elf_version(EV_CURRENT);
	symbols->apart.fd = -1;
	symbols->own.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (symbols->own.fd < 0)
		return symbols;
	open_source(&symbols->own);
	if (!symbols->own.elf)
		return symbols;
	read_segments(symbols);
	return read_symbols(symbols) ? symbols : elf_symbols_free(symbols);
}

struct elf_symbols *elf_symbols_free(struct elf_symbols *symbols)
{
	if (!symbols)
		return NULL;
	elf_starts_free(&symbols->starts);
	free(symbols->symbols);
	close_source(&symbols->apart);
	close_source(&symbols->own);
	free(symbols);
	return NULL;
}

/* ---- finding ------------------------------------------------------------------------------ */

static const struct segment *segment_at(const struct elf_symbols *symbols, uint64_t offset)
{
	for (size_t i = 0; i < symbols->segment_count; i++) {
		const struct segment *segment = &symbols->segments[i];

		if (offset >= segment->offset && offset - segment->offset < segment->size)
			return segment;
	}
	return NULL;
}

/* A function that is around the address comes before a place without a size. */
static const char *name_at(const struct elf_symbols *symbols, uint64_t address)
{
	size_t low = 0, high = symbols->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i-- > 0 && low - i <= LOOK_BACK;)
		if (symbols->symbols[i].sized && address < symbols->symbols[i].end)
			return symbols->symbols[i].name;
	if (low && !symbols->symbols[low - 1].sized && address < symbols->symbols[low - 1].end)
		return symbols->symbols[low - 1].name;
	return NULL;
}

const char *elf_symbols_find(const struct elf_symbols *symbols, uint64_t offset)
{
	const struct segment *segment = segment_at(symbols, offset);

	return segment ? name_at(symbols, offset - segment->offset + segment->address) : NULL;
}

uint64_t elf_symbols_start(struct elf_symbols *symbols, uint64_t offset)
{
	const struct segment *segment = segment_at(symbols, offset);
	uint64_t address, start;

	if (!segment)
		return offset;
	if (!symbols->starts_read)
		elf_starts_read(symbols->own.elf, &symbols->starts);
	symbols->starts_read = true;
	address = offset - segment->offset + segment->address;
	start = elf_starts_find(&symbols->starts, address);
	return start >= segment->address ? offset - (address - start) : offset;
}
