/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "core/module.h"

extern const struct module cgroups_module;

int command_cgroups(int argc, char **argv);
