/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "core/module.h"

extern const struct module syscalls_module;

int command_syscalls(int argc, char **argv);
