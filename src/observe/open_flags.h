/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a file was opened with, for reading: the flags of open(2) without their O_. */
#pragma once

#include <stdint.h>

enum { OPEN_FLAGS_TEXT = 160 }; /* holds all of them */

/*
 * "RDONLY|CLOEXEC". As the program gave them: open(2) ignores bits that it does not know, and
 * O_PATH ignores most; 64 bits because openat2(2) takes so many. The access mode comes first and
 * is "3" where it is neither of the three (a file that only ioctl works on); bits without a name
 * come last, in hex. Returns `buffer`.
 */
const char *open_flags_format(uint64_t flags, char buffer[OPEN_FLAGS_TEXT]);

enum { OPEN_FLAGS_SHORT = 16 };

/*
 * What it is opened for, in few characters: R, W, RW, P for O_PATH, - for neither; and behind a +
 * C O_CREAT, X O_EXCL, T O_TRUNC, A O_APPEND, D O_DIRECTORY, U O_TMPFILE (without a name). Other
 * flags are left out. Returns `buffer`.
 */
const char *open_flags_short(uint64_t flags, char buffer[OPEN_FLAGS_SHORT]);
