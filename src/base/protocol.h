/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of IP protocol numbers, from IANA's registry "Assigned Internet Protocol Numbers". */
#pragma once

#include <stdint.h>

enum { PROTOCOL_COUNT = 256, PROTOCOL_TEXT = 16 };

/*
 * The keyword in lower case ("tcp", "udp", "icmp", "icmpv6"), the same on every
 * machine: /etc/protocols is not read. A number without a keyword is "proto-253".
 * Returns `buffer`.
 */
const char *protocol_name(uint8_t number, char buffer[PROTOCOL_TEXT]);
