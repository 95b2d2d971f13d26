/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "modules/profile/maps.h"

bool map_line_is_code(const char *line)
{
	const char *rights = strchr(line, ' ');

	return rights && strnlen(rights, 4) == 4 && rights[3] == 'x';
}

bool map_line_parse(char *line, struct map_line *ret_line)
{
	unsigned long long start, end, offset, inode;
	unsigned major_number, minor_number;
	int path = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%llx-%llx %*s %llx %x:%x %llu %n", &start, &end, &offset, &major_number,
		   &minor_number, &inode, &path) != 6 ||
	    !path || end <= start)
		return false;
	*ret_line = (struct map_line){ .start = start,
				       .end = end,
				       .offset = offset,
				       .device = makedev(major_number, minor_number),
				       .inode = inode,
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
