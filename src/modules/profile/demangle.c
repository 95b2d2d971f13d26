/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <libiberty/demangle.h>

#include "modules/profile/demangle.h"

enum { MANGLED_MAX = 4096 }; /* what grows on the stack of the demangler is in proportion */

struct output {
	jmp_buf full;
	char *buffer;
	size_t used;
};

/* Neither demangler holds memory while it calls this: so it can be left. */
static void append(const char *text, size_t length, void *context)
{
	struct output *output = context;

	if (output->used + length >= DEMANGLED_TEXT)
		longjmp(output->full, 1);
	memcpy(output->buffer + output->used, text, length);
	output->used += length;
}

static bool write_plain(const char *name, struct output *output)
{
	if (setjmp(output->full))
		return false;
	if (rust_demangle_callback(name, DMGL_AUTO, append, output))
		return true;
	output->used = 0;
	return cplus_demangle_v3_callback(name, DMGL_AUTO, append, output);
}

const char *demangle(const char *name, char buffer[DEMANGLED_TEXT])
{
	struct output output = { .buffer = buffer };
	size_t length = strlen(name);
	bool mangled = strncmp(name, "_Z", 2) == 0 || strncmp(name, "_R", 2) == 0;

	if (mangled && length < MANGLED_MAX && write_plain(name, &output) && output.used) {
		buffer[output.used] = '\0';
		return buffer;
	}
	snprintf(buffer, DEMANGLED_TEXT, "%s", name);
	return buffer;
}
