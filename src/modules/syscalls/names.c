/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "modules/syscalls/names.h"

const char *name_call(uint16_t call, char buffer[CALL_NAME])
{
	uint32_t number = call & CALL_NUMBER_MASK;

	if (number == CALL_UNKNOWN)
		return "(no such call)";
	return call_name(call >> CALL_ABI_SHIFT, number, buffer);
}

const char *name_error(uint16_t error, char buffer[ERRNO_NAME])
{
	return error == ERROR_UNKNOWN ? "others" : errno_name(error, buffer);
}
