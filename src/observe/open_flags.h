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
