/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of `sumun list` that change something. */
#pragma once

enum { OPERANDS_MAX = 100000 };

int command_list_add(int argc, char **argv);
int command_list_del(int argc, char **argv);
