/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "core/module.h"

extern const struct module profile_module;

int command_profile(int argc, char **argv);
