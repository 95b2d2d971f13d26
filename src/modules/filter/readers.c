/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "modules/filter/readers.h"

/* To try the lock would be simpler, and would turn a reader away that comes at that moment. */
bool reader_is_there(const struct store *store, size_t ring)
{
	CLEANUP_FCLOSE FILE *locks = fopen("/proc/locks", "re");
	char name[32], path[PINS_PATH], wanted[64], line[256];
	struct stat st;

	snprintf(name, sizeof(name), "reader%zu", ring);
	if (!locks || pins_path(path, store->directory, name) < 0 || stat(path, &st) < 0)
		return false;
	snprintf(wanted, sizeof(wanted), " %02x:%02x:%lu ", major(st.st_dev), minor(st.st_dev),
		 (unsigned long)st.st_ino);
	while (fgets(line, sizeof(line), locks))
		if (strstr(line, wanted) && !strstr(line, "->"))
			return true;
	return false;
}
