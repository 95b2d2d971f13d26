/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/mount.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "core/kernelfs.h"

int kernelfs_open(const char *type)
{
	CLEANUP_CLOSE int context = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	int fd;

	if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}
