/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "observe/owners.h"

static const struct {
	const char *name;
	unsigned by; /* enum owner_by */
} names[] = {
	{ "process", BY_PROCESS }, { "command", BY_COMMAND }, { "call", BY_CALL },
	{ "cgroup", BY_CGROUP },   { "user", BY_USER },
};

const char *owner_by_text(unsigned by, char buffer[OWNER_BY_TEXT])
{
	size_t used = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (by & names[i].by)
			used += (size_t)snprintf(buffer + used, OWNER_BY_TEXT - used, "%s%s",
						 used ? "," : "", names[i].name);
	return buffer;
}

int owner_by_parse(const char *text, unsigned *ret_by, struct error *error)
{
	CLEANUP_FREE char *copy = strdup(text);
	char *cursor = copy, *word, quoted[QUOTE_TEXT];
	unsigned by = 0;

	if (!copy)
		return error_set(error, -ENOMEM, "out of memory");
	while ((word = text_next_word(&cursor))) {
		size_t i = 0;

		while (i < ARRAY_SIZE(names) && strcmp(names[i].name, word) != 0)
			i++;
		if (i == ARRAY_SIZE(names))
			return error_set(error, -EINVAL,
					 "--by %s: give process, command, call, cgroup, user, or "
					 "some of them with commas",
					 text_quote(word, quoted));
		by |= names[i].by;
	}
	if (!by)
		return error_set(error, -EINVAL,
				 "--by: give process, command, call, cgroup or user");
	*ret_by = by;
	return 0;
}
