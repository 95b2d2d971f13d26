/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "modules/profile/jit.h"

enum { FUNCTIONS_MAX = 1 << 20 };

struct jit {
	struct jit_function {
		uint64_t address, size;
		char *name;
	} * functions;
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
	jit->functions[jit->count++] =
		(struct jit_function){ .address = address, .size = size, .name = copy };
	return true;
}

struct jit *jit_read(FILE *file)
{
	struct jit *jit = calloc(1, sizeof(*jit));
	CLEANUP_FREE char *line = NULL;
	size_t room = 0;

	while (jit && jit->count < FUNCTIONS_MAX && getline(&line, &room, file) >= 0) {
		unsigned long long address, size;
		int name = 0;

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%llx %llx %n", &address, &size, &name) != 2 || !name ||
		    !line[name])
			continue;
		if (!add(jit, address, size, line + name))
			return jit_free(jit);
	}
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
	for (size_t i = jit->count; i-- > 0;)
		if (address >= jit->functions[i].address &&
		    address - jit->functions[i].address < jit->functions[i].size)
			return jit->functions[i].name;
	return NULL;
}
