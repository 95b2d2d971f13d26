/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "core/selftest.h"

/* System calls, datagrams and connections of a cgroup that is made for it. */
int cgroups_selftest(struct selftest *test, struct error *error);
