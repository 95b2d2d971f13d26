/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter's door to the rest of sumun: all that core/modules.c needs. */
#pragma once

#include "core/module.h"

extern const struct module filter_module;
