/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths of an open, from its event: pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "modules/opens/opens.h"

/* The directory and what is relative to it; and what stands for what is not known. */
enum { PATH_TEXT = 2 * OPEN_PATH + 64 };

struct open_paths {
	char asked[PATH_TEXT];  /* joined with the directory that it is relative to */
	bool asked_known;       /* else `asked` says what is not known, as "<unreadable>" */
	bool asked_whole;       /* nothing of it is missing */
	char opened[PATH_TEXT]; /* "" where nothing was opened, or its place is not known */
	bool differs;           /* what was opened lies elsewhere than `asked` says */
};

/* False: the event contradicts itself. */
bool path_read(const struct open_event *event, struct open_paths *ret_paths);

/* The path whose names stand from the inside out, each with its end; "/" for none. */
void path_from_names(const char *names, size_t size, char ret_path[PATH_TEXT]);

/* Without "//", "/./" and "/x/../", as text: links are not looked at. In place; what does not begin
 * with "/" stays as it is. */
void path_clean(char *path);

/*
 * The bytes that a path must begin with to match a pattern of fnmatch(3), OPEN_PREFIX at most, and
 * how many. No end is written.
 */
size_t path_literal(const char *pattern, char ret_literal[OPEN_PREFIX]);

/* -EINVAL, with what to do: no path begins as the pattern does. */
int path_check_pattern(const char *pattern, struct error *error);

/* '*' matches '/' as well: what is below counts. */
bool path_matches(const char *path, const char *pattern);
