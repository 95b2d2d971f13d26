/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/cgroup2.h"

int cgroup2_parse_mount(const char *line, char ret_path[PINS_PATH])
{
	const char *behind = strstr(line, " - cgroup2 ");
	char path[PINS_PATH];

	if (!behind || sscanf(line, "%*s %*s %*s %*s %255s", path) != 1)
		return -ENOENT;
	memcpy(ret_path, path, PINS_PATH);
	return 0;
}

int cgroup2_mount(char ret_path[PINS_PATH])
{
	CLEANUP_FCLOSE FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[4096];

	while (file && fgets(line, sizeof(line), file))
		if (cgroup2_parse_mount(line, ret_path) == 0)
			return 0;
	return -ENOENT;
}

int cgroup2_own(char ret_path[PINS_PATH])
{
	CLEANUP_FCLOSE FILE *file = fopen("/proc/self/cgroup", "re");
	char line[4096], mount[PINS_PATH], path[PINS_PATH];
	int r = cgroup2_mount(mount);

	if (r < 0)
		return r;
	memcpy(ret_path, mount, PINS_PATH);
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		/* "/.." leads out of what a cgroup namespace shows. */
		if (strncmp(line, "0::/", 4) == 0 && strncmp(line, "0::/..", 6) != 0 &&
		    snprintf(path, sizeof(path), "%.200s%s", mount, line + 3) < PINS_PATH &&
		    access(path, F_OK) == 0)
			memcpy(ret_path, path, PINS_PATH);
	}
	return 0;
}
