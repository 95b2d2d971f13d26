/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of the filter; filter_commands[] says what each does. */
#pragma once

#include "core/module.h"

extern const struct command filter_commands[];

int command_up(int argc, char **argv);
int command_confirm(int argc, char **argv);
int command_down(int argc, char **argv);
int command_status(int argc, char **argv);
int command_stats(int argc, char **argv);
int command_events(int argc, char **argv);
int command_ban(int argc, char **argv);
int command_unban(int argc, char **argv);
int command_bans(int argc, char **argv);
int command_list(int argc, char **argv);
