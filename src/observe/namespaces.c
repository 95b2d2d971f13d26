/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "observe/namespaces.h"

/* The kernel's PROC_PID_INIT_INO: the same on every machine since Linux 3.8. */
#define INITIAL_PID_NAMESPACE 0xeffffffcULL

static int inode_of(const char *path, uint64_t *ret_inode)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return -errno;
	*ret_inode = status.st_ino;
	return 0;
}

int namespaces_mount(uint64_t *ret_inode)
{
	return inode_of("/proc/self/ns/mnt", ret_inode);
}

int namespaces_pid(uint64_t *ret_inode)
{
	return inode_of("/proc/self/ns/pid", ret_inode);
}

int namespaces_check_pid(struct error *error)
{
	uint64_t inode;
	int r = namespaces_pid(&inode);

	if (r < 0)
		return error_set(error, r,
				 "cannot tell whether process numbers are the kernel's own: "
				 "/proc/self/ns/pid: %s; mount /proc",
				 strerror(-r));
	if (inode == INITIAL_PID_NAMESPACE)
		return 0;
	return error_set(
		error, -EXDEV,
		"sumun runs in a pid namespace of its own, as in a container, where "
		"processes have other numbers than the kernel's hooks see; choose by cgroup "
		"or user instead, or run sumun on the host");
}
