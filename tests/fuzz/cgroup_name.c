// SPDX-License-Identifier: GPL-2.0-or-later
/* Whatever path the kernel tells has a name, which fits, and by which it can be meant. */
#include "observe/cgroup_name.h"

#include "fuzz.h"

static void fuzz_text(const char *text)
{
	char name[CGROUP_NAME], again[CGROUP_NAME];
	CLEANUP_FREE char *beneath = malloc(strlen(text) + sizeof("/x"));
	const char *last = strrchr(text, '/');
	size_t length = strlen(cgroup_name(text, name));

	require(length > 0 && length < CGROUP_NAME);
	require(cgroup_name_matches(text, name));
	require(cgroup_name_matches(text, last ? last + 1 : text));
	/* A directory is part of the container or unit that it lies in; of neither, it is a path.
	 */
	sprintf(beneath, "%s/x", text);
	cgroup_name(beneath, again);
	require(strcmp(name, again) == 0 || again[0] == '.' || strchr(again, '/'));
	for (size_t digits = 0; digits <= 65 && digits <= length; digits++) {
		name[length - digits] = '\0';
		cgroup_name_matches(text, name);
	}
}
