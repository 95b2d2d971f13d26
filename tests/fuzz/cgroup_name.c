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
	/* "x" is part of the container or unit that it lies in, or ends the name or the path. */
	sprintf(beneath, "%s/x", text);
	cgroup_name(beneath, again);
	require(strcmp(name, again) == 0 || again[strlen(again) - 1] == 'x');
	/* Ends of its name, some of which are the start of an id. */
	for (size_t i = 1; i < length; i *= 2)
		cgroup_name_matches(text, name + length - i);
}
