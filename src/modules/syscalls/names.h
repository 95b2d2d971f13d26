/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the rows of a view are called; all is ready to be shown. */
#pragma once

#include "modules/syscalls/books.h"
#include "observe/calls.h"
#include "observe/errors.h"
#include "observe/owner_names.h"

const char *name_error(uint16_t error, char buffer[ERRNO_NAME]); /* "ENOENT" */
