/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "core/selftest.h"

/* Calls, page faults and switches of this process. */
int perf_selftest(struct selftest *test, struct error *error);
