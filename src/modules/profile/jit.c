/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "modules/profile/jit.h"

enum {
	FUNCTIONS_MAX = 1 << 20,
	LINE_TEXT = 512,
	LOOK_BACK = 64, /* functions, for one that is around another */
};

struct jit {
	struct jit_function {
		uint64_t address, size;
		size_t order; /* in the file */
		char *name;
	} * functions; /* by address; of the same, as in the file */
	size_t count, room;
};

FILE *jit_open(const char *path, uid_t user)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	FILE *file;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (st.st_uid != user && st.st_uid != 0))
		return NULL;
	file = fdopen(fd, "r");
	if (file)
		TAKE_FD(fd);
	return file;
}

static bool add(struct jit *jit, uint64_t address, uint64_t size, const char *name)
{
	char *copy;

	if (jit->count == jit->room) {
		size_t room = jit->room ? 2 * jit->room : 256;
		void *larger = reallocarray(jit->functions, room, sizeof(*jit->functions));

		if (!larger)
			return false;
		jit->functions = larger;
		jit->room = room;
	}
	copy = strdup(name);
	if (!copy)
		return false;
	jit->functions[jit->count] = (struct jit_function){
		.address = address, .size = size, .order = jit->count, .name = copy
	};
	jit->count++;
	return true;
}

static int compare(const void *left, const void *right)
{
	const struct jit_function *a = left, *b = right;

	if (a->address != b->address)
		return a->address > b->address ? 1 : -1;
	return (a->order > b->order) - (a->order < b->order);
}

/* False at the end, and where no text is, as in a hole. Of a long line there is the beginning. */
static bool read_line(FILE *file, uint64_t *left, char line[LINE_TEXT])
{
	size_t length = 0;

	while (*left) {
		int c = getc(file);

		--*left;
		if (c == EOF || c == '\0')
			return false;
		if (c == '\n')
			break;
		if (length < LINE_TEXT - 1)
			line[length++] = (char)c;
	}
	line[length] = '\0';
	return *left;
}

struct jit *jit_read(FILE *file, uint64_t *left)
{
	struct jit *jit = calloc(1, sizeof(*jit));
	char line[LINE_TEXT];

	while (jit && jit->count < FUNCTIONS_MAX && read_line(file, left, line)) {
		unsigned long long address, size;
		int name = 0;

		if (sscanf(line, "%llx %llx %n", &address, &size, &name) != 2 || !name ||
		    !line[name])
			continue;
		if (!add(jit, address, size, line + name))
			return jit_free(jit);
	}
	if (jit && jit->count)
		qsort(jit->functions, jit->count, sizeof(*jit->functions), compare);
	return jit;
}

struct jit *jit_free(struct jit *jit)
{
	if (!jit)
		return NULL;
	while (jit->count)
		free(jit->functions[--jit->count].name);
	free(jit->functions);
	free(jit);
	return NULL;
}

const char *jit_find(const struct jit *jit, uint64_t address)
{
	const struct jit_function *newest = NULL;
	size_t low = 0, high = jit->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (jit->functions[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i-- > 0 && low - i <= LOOK_BACK;) {
		const struct jit_function *function = &jit->functions[i];

		if (address - function->address < function->size &&
		    (!newest || function->order > newest->order))
			newest = function;
	}
	return newest ? newest->name : NULL;
}
