/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <gelf.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "modules/profile/images.h"

enum { SEGMENTS_MAX = 16 };

struct segment {
	uint64_t offset, size, address;
};

struct image {
	dev_t device;
	ino_t inode;
	int fd; /* -1: not open */
	bool read;
	Dwfl *dwfl;
	Dwfl_Module *module;
	struct segment segments[SEGMENTS_MAX];
	size_t segment_count;
	bool starts_read;
	uint64_t *starts; /* of functions, by address */
	size_t start_count;
	char name[];
};

struct images {
	void *known; /* tree of tsearch(3) */
};

static int compare(const void *left, const void *right)
{
	const struct image *a = left, *b = right;

	if (a->device != b->device)
		return a->device > b->device ? 1 : -1;
	return (a->inode > b->inode) - (a->inode < b->inode);
}

struct image *images_find(struct images *images, dev_t device, ino_t inode, const char *name)
{
	const struct image wanted = { .device = device, .inode = inode };
	struct image *const *found = tfind(&wanted, &images->known, compare);
	CLEANUP_FREE struct image *image = NULL;

	if (found)
		return *found;
	image = calloc(1, sizeof(*image) + strlen(name) + 1);
	if (!image)
		return NULL;
	*image = (struct image){ .device = device, .inode = inode, .fd = -1 };
	memcpy(image->name, name, strlen(name) + 1);
	return tsearch(image, &images->known, compare) ? TAKE_PTR(image) : NULL;
}

bool image_is_open(const struct image *image)
{
	return image->fd >= 0;
}

/*
 * Only a plain file is opened, as opening others can have effects. What another filesystem lies
 * on (overlay) is shown in maps by other numbers than stat(2) has; there the inode decides.
 */
bool image_open(struct image *image, const char *path)
{
	CLEANUP_CLOSE int fd = -1;
	struct stat st;

	if (image->fd >= 0)
		return true;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_ino != image->inode)
		return false;
	image->fd = TAKE_FD(fd);
	return true;
}

const char *image_name(const struct image *image)
{
	return image->name;
}

/* ---- symbols ------------------------------------------------------------------------------ */

static int find_no_elf(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
		       char **path, Elf **elf)
{
	return -1; /* it was given */
}

static void read_segments(struct image *image, Elf *elf)
{
	size_t count;

	if (elf_getphdrnum(elf, &count) < 0)
		return;
	for (size_t i = 0; i < count && image->segment_count < SEGMENTS_MAX; i++) {
		GElf_Phdr header;

		if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_LOAD)
			continue;
		image->segments[image->segment_count++] =
			(struct segment){ .offset = header.p_offset,
					  .size = header.p_filesz,
					  .address = header.p_vaddr };
	}
}

static void read_symbols(struct image *image)
{
	static const Dwfl_Callbacks callbacks = { .find_elf = find_no_elf,
						  .find_debuginfo = dwfl_standard_find_debuginfo };
	CLEANUP_CLOSE int fd = image->fd >= 0 ? dup(image->fd) : -1;
	GElf_Addr bias;
	Elf *elf;

	image->read = true;
	image->dwfl = fd >= 0 ? dwfl_begin(&callbacks) : NULL;
	if (!image->dwfl)
		return;
	/* At the addresses that stand in the file. */
	image->module = dwfl_report_elf(image->dwfl, image->name, image->name, fd, 0, true);
	if (!image->module)
		return;
	TAKE_FD(fd); /* the module's */
	dwfl_report_end(image->dwfl, NULL, NULL);
	elf = dwfl_module_getelf(image->module, &bias);
	if (elf)
		read_segments(image, elf);
}

static bool address_of(const struct image *image, uint64_t offset, uint64_t *ret_address)
{
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct segment *segment = &image->segments[i];

		if (offset < segment->offset || offset - segment->offset >= segment->size)
			continue;
		*ret_address = offset - segment->offset + segment->address;
		return true;
	}
	return false;
}

const char *image_function(struct image *image, uint64_t offset)
{
	GElf_Off distance;
	GElf_Sym symbol;
	uint64_t address;

	if (!image->read)
		read_symbols(image);
	if (!image->module || !address_of(image, offset, &address))
		return NULL;
	return dwfl_module_addrinfo(image->module, address, &distance, &symbol, NULL, NULL, NULL);
}

/* ---- functions without a name ------------------------------------------------------------- */

/* As compilers write it where code is less than 2 GB away: 32 bits, counted from where it stands.
 */
static bool read_start(const struct image *image, const GElf_Shdr *header, const Elf_Data *data,
		       const uint8_t *place, uint64_t *ret_start)
{
	size_t offset = (size_t)(place - (const uint8_t *)data->d_buf);
	int32_t distance;

	if (offset + sizeof(distance) > data->d_size)
		return false;
	memcpy(&distance, place, sizeof(distance));
	*ret_start = header->sh_addr + offset + (uint64_t)(int64_t)distance;
	for (size_t i = 0; i < image->segment_count; i++)
		if (*ret_start - image->segments[i].address < image->segments[i].size)
			return true;
	return false;
}

static void read_unwinding(struct image *image, Elf *elf, const GElf_Shdr *header, Elf_Data *data)
{
	const unsigned char *identity = (const unsigned char *)elf_getident(elf, NULL);
	Dwarf_Off offset = 0, next;
	Dwarf_CFI_Entry entry;

	while (dwarf_next_cfi(identity, data, true, offset, &next, &entry) == 0) {
		uint64_t start;
		void *larger;

		offset = next;
		if (dwarf_cfi_cie_p(&entry) ||
		    !read_start(image, header, data, entry.fde.start, &start))
			continue;
		larger = reallocarray(image->starts, image->start_count + 1, sizeof(start));
		if (!larger)
			return;
		image->starts = larger;
		image->starts[image->start_count++] = start;
	}
}

static int compare_starts(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/* Of .eh_frame, which is part of the program and stays when symbols are stripped. */
static void read_starts(struct image *image)
{
	GElf_Addr bias;
	Elf *elf = image->module ? dwfl_module_getelf(image->module, &bias) : NULL;
	Elf_Scn *section = NULL;
	size_t names;

	image->starts_read = true;
	if (!elf || elf_getshdrstrndx(elf, &names) < 0)
		return;
	while ((section = elf_nextscn(elf, section))) {
		Elf_Data *data = elf_rawdata(section, NULL);
		const char *name;
		GElf_Shdr header;

		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS || !data)
			continue;
		name = elf_strptr(elf, names, header.sh_name);
		if (name && strcmp(name, ".eh_frame") == 0)
			read_unwinding(image, elf, &header, data);
	}
	if (image->start_count)
		qsort(image->starts, image->start_count, sizeof(*image->starts), compare_starts);
}

uint64_t image_function_start(struct image *image, uint64_t offset)
{
	size_t low = 0, high;
	uint64_t address;

	if (!image->starts_read)
		read_starts(image);
	if (!address_of(image, offset, &address))
		return offset;
	for (high = image->start_count; low < high;) {
		size_t middle = low + (high - low) / 2;

		if (image->starts[middle] <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? offset - (address - image->starts[low - 1]) : offset;
}

/* ---- all of them -------------------------------------------------------------------------- */

struct images *images_new(void)
{
	/* Symbols are not asked for over the network, by whoever set this. */
	unsetenv("DEBUGINFOD_URLS");
	return calloc(1, sizeof(struct images));
}

static void free_image(void *node)
{
	struct image *image = node;

	if (image->dwfl)
		dwfl_end(image->dwfl);
	if (image->fd >= 0)
		close(image->fd);
	free(image->starts);
	free(image);
}

struct images *images_free(struct images *images)
{
	if (images)
		tdestroy(images->known, free_image);
	free(images);
	return NULL;
}
