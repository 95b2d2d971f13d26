/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "modules/syscalls/names.h"

const char *name_error(uint16_t error, char buffer[ERRNO_NAME])
{
	return error == ERROR_UNKNOWN ? "others" : errno_name(error, buffer);
}
