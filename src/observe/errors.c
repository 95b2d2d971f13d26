// SPDX-License-Identifier: GPL-2.0-or-later
#include "observe/errors.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* From the kernel's include/linux/errno.h, which it does not hand out. */
enum { INTERNAL_FIRST = 512 };
static const char *const internal[] = {
	[512 - INTERNAL_FIRST] = "ERESTARTSYS",
	[513 - INTERNAL_FIRST] = "ERESTARTNOINTR",
	[514 - INTERNAL_FIRST] = "ERESTARTNOHAND",
	[515 - INTERNAL_FIRST] = "ENOIOCTLCMD",
	[516 - INTERNAL_FIRST] = "ERESTART_RESTARTBLOCK",
	[517 - INTERNAL_FIRST] = "EPROBE_DEFER",
	[518 - INTERNAL_FIRST] = "EOPENSTALE",
	[519 - INTERNAL_FIRST] = "ENOPARAM",
	[521 - INTERNAL_FIRST] = "EBADHANDLE",
	[522 - INTERNAL_FIRST] = "ENOTSYNC",
	[523 - INTERNAL_FIRST] = "EBADCOOKIE",
	[524 - INTERNAL_FIRST] = "ENOTSUPP",
	[525 - INTERNAL_FIRST] = "ETOOSMALL",
	[526 - INTERNAL_FIRST] = "ESERVERFAULT",
	[527 - INTERNAL_FIRST] = "EBADTYPE",
	[528 - INTERNAL_FIRST] = "EJUKEBOX",
	[529 - INTERNAL_FIRST] = "EIOCBQUEUED",
	[530 - INTERNAL_FIRST] = "ERECALLCONFLICT",
	[531 - INTERNAL_FIRST] = "ENOGRACE",
};

/* Names beside the one that glibc gives. */
static const struct {
	const char *name;
	unsigned code;
} second_names[] = {
	{ "EWOULDBLOCK", EWOULDBLOCK },
	{ "EDEADLOCK", EDEADLOCK },
	{ "ENOTSUP", ENOTSUP },
};

/* NULL: it has none. */
static const char *known_name(unsigned code)
{
	if (code == 0)
		return NULL; /* glibc says "0" */
	if (code < INTERNAL_FIRST)
		return strerrorname_np((int)code);
	return code - INTERNAL_FIRST < ARRAY_SIZE(internal) ? internal[code - INTERNAL_FIRST]
							    : NULL;
}

const char *errno_name(unsigned code, char buffer[ERRNO_NAME])
{
	const char *name = known_name(code);

	if (name)
		snprintf(buffer, ERRNO_NAME, "%s", name);
	else
		snprintf(buffer, ERRNO_NAME, "errno %u", code);
	return buffer;
}

int errno_find(const char *name, unsigned *ret_code, struct error *error)
{
	char quoted[QUOTE_TEXT];

	for (unsigned code = 1; code < INTERNAL_FIRST + ARRAY_SIZE(internal); code++) {
		const char *known = known_name(code);

		if (!known || strcmp(known, name) != 0)
			continue;
		*ret_code = code;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(second_names); i++) {
		if (strcmp(second_names[i].name, name) != 0)
			continue;
		*ret_code = second_names[i].code;
		return 0;
	}
	return error_set(error, -ENOENT, "no error %s; names are as ENOENT, see errno(3)",
			 text_quote(name, quoted));
}
