/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "core/selftest.h"

/* Calls of this process, counted, by error, and timed. */
int syscalls_selftest(struct selftest *test, struct error *error);
