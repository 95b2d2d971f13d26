/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who reads the rings of events, as far as /proc/locks lets us see; takes no lock itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "modules/filter/store.h"

/* Whether somebody holds the lock of this ring's reader. */
bool reader_is_there(const struct store *store, size_t ring);
