/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "core/cgroup2.h"
#include "observe/cgroup_walk.h"
#include "observe/cgroups.h"

static int open_root(char ret_mount[PINS_PATH], struct error *error)
{
	CLEANUP_CLOSE int fd = -1;
	struct stat status;

	if (cgroup2_mount(ret_mount) < 0)
		return error_set(error, -ENOENT,
				 "cgroup2 is not mounted: 'mount -t cgroup2 cgroup2 "
				 "/sys/fs/cgroup', or /sys/fs/cgroup/unified beside version 1");
	fd = open(ret_mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0)
		return error_set(error, -errno, "cannot open %s: %s", ret_mount, strerror(errno));
	if (status.st_ino != CGROUP_ROOT)
		return error_set(error, -EXDEV,
				 "%s is not the root of cgroup2 but a part of it, as in a "
				 "container; run sumun outside of that",
				 ret_mount);
	return TAKE_FD(fd);
}

/* How many parts `path` has; -1 when one of them is "..". */
static int count_parts(const char *path)
{
	int count = 0;

	while (*(path += strspn(path, "/"))) {
		size_t length = strcspn(path, "/");

		if (length == 2 && memcmp(path, "..", 2) == 0)
			return -1;
		count += length != 1 || *path != '.';
		path += length;
	}
	return count;
}

/* -ENOENT without a word when there is none. */
static int find_path(int root, const char *path, uint64_t *ret_id, uint32_t *ret_level)
{
	int level = count_parts(path);
	CLEANUP_CLOSE int fd = -1;
	struct stat status;
	struct statfs fs;

	if (level < 0)
		return -ENOENT;
	path += strspn(path, "/");
	fd = openat(root, *path ? path : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0 || fstatfs(fd, &fs) < 0 ||
	    (unsigned long)fs.f_type != CGROUP2_SUPER_MAGIC)
		return -ENOENT;
	*ret_id = status.st_ino;
	*ret_level = (uint32_t)level;
	return 0;
}

struct search {
	const char *text;
	uint64_t id;
	char path[CGROUP_PATH], other[CGROUP_PATH]; /* "" while there is none */
};

static void compare(void *context, uint64_t id, const char *path)
{
	struct search *search = context;
	size_t length = strlen(search->path);

	/* Parents come first: what lies beneath the one that was found is a part of it. */
	if (search->other[0] || !cgroup_name_matches(path, search->text) ||
	    (length && strncmp(path, search->path, length) == 0 && path[length] == '/'))
		return;
	if (length) {
		snprintf(search->other, CGROUP_PATH, "%s", path);
		return;
	}
	snprintf(search->path, CGROUP_PATH, "%s", path);
	search->id = id;
}

static int find_name(int root, const char *text, uint64_t *ret_id, uint32_t *ret_level,
		     struct error *error)
{
	struct search search = { .text = text };
	char quoted[QUOTE_TEXT], path[QUOTE_TEXT], other[QUOTE_TEXT];

	cgroup_walk(root, compare, &search);
	if (!search.path[0])
		return -ENOENT;
	if (search.other[0])
		return error_set(error, -ENOTUNIQ,
				 "%s can be %s and %s, and maybe more; give the path, or more of "
				 "the name",
				 text_quote(text, quoted), text_quote(search.path, path),
				 text_quote(search.other, other));
	*ret_id = search.id;
	*ret_level = (uint32_t)count_parts(search.path);
	return 0;
}

/* Behind the place where cgroup2 is mounted, if `text` begins with that. */
static const char *under(const char *mount, const char *text)
{
	size_t length = strlen(mount);

	if (strncmp(text, mount, length) == 0 && (text[length] == '/' || text[length] == '\0'))
		return text + length;
	return text;
}

int cgroup_find(const char *text, uint64_t *ret_id, uint32_t *ret_level, struct error *error)
{
	char mount[PINS_PATH], quoted[QUOTE_TEXT];
	CLEANUP_CLOSE int root = -1;
	int r;

	if (!*text)
		return error_set(error, -EINVAL,
				 "a cgroup is a path (system.slice/ssh.service), a unit "
				 "(ssh.service) or the id of a container");
	root = open_root(mount, error);
	if (root < 0)
		return root;
	r = find_path(root, under(mount, text), ret_id, ret_level);
	if (r < 0 && *text != '/')
		r = find_name(root, text, ret_id, ret_level, error);
	if (r == -ENOENT)
		return error_set(error, r,
				 "there is no cgroup %s in %s; 'systemd-cgls' or 'find %s -type d' "
				 "lists them",
				 text_quote(text, quoted), mount, mount);
	return r;
}
