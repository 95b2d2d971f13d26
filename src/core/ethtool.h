/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to the driver of an interface of this network namespace. */
#pragma once

#include <linux/ethtool.h>

/* `command` is one of ethtool's structs, which begin with what is asked. 0 or a negative errno. */
int ethtool_ask(const char *name, void *command);

/* The names of a set (ETH_SS_*); free() them. NULL with errno when they cannot be had. */
struct ethtool_gstrings *ethtool_names(const char *name, unsigned set);
