/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "core/module.h"

extern const struct module perf_module;

int command_perf(int argc, char **argv);
