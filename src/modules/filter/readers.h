/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who watches and reads events, as far as /proc/locks lets us see; takes no lock itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "modules/filter/store.h"

/* Whether somebody holds the lock of this ring's reader. */
bool reader_is_there(const struct store *store, size_t ring);

/* Whether any `sumun run` watches; see gate_watch(). */
bool run_is_there(const struct store *store);
