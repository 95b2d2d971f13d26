/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "observe/cgroup_name.h"
#include "observe/cgroup_walk.h"

struct walk {
	cgroup_visit *visit;
	void *context;
	bool complete;
	char path[CGROUP_PATH];
};

static void walk_into(struct walk *walk, int parent, const char *name)
{
	CLEANUP_CLOSE int fd =
		openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_CLOSEDIR DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	size_t length = strlen(walk->path), room = sizeof(walk->path) - length;
	const struct dirent *entry;

	if (!directory) {
		if (errno != ENOENT) /* gone meanwhile */
			walk->complete = false;
		return;
	}
	TAKE_FD(fd); /* it is the directory's */
	while ((entry = readdir(directory))) {
		if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		if ((size_t)snprintf(walk->path + length, room, "/%s", entry->d_name) < room) {
			walk->visit(walk->context, entry->d_ino, walk->path);
			walk_into(walk, dirfd(directory), entry->d_name);
		} else {
			walk->complete = false;
		}
		walk->path[length] = '\0';
	}
}

bool cgroup_walk(int directory, cgroup_visit *visit, void *context)
{
	struct walk walk = { .visit = visit, .context = context, .complete = true };

	walk_into(&walk, directory, ".");
	return walk.complete;
}
