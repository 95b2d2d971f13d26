/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From configuration to what the kernel reads: a policy slot, and the bans of the configuration. */
#pragma once

#include "core/host.h"
#include "modules/filter/gate.h"
#include "modules/filter/settings.h"
#include "modules/filter/store.h"

/* -EADDRINUSE with the reason when the configuration would shut out one of the peers. */
int policy_check_lockout(const struct filter_config *config, const struct peers *peers,
			 struct error *error);

/*
 * Writes the whole policy, zeroed before, that is not in force yet: all but its lists.
 * Guarded are all peers but this host's own addresses: a packet from outside that bears
 * one is forged. Guards keep the numbers that their names had. -ENOSPC when it does not
 * fit. With `force`, bans of the configuration hold for guarded peers too.
 */
int policy_fill(struct tables *tables, struct filter_policy *policy,
		const struct filter_config *config, const struct peers *peers, bool force,
		struct error *error);

/* A rate as the kernel side counts it; `burst` units at once, 0: as many as the rate names. */
struct filter_limit policy_limit(const struct rate *rate, uint64_t burst, uint32_t jiffies_hz);
