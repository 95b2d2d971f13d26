/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses and prefixes: the one door through which text becomes an address.
 *
 * Every address is 128 bits in network order; IPv4 is held as ::ffff:a.b.c.d
 * (RFC 4291, 2.5.5.2). A prefix length always counts from the front of the 128
 * bits, so 10.0.0.0/8 has length 104. address_format() and prefix_format() show
 * IPv4 as people write it. A v4-mapped address typed as IPv6 (::ffff:1.2.3.4)
 * is the IPv4 address, because on the wire it is one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum {
	ADDRESS_BITS = 128,
	ADDRESS_V4_OFFSET = 96, /* bits in front of an IPv4 address */
	ADDRESS_TEXT = 46,      /* INET6_ADDRSTRLEN */
	PREFIX_TEXT = 50,
};

struct address {
	uint8_t bytes[16];
};

struct prefix {
	struct address address; /* bits behind `length` are zero */
	uint8_t length;         /* 0..128, counted from the front of the 128 bits */
};

bool address_is_v4(const struct address *address);
bool address_equal(const struct address *a, const struct address *b);
struct address address_from_v4(uint32_t network_order);
uint32_t address_v4(const struct address *address); /* network order; only when address_is_v4() */
struct address address_from_v6(const void *sixteen_bytes);

/* Text to address. -EINVAL with the reason: zone ids (fe80::1%eth0), names, and spare characters
 * are refused. */
int address_parse(const char *text, struct address *ret_address, struct error *error);

/*
 * "10.0.0.1", "10.0.0.0/8", "2001:db8::/32". Without a length the prefix is the
 * single address. Bits behind the length are refused (-EINVAL) with the network
 * that was probably meant: 10.0.0.1/8 is more often a slip than a wish.
 */
int prefix_parse(const char *text, struct prefix *ret_prefix, struct error *error);

/* True when `prefix` is a single address. */
bool prefix_is_host(const struct prefix *prefix);
bool prefix_is_v4(const struct prefix *prefix); /* an IPv4 address, length >= 96 */
bool prefix_equal(const struct prefix *a, const struct prefix *b);
/* IPv4 and IPv6 are apart: ::/0 is all of IPv6 and holds no IPv4 address. */
bool prefix_contains(const struct prefix *prefix, const struct address *address);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
struct prefix prefix_of(const struct address *address, uint8_t length); /* masks */

/* All return their buffer. A single address is written without a length. */
const char *address_format(const struct address *address, char buffer[ADDRESS_TEXT]);
const char *prefix_format(const struct prefix *prefix, char buffer[PREFIX_TEXT]);
