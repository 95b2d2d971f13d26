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
 * Writes the whole policy, zeroed before, that is not in force yet: mode, ports, `allow`
 * entries, and the peers that are guarded (all but this host's own addresses: a packet
 * from outside that bears one is forged). -ENOSPC when it does not fit.
 */
int policy_fill(struct tables *tables, struct filter_policy *policy,
		const struct filter_config *config, const struct peers *peers, struct error *error);

/*
 * Adds the bans of the configuration on behalf of the policy that comes next. When that
 * fails, or once it is in force, policy_settle_bans() with the generation that then holds
 * takes away the bans of the configuration that it does not want.
 */
int policy_add_bans(struct store *store, const struct gate_options *options, struct error *error);
void policy_settle_bans(struct store *store, uint32_t generation);
