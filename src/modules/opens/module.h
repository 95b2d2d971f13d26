/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "core/module.h"

extern const struct module opens_module;

int command_opens(int argc, char **argv);
