// SPDX-License-Identifier: GPL-2.0-or-later
#include "observe/calls.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct abi {
	const char *prefix; /* with its colon; NULL: this machine has no such ABI */
	const char *names[CALL_NUMBERS];
};

#include "observe/call_table.h" /* abis[]; written by call_table.py */

const char *call_name(enum call_abi abi, uint32_t number, char buffer[CALL_NAME])
{
	const char *prefix = abis[abi].prefix ? abis[abi].prefix : "?:";

	if (number < CALL_NUMBERS && abis[abi].names[number])
		snprintf(buffer, CALL_NAME, "%s%s", prefix, abis[abi].names[number]);
	else
		snprintf(buffer, CALL_NAME, "%s#%u", prefix, number);
	return buffer;
}

/* -ENOENT when the ABI has no call of that name. */
static int find_in(enum call_abi abi, const char *name, uint32_t *ret_number)
{
	for (uint32_t number = 0; number < CALL_NUMBERS; number++) {
		if (!abis[abi].names[number] || strcmp(abis[abi].names[number], name) != 0)
			continue;
		*ret_number = number;
		return 0;
	}
	return -ENOENT;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein: how many characters to insert, delete or replace. `b` is shorter than CALL_NAME. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t length = strlen(b);
	size_t row[CALL_NAME];

	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < length; j++) {
			size_t replaced = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			row[j + 1] = least(replaced, least(row[j], diagonal) + 1);
		}
	}
	return row[length];
}

/*
 * The call that a name may stand for, -ENOENT when none is near: the first that contains it, as
 * pread64 does what the C library calls pread, else the one with the fewest slips.
 */
static int find_near(enum call_abi abi, const char *name, uint32_t *ret_number)
{
	size_t length = strlen(name);
	size_t nearest = length / 2 + 1;
	uint32_t found = CALL_NUMBERS;

	for (uint32_t number = 0; number < CALL_NUMBERS; number++) {
		const char *known = abis[abi].names[number];
		size_t slips;

		if (!known)
			continue;
		slips = length > 3 && strstr(known, name) ? 0 : edit_distance(name, known);
		if (slips >= nearest)
			continue;
		nearest = slips;
		found = number;
	}
	if (found == CALL_NUMBERS)
		return -ENOENT;
	*ret_number = found;
	return 0;
}

/*
 * `typed` is `name` with the ABI in front. The same name under another ABI is likelier meant than
 * a similar one.
 */
static int refuse_unknown(const char *typed, enum call_abi abi, const char *name,
			  struct error *error)
{
	char meant[CALL_NAME], quoted[QUOTE_TEXT];
	uint32_t number;
	int r = -ENOENT;

	text_quote(typed, quoted);
	for (int other = 0; other < CALL_ABIS && r < 0; other++) {
		r = find_in(other, name, &number);
		if (r == 0)
			abi = other;
	}
	if (r < 0)
		r = find_near(abi, name, &number);
	if (r == 0)
		return error_set(error, -ENOENT, "no system call %s; meant is %s?", quoted,
				 call_name(abi, number, meant));
	return error_set(error, -ENOENT,
			 "no system call %s; one that is newer than this program goes by its "
			 "number, as %s#450",
			 quoted, abis[abi].prefix);
}

/* Moves behind the prefix; a native name has none. */
static int take_abi(const char **name, enum call_abi *ret_abi, struct error *error)
{
	char quoted[QUOTE_TEXT];

	if (!strchr(*name, ':'))
		return 0;
	for (int abi = CALL_NATIVE + 1; abi < CALL_ABIS; abi++) {
		const char *prefix = abis[abi].prefix;

		if (!prefix || strncmp(*name, prefix, strlen(prefix)) != 0)
			continue;
		*name += strlen(prefix);
		*ret_abi = abi;
		return 0;
	}
	return error_set(error, -ENOENT,
			 "system call %s: there is no such ABI here; names are as read or %sread",
			 text_quote(*name, quoted), abis[CALL_COMPAT].prefix);
}

int call_find(const char *name, enum call_abi *ret_abi, uint32_t *ret_number, struct error *error)
{
	const char *typed = name;
	const char *digits;
	char quoted[QUOTE_TEXT];
	enum call_abi abi = CALL_NATIVE;
	uint64_t number;
	int r;

	r = take_abi(&name, &abi, error);
	if (r < 0)
		return r;
	if (*name != '#' && !(*name >= '0' && *name <= '9')) {
		r = find_in(abi, name, ret_number);
		if (r < 0)
			return refuse_unknown(typed, abi, name, error);
		*ret_abi = abi;
		return 0;
	}
	digits = name + (*name == '#');
	r = text_take_number(&digits, UINT32_MAX, &number);
	if (r < 0 || *digits)
		return error_set(error, -EINVAL, "system call %s: not a number",
				 text_quote(typed, quoted));
	*ret_abi = abi;
	*ret_number = number;
	return 0;
}

const char *name_call(uint16_t call, char buffer[CALL_NAME])
{
	uint32_t number = call & CALL_NUMBER_MASK;

	if (number == CALL_UNKNOWN)
		return "(no such call)";
	return call_name(call >> CALL_ABI_SHIFT, number, buffer);
}
