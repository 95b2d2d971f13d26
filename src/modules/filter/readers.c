/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "modules/filter/readers.h"

/* To try the lock would be simpler, and would turn away whoever comes at that moment. */
static bool is_locked(const char *path)
{
	CLEANUP_FCLOSE FILE *locks = fopen("/proc/locks", "re");
	char wanted[64], line[256];
	struct stat st;

	if (!locks || stat(path, &st) < 0)
		return false;
	snprintf(wanted, sizeof(wanted), " %02x:%02x:%lu ", major(st.st_dev), minor(st.st_dev),
		 (unsigned long)st.st_ino);
	while (fgets(line, sizeof(line), locks))
		if (strstr(line, wanted) && !strstr(line, "->"))
			return true;
	return false;
}

bool reader_is_there(const struct store *store, size_t ring)
{
	char name[32], path[PINS_PATH];

	snprintf(name, sizeof(name), "reader%zu", ring);
	return pins_path(path, store->directory, name) == 0 && is_locked(path);
}

bool run_is_there(const struct store *store)
{
	return is_locked(store->directory);
}
