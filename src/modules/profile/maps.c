/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "modules/profile/maps.h"

bool map_line_parse(char *line, struct map_line *ret_line)
{
	unsigned long long start, end, offset, inode;
	unsigned major_number, minor_number;
	char rights[5];
	int path = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu %n", &start, &end, rights, &offset,
		   &major_number, &minor_number, &inode, &path) != 7 ||
	    !path || end <= start)
		return false;
	*ret_line = (struct map_line){ .start = start,
				       .end = end,
				       .offset = offset,
				       .device = makedev(major_number, minor_number),
				       .inode = inode,
				       .executable = rights[2] == 'x',
				       .path = line + path };
	return true;
}

void map_path_name(const char *path, char *buffer, size_t size)
{
	static const char deleted[] = " (deleted)";
	const char *slash = strrchr(path, '/');
	size_t length;

	snprintf(buffer, size, "%s", slash ? slash + 1 : path);
	length = strlen(buffer);
	if (length > strlen(deleted) && strcmp(buffer + length - strlen(deleted), deleted) == 0)
		buffer[length - strlen(deleted)] = '\0';
}
