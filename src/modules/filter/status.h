/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy in force in the words of the configuration, for `sumun status`. */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "modules/filter/gate.h"

enum { STATUS_INTERFACES = 64 };

json_t *status_json(const struct store *store);
void status_text(const struct store *store, FILE *out);

/* ---- for both ------------------------------------------------------------------------------- */

/* The ports for which (what the policy says of them & mask) is `value`. */
void status_ports(const struct filter_policy *policy, uint8_t mask, uint8_t value,
		  struct port_set *ret_set);

/* Ticks that scan detection bans for. */
uint32_t status_scan_ban(const struct filter_policy *policy);

/* Whether SYN cookies that are sent back on it may get lost; see cookies.h. */
bool status_loses_cookies(const struct gate_interface *interface);
