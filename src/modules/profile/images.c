/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "modules/profile/elf_symbols.h"
#include "modules/profile/images.h"
#include "modules/profile/maps.h"

enum { IMAGES_MAX = 16384, ATTEMPTS_MAX = 12, NAME_TEXT = 256 };

struct image {
	dev_t device;
	ino_t inode;
	int fd; /* -1: not open */
	unsigned attempts;
	bool read;
	struct elf_symbols *symbols; /* NULL: not read, or no memory */
	char name[NAME_TEXT];
	char path[];
};

struct images {
	void *known; /* tree of tsearch(3) */
	size_t count;
};

static int compare(const void *left, const void *right)
{
	const struct image *a = left, *b = right;

	if (a->device != b->device)
		return a->device > b->device ? 1 : -1;
	return (a->inode > b->inode) - (a->inode < b->inode);
}

struct image *images_find(struct images *images, dev_t device, ino_t inode, const char *path)
{
	const struct image wanted = { .device = device, .inode = inode };
	struct image *const *found = tfind(&wanted, &images->known, compare);
	CLEANUP_FREE struct image *image = NULL;

	if (found)
		return *found;
	if (images->count == IMAGES_MAX)
		return NULL;
	image = calloc(1, sizeof(*image) + strlen(path) + 1);
	if (!image)
		return NULL;
	*image = (struct image){ .device = device, .inode = inode, .fd = -1 };
	map_path_name(path, image->name, sizeof(image->name));
	memcpy(image->path, path, strlen(path) + 1);
	if (!tsearch(image, &images->known, compare))
		return NULL;
	images->count++;
	return TAKE_PTR(image);
}

bool image_is_wanted(const struct image *image)
{
	return image->fd < 0 && image->attempts < ATTEMPTS_MAX;
}

/*
 * Only a plain file is opened, as opening others can have effects. What another filesystem lies
 * on (overlay) is shown in maps by other numbers than stat(2) has; there the inode decides.
 */
bool image_open(struct image *image, const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	image->attempts++;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_ino != image->inode)
		return false;
	image->fd = TAKE_FD(fd);
	return true;
}

const char *image_path(const struct image *image)
{
	return image->path;
}

const char *image_name(const struct image *image)
{
	return image->name;
}

/* The symbols hold on to the file themselves. */
static struct elf_symbols *symbols_of(struct image *image)
{
	if (!image->read && image->fd >= 0) {
		image->symbols = elf_symbols_read(image->fd);
		image->read = true;
	}
	return image->symbols;
}

const char *image_function(struct image *image, uint64_t offset)
{
	const struct elf_symbols *symbols = symbols_of(image);

	return symbols ? elf_symbols_find(symbols, offset) : NULL;
}

uint64_t image_function_start(struct image *image, uint64_t offset)
{
	struct elf_symbols *symbols = symbols_of(image);

	return symbols ? elf_symbols_start(symbols, offset) : offset;
}

struct images *images_new(void)
{
	return calloc(1, sizeof(struct images));
}

static void free_image(void *node)
{
	struct image *image = node;

	elf_symbols_free(image->symbols);
	if (image->fd >= 0)
		close(image->fd);
	free(image);
}

struct images *images_free(struct images *images)
{
	if (images)
		tdestroy(images->known, free_image);
	free(images);
	return NULL;
}
