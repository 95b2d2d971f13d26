/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fnmatch.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "modules/opens/path.h"

void path_from_names(const char *names, size_t size, char ret_path[PATH_TEXT])
{
	size_t used = 0, end = size;

	/* The last is the outermost. */
	while (end > 0 && used < PATH_TEXT) {
		size_t begin = end - 1;

		while (begin > 0 && names[begin - 1])
			begin--;
		used += (size_t)snprintf(ret_path + used, PATH_TEXT - used, "/%s", names + begin);
		end = begin;
	}
	if (!used)
		strcpy(ret_path, "/");
}

void path_clean(char *path)
{
	const char *from = path;
	char *to = path;

	/* What begins otherwise would grow. */
	if (*path != '/')
		return;
	while (*from) {
		size_t length;

		from += strspn(from, "/");
		length = strcspn(from, "/");
		if (length == 2 && from[0] == '.' && from[1] == '.') {
			while (to > path && *--to != '/')
				;
		} else if (length && !(length == 1 && from[0] == '.')) {
			*to++ = '/';
			memmove(to, from, length);
			to += length;
		}
		from += length;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
}

size_t path_literal(const char *pattern, char ret_literal[OPEN_PREFIX])
{
	size_t length = strcspn(pattern, "*?[\\");

	if (length > OPEN_PREFIX)
		length = OPEN_PREFIX;
	memcpy(ret_literal, pattern, length);
	return length;
}

int path_check_pattern(const char *pattern, struct error *error)
{
	char quoted[QUOTE_TEXT];

	if (*pattern == '/' || *pattern == '*')
		return 0;
	return error_set(error, -EINVAL,
			 "%s matches no path: begin with '/' or '*', as in '/etc/*' or '*.conf'",
			 text_quote(pattern, quoted));
}

bool path_matches(const char *path, const char *pattern)
{
	return fnmatch(pattern, path, 0) == 0;
}

/* ---- of an event ------------------------------------------------------------------------ */

/* Where a walk ended before the root, the path begins with words that no file can have. */
static const char *beginning(uint8_t walk)
{
	if (walk & OPEN_WALK_CUT)
		return "<...>";
	if (walk & OPEN_WALK_OUTSIDE)
		return "<outside>";
	return walk & OPEN_WALK_NOWHERE ? "<nowhere>" : "";
}

static void join(const struct open_event *event, const char *asked, const char *base,
		 struct open_paths *paths)
{
	char directory[PATH_TEXT];

	if (event->marks & OPEN_BASE_UNKNOWN) {
		paths->asked_whole = false;
		snprintf(paths->asked, PATH_TEXT, "<descriptor %d>/%s", event->directory, asked);
		return;
	}
	path_from_names(base, event->base, directory);
	paths->asked_whole &= !event->base_walk;
	snprintf(paths->asked, PATH_TEXT, "%s%.*s%s%s", beginning(event->base_walk), OPEN_PATH + 16,
		 directory, strcmp(directory, "/") == 0 ? "" : "/", asked);
}

static void read_opened(const struct open_event *event, const char *names, struct open_paths *paths)
{
	char path[PATH_TEXT], clean[PATH_TEXT];

	paths->opened[0] = '\0';
	paths->differs = false;
	if (!event->opened && (event->result < 0 || event->opened_walk || event->ring))
		return;
	path_from_names(names, event->opened, path);
	snprintf(paths->opened, PATH_TEXT, "%s%.*s", beginning(event->opened_walk), OPEN_PATH + 16,
		 path);
	paths->differs = true;
	if (!paths->asked_whole)
		return;
	strcpy(clean, paths->asked);
	path_clean(clean);
	paths->differs = strcmp(clean, paths->opened) != 0;
}

static bool agrees(const struct open_event *event)
{
	const char *text = (const char *)(event + 1);
	size_t size = (size_t)event->asked + event->base + event->opened;

	return event->header.size == sizeof(*event) + size && event->asked &&
	       event->asked <= OPEN_PATH && event->base <= OPEN_PATH &&
	       event->opened <= OPEN_PATH && !text[event->asked - 1] && !text[size - 1] &&
	       (!event->base || !text[event->asked + event->base - 1]);
}

bool path_read(const struct open_event *event, struct open_paths *ret_paths)
{
	const char *asked = (const char *)(event + 1), *base = asked + event->asked,
		   *opened = base + event->base;

	if (!agrees(event))
		return false;
	ret_paths->asked_known = true;
	ret_paths->asked_whole = !(event->marks & OPEN_CUT);
	if (event->call == OPEN_CALL_HANDLE) {
		strcpy(ret_paths->asked, "<handle>");
		ret_paths->asked_known = ret_paths->asked_whole = false;
	} else if (event->marks & OPEN_UNREADABLE) {
		strcpy(ret_paths->asked, "<unreadable>");
		ret_paths->asked_known = ret_paths->asked_whole = false;
	} else if (event->marks & OPEN_RELATIVE) {
		join(event, asked, base, ret_paths);
	} else {
		snprintf(ret_paths->asked, PATH_TEXT, "%s", asked);
	}
	read_opened(event, opened, ret_paths);
	return true;
}
