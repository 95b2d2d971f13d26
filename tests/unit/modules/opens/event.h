/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An event as the kernel side makes it. */
#pragma once

#include "modules/opens/opens.h"

struct made {
	struct open_event event;
	char text[3 * OPEN_PATH];
};

/* Adds names that stand from the inside out, parted by '/': "c/b/a" is /a/b/c. */
static inline __u16 add_names(struct made *made, size_t *used, const char *names)
{
	size_t begin = *used, length = strlen(names);

	for (size_t i = 0; i <= length && length; i++)
		made->text[(*used)++] = names[i] == '/' ? '\0' : names[i];
	return (__u16)(*used - begin);
}

/* `base` NULL: the path is not relative. */
static inline struct made make_event(const char *asked, const char *base, const char *opened,
				     int result)
{
	struct made made = { .event = { .header = { .module = EVENT_OPENS },
					.call = OPEN_CALL_OPENAT,
					.number = 257,
					.tgid = 10,
					.tid = 11,
					.command = "cat",
					.directory = OPEN_NO_DIRECTORY,
					.result = result } };
	size_t used = strlen(asked) + 1;

	memcpy(made.text, asked, used);
	made.event.asked = (__u16)used;
	if (base) {
		made.event.marks = OPEN_RELATIVE;
		made.event.base = add_names(&made, &used, base);
	}
	made.event.opened = add_names(&made, &used, opened);
	made.event.header.size = (__u32)(sizeof(made.event) + used);
	return made;
}
