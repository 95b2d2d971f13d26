/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which processes are looked at: from what was typed to what the programs in the kernel are told.
 */
#pragma once

#include "base/error.h"
#include "bpf/selection.h"
#include "core/arguments.h"

/*
 * Reads -p, -c, -u and --cgroup of the arguments, and follows a command where operands name one.
 * -EINVAL or what else was wrong, with the reason; then *ret_selection is untouched.
 */
int selection_read(const struct arguments *arguments, struct selection *ret_selection,
		   struct error *error);

enum { SELECTION_TEXT = 512 };

/* "process 1234, user 0": for people, as it was typed; "all processes" for nothing. */
const char *selection_text(const struct arguments *arguments, char buffer[SELECTION_TEXT]);
