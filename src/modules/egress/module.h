/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "core/module.h"

extern const struct module egress_module;

int command_egress(int argc, char **argv);
