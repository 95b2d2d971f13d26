// SPDX-License-Identifier: GPL-2.0-or-later
#include "observe/open_flags.h"

/* The kernel's and not <fcntl.h>, where O_LARGEFILE is 0 on 64-bit machines. */
#include <asm/fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"

/* The 32-bit ABI of each machine has the same values. A flag that contains another comes first. */
static const struct {
	uint64_t bits;
	const char *name;
} rows[] = {
	{ O_CREAT, "CREAT" },         { O_EXCL, "EXCL" },           { O_NOCTTY, "NOCTTY" },
	{ O_TRUNC, "TRUNC" },         { O_APPEND, "APPEND" },       { O_NONBLOCK, "NONBLOCK" },
	{ O_SYNC, "SYNC" },           { O_DSYNC, "DSYNC" },         { FASYNC, "ASYNC" },
	{ O_DIRECT, "DIRECT" },       { O_LARGEFILE, "LARGEFILE" }, { O_TMPFILE, "TMPFILE" },
	{ O_DIRECTORY, "DIRECTORY" }, { O_NOFOLLOW, "NOFOLLOW" },   { O_NOATIME, "NOATIME" },
	{ O_CLOEXEC, "CLOEXEC" },     { O_PATH, "PATH" },
};

const char *open_flags_format(uint64_t flags, char buffer[OPEN_FLAGS_TEXT])
{
	static const char *const modes[] = { "RDONLY", "WRONLY", "RDWR", "3" };
	uint64_t rest = flags & ~(uint64_t)O_ACCMODE;
	size_t length;

	length = snprintf(buffer, OPEN_FLAGS_TEXT, "%s", modes[flags & O_ACCMODE]);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if ((rest & rows[i].bits) != rows[i].bits)
			continue;
		rest &= ~rows[i].bits;
		length += snprintf(buffer + length, OPEN_FLAGS_TEXT - length, "|%s", rows[i].name);
	}
	if (rest)
		snprintf(buffer + length, OPEN_FLAGS_TEXT - length, "|0x%" PRIx64, rest);
	return buffer;
}

const char *open_flags_short(uint64_t flags, char buffer[OPEN_FLAGS_SHORT])
{
	static const struct {
		uint64_t bits;
		char letter;
	} letters[] = { { O_CREAT, 'C' },  { O_EXCL, 'X' },    { O_TRUNC, 'T' },
			{ O_APPEND, 'A' }, { O_TMPFILE, 'U' }, { O_DIRECTORY, 'D' } };
	static const char *const modes[] = { "R", "W", "RW", "-" };
	size_t length = snprintf(buffer, OPEN_FLAGS_SHORT, "%s+",
				 flags & O_PATH ? "P" : modes[flags & O_ACCMODE]);
	size_t begin = length;

	for (size_t i = 0; i < ARRAY_SIZE(letters); i++) {
		if ((flags & letters[i].bits) != letters[i].bits)
			continue;
		flags &= ~letters[i].bits;
		buffer[length++] = letters[i].letter;
	}
	buffer[length > begin ? length : begin - 1] = '\0';
	return buffer;
}
