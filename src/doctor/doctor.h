/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `sumun doctor`: what this host and these permissions allow, and what would help. */
#pragma once

int command_doctor(int argc, char **argv);
