/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/kallsyms.h"

/* Whether `suffix` is one or more of ".isra.0", ".constprop.12", ".part.3", ".llvm.456". */
static bool is_same_function(const char *suffix)
{
	static const char *const made[] = { ".isra.", ".constprop.", ".part.", ".llvm." };

	while (*suffix) {
		size_t digits = 0, length = 0;

		for (size_t i = 0; i < ARRAY_SIZE(made); i++)
			if (strncmp(suffix, made[i], strlen(made[i])) == 0)
				length = strlen(made[i]);
		if (length)
			digits = strspn(suffix + length, "0123456789");
		if (!digits)
			return false;
		suffix += length + digits;
	}
	return true;
}

int kallsyms_resolve_in(FILE *file, const char *name, char ret_symbol[SYMBOL_NAME])
{
	char line[512], symbol[SYMBOL_NAME], type;
	size_t length = strlen(name);
	bool found = false;

	while (fgets(line, sizeof(line), file)) {
		/* Modules' functions stand behind, with "[module]"; the kernel's own come first. */
		if (sscanf(line, "%*x %c %127s", &type, symbol) != 2 || tolower(type) != 't' ||
		    strncmp(symbol, name, length) != 0 || !is_same_function(symbol + length))
			continue;
		if (found && symbol[length])
			continue; /* the first of several parts; but the name itself beats them */
		memcpy(ret_symbol, symbol, SYMBOL_NAME);
		found = true;
		if (!symbol[length])
			break;
	}
	return found ? 0 : -ENOENT;
}

int kallsyms_resolve(const char *name, char ret_symbol[SYMBOL_NAME])
{
	CLEANUP_FCLOSE FILE *file = fopen("/proc/kallsyms", "re");

	return file ? kallsyms_resolve_in(file, name, ret_symbol) : -EACCES;
}
