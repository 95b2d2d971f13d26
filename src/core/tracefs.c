/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "core/kernelfs.h"
#include "core/tracefs.h"

const char *tracefs_mounted(void)
{
	static const char *const paths[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	struct statfs fs;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (statfs(paths[i], &fs) == 0 && (unsigned long)fs.f_type == TRACEFS_MAGIC)
			return paths[i];
	return NULL;
}

static int open_root(struct error *error)
{
	const char *path = tracefs_mounted();
	int fd = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : kernelfs_open("tracefs");

	if (fd >= 0)
		return fd;
	if (path)
		return error_set(error, -errno, "cannot open %s: %s", path, strerror(errno));
	if (fd == -ENODEV)
		return error_set(error, fd, "this kernel has no tracefs (CONFIG_FTRACE)");
	return error_set(error, fd,
			 "tracefs is not mounted, and looking into it all the same takes "
			 "CAP_SYS_ADMIN (%s); 'mount -t tracefs tracefs /sys/kernel/tracing'",
			 strerror(-fd));
}

int tracefs_event_id(const char *event, int *ret_id, struct error *error)
{
	CLEANUP_CLOSE int root = open_root(error), file = -1;
	char path[128], text[16];
	ssize_t size;

	if (root < 0)
		return root;
	snprintf(path, sizeof(path), "events/%s/id", event);
	file = openat(root, path, O_RDONLY | O_CLOEXEC);
	if (file < 0 && errno == ENOENT)
		return error_set(error, -ENOENT, "this kernel has no tracepoint %s", event);
	size = file < 0 ? -1 : read(file, text, sizeof(text) - 1);
	if (size < 0)
		return error_set(error, -errno, "cannot read %s of tracefs: %s%s", path,
				 strerror(errno),
				 errno == EACCES ? "; CAP_DAC_READ_SEARCH missing" : "");
	text[size] = '\0';
	if (sscanf(text, "%d", ret_id) != 1)
		return error_set(error, -EIO, "%s of tracefs holds no number", path);
	return 0;
}
