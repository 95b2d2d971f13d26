/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "modules/cgroups/cpu_time.h"
#include "observe/cgroup_name.h"
#include "observe/cgroup_walk.h"

struct reading {
	int root;
	struct books *books;
	int result;
};

void cpu_time_parse(const char *text, struct cpu_time *ret_time)
{
	const char *user = strstr(text, "user_usec "), *system = strstr(text, "system_usec ");
	unsigned long long value;

	*ret_time = (struct cpu_time){ 0 };
	if (user && sscanf(user, "user_usec %llu", &value) == 1)
		ret_time->user = value;
	if (system && sscanf(system, "system_usec %llu", &value) == 1)
		ret_time->system = value;
}

static void read_one(void *context, uint64_t id, const char *path)
{
	struct reading *reading = context;
	char name[CGROUP_PATH + sizeof("/cpu.stat")], text[1024];
	CLEANUP_CLOSE int fd = -1;
	struct cpu_time time;
	ssize_t size = 0;

	snprintf(name, sizeof(name), "%s/cpu.stat", path);
	fd = openat(reading->root, name + strspn(name, "/"), O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		size = read(fd, text, sizeof(text) - 1);
	text[size > 0 ? size : 0] = '\0';
	cpu_time_parse(text, &time);
	if (reading->result == 0)
		reading->result =
			group_books_walk(reading->books, id, path, size > 0 ? &time : NULL);
}

int cpu_time_walk(int root, struct books *books)
{
	struct reading reading = { root, books, 0 };
	struct stat status;
	bool complete;

	group_books_begin_walk(books);
	if (fstat(root, &status) == 0)
		read_one(&reading, status.st_ino, "/");
	complete = cgroup_walk(root, read_one, &reading);
	group_books_end_walk(books, complete);
	return reading.result;
}
