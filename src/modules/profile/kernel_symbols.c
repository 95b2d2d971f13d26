/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "modules/profile/kernel_symbols.h"

enum { NAME_TEXT = 128 };

struct symbol {
	uint64_t address;
	size_t name; /* where in `names` */
};

struct kernel_symbols {
	struct symbol *symbols; /* by address */
	size_t count, room;
	char *names;
	size_t names_used, names_room;
	bool hidden;
};

FILE *kernel_symbols_open(void)
{
	return fopen("/proc/kallsyms", "re");
}

/* Makes room for `more`, with some to spare. */
static void *grow(void *array, size_t used, size_t more, size_t *room, size_t size)
{
	if (used + more <= *room)
		return array;
	*room = 2 * (used + more) + 4096;
	return reallocarray(array, *room, size);
}

static bool add(struct kernel_symbols *symbols, uint64_t address, const char *name)
{
	size_t length = strlen(name) + 1;
	struct symbol *array = grow(symbols->symbols, symbols->count, 1, &symbols->room,
				    sizeof(*symbols->symbols));
	char *names;

	if (!array)
		return false;
	symbols->symbols = array;
	names = grow(symbols->names, symbols->names_used, length, &symbols->names_room, 1);
	if (!names)
		return false;
	symbols->names = names;
	memcpy(names + symbols->names_used, name, length);
	array[symbols->count++] =
		(struct symbol){ .address = address, .name = symbols->names_used };
	symbols->names_used += length;
	return true;
}

/* Of two names of one address the first in the file stays first. */
static int compare(const void *left, const void *right)
{
	const struct symbol *a = left, *b = right;

	if (a->address != b->address)
		return a->address > b->address ? 1 : -1;
	return (a->name > b->name) - (a->name < b->name);
}

/* "ffffffff81000000 T _stext", "ffffffffc0401000 t xfs_bmap\t[xfs]" */
static bool read_lines(struct kernel_symbols *symbols, FILE *file)
{
	CLEANUP_FREE char *line = NULL;
	unsigned long long address;
	char type, name[NAME_TEXT];
	size_t size = 0;

	symbols->hidden = true;
	while (getline(&line, &size, file) >= 0) {
		if (sscanf(line, "%llx %c %127s", &address, &type, name) != 3 ||
		    !strchr("tTwW", type) || !address)
			continue;
		symbols->hidden = false;
		if (!add(symbols, address, name))
			return false;
	}
	return true;
}

struct kernel_symbols *kernel_symbols_read(FILE *file)
{
	struct kernel_symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols || !read_lines(symbols, file))
		return kernel_symbols_free(symbols);
	if (symbols->count)
		qsort(symbols->symbols, symbols->count, sizeof(*symbols->symbols), compare);
	return symbols;
}

struct kernel_symbols *kernel_symbols_free(struct kernel_symbols *symbols)
{
	if (symbols) {
		free(symbols->symbols);
		free(symbols->names);
	}
	free(symbols);
	return NULL;
}

bool kernel_symbols_hidden(const struct kernel_symbols *symbols)
{
	return symbols->hidden;
}

const char *kernel_symbols_find(const struct kernel_symbols *symbols, uint64_t address)
{
	size_t low = 0, high = symbols->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	/* The first name of the address that was found. */
	for (low--; low && symbols->symbols[low - 1].address == symbols->symbols[low].address;)
		low--;
	return symbols->names + symbols->symbols[low].name;
}
