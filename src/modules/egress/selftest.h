/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "core/selftest.h"

/* What a policy denies and allows to a cgroup that is made for it. */
int egress_selftest(struct selftest *test, struct error *error);
