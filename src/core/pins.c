/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "core/host.h"
#include "core/pins.h"
#include "core/privilege.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

static const char bpffs[] = "/sys/fs/bpf";

/* That of another mount namespace; see hold_outer_bpffs(). */
static int held_bpffs = -1;

enum { ANCESTORS_MAX = 64 };

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/* The inode of a process's mount namespace, 0 when it is not ours to see. */
static ino_t mount_namespace(pid_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

/*
 * The process furthest up, at best process 1, whose mount namespace we may look into
 * and which is another than ours; 0 when there is none.
 */
static pid_t outer_process(void)
{
	ino_t own = mount_namespace(getpid());
	pid_t outer = 0, pid = getppid();

	for (int i = 0; i < ANCESTORS_MAX && pid > 0; i++, pid = host_parent_of(pid)) {
		ino_t theirs = mount_namespace(pid);

		if (theirs)
			outer = theirs == own ? 0 : pid;
	}
	return outer;
}

/* In a child, because a process cannot easily come back from another mount namespace. */
static int mount_in_namespace_of(pid_t pid)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return -errno;
	if (child == 0) {
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || setns(fd, CLONE_NEWNS) < 0 ||
		    mount("bpf", bpffs, "bpf", 0, "mode=1777") < 0)
			_exit(errno);
		_exit(0);
	}
	if (waitpid(child, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/*
 * A path to the bpffs of that process that outlives it: by a descriptor, which stays
 * open for as long as we run.
 */
static int hold_outer_bpffs(pid_t pid, char ret_path[PINS_PATH])
{
	char path[PINS_PATH];

	if (held_bpffs < 0) {
		snprintf(path, sizeof(path), "/proc/%d/root%s", pid, bpffs);
		if (!is_bpffs(path))
			return -ENOENT;
		held_bpffs = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (held_bpffs < 0)
			return -errno;
	}
	snprintf(ret_path, PINS_PATH, "/proc/self/fd/%d", held_bpffs);
	return 0;
}

static int find_bpffs(bool create, char ret_path[PINS_PATH], struct error *error)
{
	pid_t outer = 0;
	int r;

	snprintf(ret_path, PINS_PATH, "%s", bpffs);
	if (is_bpffs(bpffs))
		return 0;
	/* Who has given up the right to look there finds it once more. */
	outer = held_bpffs < 0 ? outer_process() : 0;
	if ((outer || held_bpffs >= 0) && hold_outer_bpffs(outer, ret_path) == 0)
		return 0;
	if (!create && !privilege_missing(PRIVILEGE_LOOK_AROUND, NULL))
		return -ENOENT;
	if (!create)
		return error_prefix(error, privilege_refused(PRIVILEGE_LOOK_AROUND, error),
				    "there is no bpffs on %s here", bpffs);
	if (outer)
		r = mount_in_namespace_of(outer);
	else
		r = mount("bpf", bpffs, "bpf", 0, "mode=1777") < 0 ? -errno : 0;
	if (r == 0 && outer)
		r = hold_outer_bpffs(outer, ret_path);
	if (r < 0)
		return error_set(error, r,
				 "cannot mount bpffs on %s, which takes CAP_SYS_ADMIN: %s; as "
				 "root, run 'mount -t bpf bpf %s'",
				 bpffs, strerror(-r), bpffs);
	return 0;
}

static int netns_cookie(uint64_t *ret_cookie)
{
	CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(*ret_cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, ret_cookie, &size) < 0)
		return -errno;
	return 0;
}

static bool may_give_to(gid_t group)
{
	return group_member(group) || !privilege_missing(PRIVILEGE_SHARE, NULL);
}

gid_t pins_group(void)
{
	const struct group *group = getgrnam("sumun");

	return group && may_give_to(group->gr_gid) ? group->gr_gid : (gid_t)-1;
}

bool pins_group_is_out_of_reach(void)
{
	const struct group *group = getgrnam("sumun");

	return group && !may_give_to(group->gr_gid);
}

int pins_path(char ret_path[PINS_PATH], const char *directory, const char *name)
{
	int n = snprintf(ret_path, PINS_PATH, "%s/%s", directory, name);

	return n < 0 || n >= PINS_PATH ? -ENAMETOOLONG : 0;
}

/* Root's, or our own: whoever else owns it could have put anything there. */
static int check_owner(const char *path, uid_t *ret_owner, struct error *error)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()))
		return error_set(error, -EPERM,
				 "'%s' belongs to user %u, who could have put anything there; "
				 "remove it and try again",
				 path, st.st_uid);
	*ret_owner = st.st_uid;
	return 0;
}

static int give_to_group(const char *path, mode_t mode, struct error *error)
{
	gid_t group = pins_group();

	if (group != (gid_t)-1 && (chown(path, -1, group) < 0 || chmod(path, mode) < 0))
		return error_set(error, -errno, "cannot give '%s' to the group sumun: %s", path,
				 strerror(errno));
	return 0;
}

int pins_make_directory(const char *path, enum pins_access access, struct error *error)
{
	static const mode_t modes[] = {
		[PINS_GROUP_READS] = 0750,
		[PINS_GROUP_WRITES] = 0770,
		[PINS_GROUP_PASSES] = 0710,
		[PINS_OWNER] = 0700,
	};
	uid_t owner = geteuid();
	int r = mkdir(path, 0700) < 0 ? -errno : 0;

	if (r == -EEXIST)
		r = check_owner(path, &owner, error);
	else if (r < 0)
		error_set(error, r, "cannot make '%s': %s", path, strerror(-r));
	/* One that is there already may be older than the group. */
	if (r < 0 || access == PINS_OWNER || owner != geteuid())
		return r;
	return give_to_group(path, modes[access], error);
}

int pins_say_refused(const char *directory, int code, struct error *error)
{
	struct stat st;
	char owner[32];

	if (code != -EACCES || stat(directory, &st) < 0)
		return code;
	snprintf(owner, sizeof(owner), st.st_uid ? "user %u" : "root", st.st_uid);
	return error_set(error, code,
			 "only %s may change the filter here, as the owner of '%s'; be %s to do "
			 "this%s",
			 owner, directory, owner, st.st_uid ? "" : ", as with sudo");
}

/*
 * The directory of all network namespaces. Whoever could not put a filter there must not
 * leave it behind: it would be in the way of root.
 */
static int make_root(const char *path, struct error *error)
{
	if (access(path, F_OK) < 0 && privilege_missing(PRIVILEGE_LOAD, NULL))
		return privilege_refused(PRIVILEGE_LOAD, error);
	return pins_make_directory(path, PINS_GROUP_PASSES, error);
}

static int make_namespace(const char *root, const char *path, struct error *error)
{
	int r = pins_make_directory(path, PINS_GROUP_PASSES, error);

	return pins_say_refused(root, r, error);
}

int pins_directory(bool create, char ret_path[PINS_PATH], struct error *error)
{
	char root[PINS_PATH], path[PINS_PATH];
	uint64_t cookie;
	uid_t owner;
	int r;

	r = netns_cookie(&cookie);
	if (r < 0)
		return error_set(error, r, "cannot tell network namespaces apart: %s",
				 strerror(-r));
	r = find_bpffs(create, root, error);
	if (r < 0)
		return r;

	r = pins_path(path, root, "sumun");
	if (r < 0)
		return r;
	r = create ? make_root(path, error) : check_owner(path, &owner, error);
	if (r < 0)
		return r;
	memcpy(root, path, sizeof(root));
	if (snprintf(path, sizeof(path), "%s/net-%llu", root, (unsigned long long)cookie) >=
	    PINS_PATH)
		return -ENAMETOOLONG;
	if (create) {
		r = make_namespace(root, path, error);
	} else if (access(path, X_OK) < 0) {
		r = -errno;
		if (r == -EACCES)
			error_set(error, r,
				  "no permission to read '%s'; be root or join the group sumun",
				  path);
	}
	if (r < 0)
		return r;
	memcpy(ret_path, path, sizeof(path));
	return 0;
}

int pins_add(int fd, const char *directory, const char *name, enum pins_access access,
	     struct error *error)
{
	char path[PINS_PATH];
	int r;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	r = bpf_obj_pin(fd, path);
	if (r < 0)
		return error_set(error, r, "cannot pin '%s': %s", path, strerror(-r));
	if (access == PINS_OWNER)
		return 0;
	return give_to_group(path, access == PINS_GROUP_WRITES ? 0660 : 0640, error);
}

int pins_open(const char *directory, const char *name, bool writable)
{
	LIBBPF_OPTS(bpf_obj_get_opts, options, .file_flags = writable ? 0 : BPF_F_RDONLY);
	char path[PINS_PATH];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return bpf_obj_get_opts(path, &options);
}

int pins_remove(const char *path)
{
	CLEANUP_CLOSEDIR DIR *dir = opendir(path);
	const struct dirent *entry;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		char child[PINS_PATH];

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (pins_path(child, path, entry->d_name) < 0)
			return -ENAMETOOLONG;
		if (unlink(child) < 0 && (errno == EISDIR || errno == EPERM))
			pins_remove(child);
	}
	return rmdir(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* Whoever held the lock before may have removed the directory, and another be there now. */
static bool is_still(int fd, const char *path)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino;
}

int pins_lock(const char *path, enum pins_lock kind, bool wait, int *ret_fd, struct error *error)
{
	int operation = kind == PINS_LOCK_SHARED ? LOCK_SH : LOCK_EX;

	for (;;) {
		CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0) {
			int r = error_set(error, -errno, "cannot open '%s': %s", path,
					  strerror(errno));

			return pins_say_refused(path, r, error);
		}
		while (flock(fd, operation | (wait ? 0 : LOCK_NB)) < 0) {
			if (errno != EINTR)
				return -errno;
		}
		if (is_still(fd, path)) {
			*ret_fd = TAKE_FD(fd);
			return 0;
		}
	}
}

int pins_lock_directory(char ret_path[PINS_PATH], int *ret_fd, struct error *error)
{
	int r;

	do {
		r = pins_directory(true, ret_path, error);
		if (r < 0)
			return r;
		r = pins_lock(ret_path, PINS_LOCK_EXCLUSIVE, true, ret_fd, error);
	} while (r == -ENOENT);
	return r;
}

void pins_remove_empty(const char *path)
{
	rmdir(path);
}
