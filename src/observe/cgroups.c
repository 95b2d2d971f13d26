/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "base/cleanup.h"
#include "core/cgroup2.h"
#include "observe/cgroup_walk.h"
#include "observe/cgroups.h"

enum {
	FILEID_KERNFS = 0xfe, /* linux/exportfs.h, which is not for user space */
	GONE_TRIES = 16,      /* of the oldest: if all are there, the very oldest is dropped */
};

struct entry {
	uint64_t id;
	char *path;
	uint32_t next; /* of the same bucket; index + 1, 0 at the end */
};

struct cgroups {
	char mount[PINS_PATH];
	int fd; /* of the mount; -1 without */
	uint64_t root;
	time_t walked; /* CLOCK_MONOTONIC */
	uint32_t count, oldest;
	uint32_t buckets[CGROUPS_MAX]; /* index + 1 */
	struct entry entries[CGROUPS_MAX];
};

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* ---- what is remembered ----------------------------------------------------------- */

static uint32_t *bucket_of(struct cgroups *cgroups, uint64_t id)
{
	return &cgroups->buckets[id % CGROUPS_MAX];
}

static const char *recall(struct cgroups *cgroups, uint64_t id)
{
	for (uint32_t i = *bucket_of(cgroups, id); i; i = cgroups->entries[i - 1].next)
		if (cgroups->entries[i - 1].id == id)
			return cgroups->entries[i - 1].path;
	return NULL;
}

static bool is_there(const struct cgroups *cgroups, uint64_t id, const char *path)
{
	struct stat status;

	path += strspn(path, "/");
	return fstatat(cgroups->fd, path, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_ino == id;
}

static void forget(struct cgroups *cgroups, uint32_t slot)
{
	struct entry *entry = &cgroups->entries[slot];
	uint32_t *link = bucket_of(cgroups, entry->id);

	while (*link != slot + 1)
		link = &cgroups->entries[*link - 1].next;
	*link = entry->next;
	free(entry->path);
}

static uint32_t make_room(struct cgroups *cgroups)
{
	uint32_t slot = cgroups->oldest;

	for (uint32_t i = 0; i < GONE_TRIES; i++) {
		uint32_t next = (cgroups->oldest + i) % CGROUPS_MAX;
		const struct entry *entry = &cgroups->entries[next];

		if (!is_there(cgroups, entry->id, entry->path)) {
			slot = next;
			break;
		}
	}
	forget(cgroups, slot);
	cgroups->oldest = (slot + 1) % CGROUPS_MAX;
	return slot;
}

void cgroups_remember(struct cgroups *cgroups, uint64_t id, const char *path)
{
	uint32_t *bucket = bucket_of(cgroups, id), slot;
	CLEANUP_FREE char *copy = NULL;

	if (recall(cgroups, id))
		return;
	copy = strdup(path);
	if (!copy)
		return;
	slot = cgroups->count < CGROUPS_MAX ? cgroups->count++ : make_room(cgroups);
	cgroups->entries[slot] = (struct entry){ id, TAKE_PTR(copy), *bucket };
	*bucket = slot + 1;
}

/* ---- what the kernel knows ------------------------------------------------------------- */

/* -ESTALE: there is none; -EPERM: not for us to ask. */
static int ask_kernel(const struct cgroups *cgroups, uint64_t id, char ret_path[CGROUP_PATH])
{
	union {
		struct file_handle handle;
		char space[sizeof(struct file_handle) + sizeof(uint64_t)];
	} name = { .handle = { .handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS } };
	char link[64], path[PINS_PATH + CGROUP_PATH];
	size_t prefix = strlen(cgroups->mount);
	CLEANUP_CLOSE int fd = -1;
	ssize_t length;

	memcpy(name.space + sizeof(struct file_handle), &id, sizeof(id));
	fd = open_by_handle_at(cgroups->fd, &name.handle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	if (length < 0)
		return -errno;
	path[length] = '\0';
	/* It can have gone meanwhile, or lie where this mount does not reach. */
	if ((size_t)length - prefix >= CGROUP_PATH || strncmp(path, cgroups->mount, prefix) != 0 ||
	    !is_there(cgroups, id, path + prefix))
		return -ENOENT;
	memcpy(ret_path, path + prefix, (size_t)length - prefix + 1);
	return 0;
}

struct wanted {
	struct cgroups *cgroups;
	uint64_t id;
};

static void remember_visited(void *context, uint64_t id, const char *path)
{
	const struct wanted *wanted = context;

	/* Of more than can be kept, the one that was asked for. */
	if (wanted->cgroups->count < CGROUPS_MAX || id == wanted->id)
		cgroups_remember(wanted->cgroups, id, path);
}

/* Returns whether all were seen, now. */
static bool look_through(struct cgroups *cgroups, uint64_t id)
{
	struct wanted wanted = { cgroups, id };
	time_t now = seconds();

	if (cgroups->fd < 0 || now == cgroups->walked)
		return false;
	cgroups->walked = now;
	return cgroup_walk(cgroups->fd, remember_visited, &wanted);
}

/* Returns whether it is certain that an id which is unknown behind this is of no cgroup. */
static bool learn(struct cgroups *cgroups, uint64_t id)
{
	char path[CGROUP_PATH];
	int r = ask_kernel(cgroups, id, path);
	bool all_seen;

	if (r == 0) {
		cgroups_remember(cgroups, id, path);
		return false;
	}
	all_seen = r == -ESTALE || look_through(cgroups, id);
	return all_seen && cgroups->root == CGROUP_ROOT;
}

const char *cgroups_path(struct cgroups *cgroups, uint64_t id, char buffer[CGROUP_PATH])
{
	const char *path = id == 0 || id == cgroups->root ? "/" : recall(cgroups, id);
	bool gone = false;

	if (!path) {
		gone = learn(cgroups, id);
		path = recall(cgroups, id);
	}
	if (path)
		snprintf(buffer, CGROUP_PATH, "%s", path);
	else
		snprintf(buffer, CGROUP_PATH, "cgroup %llu%s", (unsigned long long)id,
			 gone ? " (gone)" : "");
	return buffer;
}

void cgroups_look_again(struct cgroups *cgroups)
{
	cgroups->walked = -1;
}

/* ---- coming and going ------------------------------------------------------------------ */

/* Without cgroup2 there is only its root, which the kernel has all the same. */
static void open_mount(struct cgroups *cgroups)
{
	CLEANUP_CLOSE int fd = -1;
	struct statfs fs;
	struct stat status;

	cgroups->fd = -1;
	cgroups->root = CGROUP_ROOT;
	if (cgroup2_mount(cgroups->mount) < 0)
		return;
	fd = open(cgroups->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstatfs(fd, &fs) < 0 || (unsigned long)fs.f_type != CGROUP2_SUPER_MAGIC ||
	    fstat(fd, &status) < 0)
		return;
	cgroups->root = status.st_ino;
	cgroups->fd = TAKE_FD(fd);
}

struct cgroups *cgroups_new(void)
{
	struct cgroups *cgroups = calloc(1, sizeof(*cgroups));

	if (!cgroups)
		return NULL;
	open_mount(cgroups);
	cgroups->walked = -1;
	look_through(cgroups, 0);
	return cgroups;
}

struct cgroups *cgroups_free(struct cgroups *cgroups)
{
	if (!cgroups)
		return NULL;
	cleanup_close(&cgroups->fd);
	for (uint32_t i = 0; i < cgroups->count; i++)
		free(cgroups->entries[i].path);
	free(cgroups);
	return NULL;
}
