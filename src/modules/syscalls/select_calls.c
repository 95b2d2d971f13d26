/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "modules/syscalls/monitor.h"
#include "observe/calls.h"

int monitor_select_calls(struct monitor_options *options, const char *list, struct error *error)
{
	CLEANUP_FREE char *copy = strdup(list);
	char *cursor = copy, *word, quoted[QUOTE_TEXT];

	if (!copy)
		return error_set(error, -ENOMEM, "out of memory");
	while ((word = text_next_word(&cursor))) {
		enum call_abi abi;
		uint32_t number, call;
		int r = call_find(word, &abi, &number, error);

		if (r < 0)
			return r;
		if (number >= CALL_UNKNOWN)
			return error_set(error, -EINVAL, "system call %s: there is no such number",
					 text_quote(word, quoted));
		call = (uint32_t)abi << CALL_ABI_SHIFT | number;
		options->calls[call / 64] |= 1ULL << (call % 64);
		options->select_calls = true;
	}
	if (!options->select_calls)
		return error_set(error, -EINVAL, "give the names of system calls");
	return 0;
}
