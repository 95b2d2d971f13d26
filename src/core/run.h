/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `sumun run`: start every module, watch, report, until a signal. */
#pragma once

int command_run(int argc, char **argv);
