/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Refusing what would shut out somebody this host cannot do without. Pure functions. */
#pragma once

#include "base/address.h"
#include "base/error.h"
#include "base/port.h"
#include "core/host.h"
#include "modules/filter/filter.h"

/* -EADDRINUSE with the reason when banning this prefix would hit a peer. */
int lockout_check_ban(const struct prefix *prefix, const struct peers *peers, struct error *error);

/* -EADDRINUSE when the ports hold the one that the SSH session in use came in by. */
int lockout_check_ports(const struct port_set *ports, const struct peers *peers,
			struct error *error);

/* -EADDRINUSE when an `allow` entry of the policy in force covers this prefix: it would win. */
int lockout_check_allow(const struct prefix *prefix, const struct filter_policy *policy,
			struct error *error);
