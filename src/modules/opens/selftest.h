/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "core/selftest.h"

int opens_selftest(struct selftest *test, struct error *error);
