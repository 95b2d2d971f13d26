/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `sumun up` with this configuration would change, told; nothing is changed. */
#pragma once

#include "modules/filter/config_text.h"
#include "modules/filter/gate.h"

/*
 * Prints the differences to what is in force: settings, interfaces, lists, guarded peers.
 * Fails where `up` would, for the same reasons. Returns an exit status.
 */
int dry_run(const struct gate_options *options);
