/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where something is sent to, as people write it:
 *
 *   10.0.0.0/8    2001:db8::/32           an address or a prefix, whatever the protocol
 *   10.1.2.3:443  [2001:db8::/32]:53      and a port, of TCP and of UDP
 *   10.1.2.3:tcp/443-445                  of one of them
 *   tcp/25        udp/1-1023              ports of all addresses
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "modules/egress/egress.h"

struct destination {
	struct prefix prefix; /* unless `anywhere` */
	bool anywhere;
	uint8_t protocols;    /* enum egress_protocol; 0: all, and no ports */
	uint16_t first, last; /* ports, host order */
};

enum { DESTINATION_TEXT = 96 };

/* -EINVAL says what is wrong and shows the form that is wanted. */
int destination_parse(const char *text, struct destination *ret_destination, struct error *error);

/* As destination_parse() reads it. Returns `buffer`. */
const char *destination_format(const struct destination *destination,
			       char buffer[DESTINATION_TEXT]);

/* Writes the one or two rules that it is; returns how many. */
size_t destination_rules(const struct destination *destination, bool deny,
			 struct egress_rule rules[2]);

/* The other way round; false for the second of two rules. */
bool destination_of_rule(const struct egress_rule *rule, struct destination *ret_destination);
