/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where what is observed is written to. */
#pragma once

#include <stdio.h>

#include "base/error.h"
#include "core/arguments.h"

/*
 * The file of -o, which is emptied; else standard output; beside a command, whose own that is,
 * standard error, buffered, so that a report is written at once and no line of either is torn. To
 * be opened before privileges are given up. NULL with the reason, errno in *ret_error.
 */
FILE *report_file_open(const struct arguments *arguments, int *ret_error, struct error *error);
