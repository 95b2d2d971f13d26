/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPv6 headers, extension headers and fragments; the rest is in filter_parse.c. */
#include <netinet/in.h>

#include "harness.h"

static void ipv6_header_is_believed_only_when_possible(void **state)
{
	static const struct row rows[] = {
		{ "version 4",
		  { ETHERNET(), IPV6(.version = 4), TCP() },
		  REASON_MALFORMED,
		  IPPROTO_TCP },
		{ "version 7",
		  { ETHERNET(), IPV6(.version = 7), TCP() },
		  REASON_MALFORMED,
		  IPPROTO_TCP },
		{ "beyond the frame",
		  { ETHERNET(), IPV6(), TCP(), CUT(1) },
		  REASON_MALFORMED,
		  IPPROTO_TCP },
		{ "shorter",
		  { ETHERNET(), IPV6(.length = 19), TCP() },
		  REASON_MALFORMED,
		  IPPROTO_TCP },
		{ "length 0",
		  { ETHERNET(), IPV6(.length = EXACTLY(0)), TCP() },
		  REASON_MALFORMED,
		  IPPROTO_TCP },
		{ "39 bytes", { ETHERNET(), IPV6(), CUT(1) }, REASON_MALFORMED, PROTOCOL_UNKNOWN },
		{ "nothing",
		  { ETHERNET(.type = EXACTLY(0x86dd)) },
		  REASON_MALFORMED,
		  PROTOCOL_UNKNOWN },
		{ "chain cut",
		  { ETHERNET(), IPV6(.length = 7), EXTENSION(DESTINATION) },
		  REASON_MALFORMED,
		  DESTINATION },
	};

	EXPECT_ROWS(*state, rows);
}

static void p11_ipv6_fragment_header_is_8_bytes(void **state)
{
	static const struct row rows[] = {
		{ "whole",
		  { ETHERNET(), IPV6(), EXTENSION(FRAGMENT), TCP() },
		  REASON_PASS,
		  IPPROTO_TCP },
		/* With the reserved byte taken for a length, the TCP header would be read 8 bytes
		   late. */
		{ "reserved byte",
		  { ETHERNET(), IPV6(), EXTENSION(FRAGMENT, .header = 1), TCP() },
		  REASON_PASS,
		  IPPROTO_TCP },
		{ "reserved 255",
		  { ETHERNET(), IPV6(), EXTENSION(FRAGMENT, .header = 255), UDP() },
		  REASON_PASS,
		  IPPROTO_UDP },
		{ "first",
		  { ETHERNET(), IPV6(), EXTENSION(FRAGMENT, .more = 1), TCP(.header = 15) },
		  REASON_PASS,
		  IPPROTO_TCP },
		{ "whole, header beyond",
		  { ETHERNET(), IPV6(), EXTENSION(FRAGMENT), TCP(.header = 15) },
		  REASON_MALFORMED,
		  IPPROTO_TCP },
		{ "later",
		  { ETHERNET(), IPV6(), EXTENSION(FRAGMENT, .fragment = 100, .type = 6),
		    PAYLOAD(3) },
		  REASON_FRAGMENT,
		  IPPROTO_TCP },
		{ "later, empty",
		  { ETHERNET(), IPV6(), EXTENSION(FRAGMENT, .fragment = 100, .type = 17) },
		  REASON_FRAGMENT,
		  IPPROTO_UDP },
		{ "later, chain goes on",
		  { ETHERNET(), IPV6(), EXTENSION(FRAGMENT, .fragment = 9), EXTENSION(DESTINATION),
		    TCP() },
		  REASON_FRAGMENT,
		  DESTINATION },
		{ "tcp at 8",
		  { ETHERNET(), IPV6(), EXTENSION(FRAGMENT, .fragment = 1, .type = 6),
		    PAYLOAD(40) },
		  REASON_MALFORMED,
		  IPPROTO_TCP },
		{ "udp at 8",
		  { ETHERNET(), IPV6(), EXTENSION(FRAGMENT, .fragment = 1, .type = 17),
		    PAYLOAD(40) },
		  REASON_FRAGMENT,
		  IPPROTO_UDP },
		{ "tcp at 16",
		  { ETHERNET(), IPV6(), EXTENSION(FRAGMENT, .fragment = 2, .type = 6), PAYLOAD(4) },
		  REASON_FRAGMENT,
		  IPPROTO_TCP },
		{ "two headers",
		  { ETHERNET(), IPV6(), EXTENSION(FRAGMENT, .more = 1), EXTENSION(FRAGMENT),
		    UDP(.length = 900) },
		  REASON_PASS,
		  IPPROTO_UDP },
	};

	EXPECT_ROWS(*state, rows);
}

static void p11_ipv6_extension_headers_are_followed(void **state)
{
	static const struct row rows[] = {
		{ "hop-by-hop",
		  { ETHERNET(), IPV6(), EXTENSION(HOP_BY_HOP), OTHER(58, 8) },
		  REASON_PASS,
		  58 },
		{ "routing",
		  { ETHERNET(), IPV6(), EXTENSION(ROUTING, .size = 24), UDP() },
		  REASON_PASS,
		  17 },
		{ "ah",
		  { ETHERNET(), IPV6(), EXTENSION(AUTHENTICATION, .size = 12), TCP() },
		  REASON_PASS,
		  6 },
		{ "ah, 24",
		  { ETHERNET(), IPV6(), EXTENSION(AUTHENTICATION, .size = 24), TCP() },
		  REASON_PASS,
		  6 },
		{ "mobility", { ETHERNET(), IPV6(), EXTENSION(MOBILITY), TCP() }, REASON_PASS, 6 },
		{ "hip", { ETHERNET(), IPV6(), EXTENSION(HOST_IDENTITY), TCP() }, REASON_PASS, 6 },
		{ "shim6",
		  { ETHERNET(), IPV6(), EXTENSION(SHIM6, .size = 16), TCP() },
		  REASON_PASS,
		  6 },
		{ "esp ends it",
		  { ETHERNET(), IPV6(), EXTENSION(DESTINATION), OTHER(50, 30) },
		  REASON_PASS,
		  50 },
		{ "253 ends it", { ETHERNET(), IPV6(), OTHER(253, 8) }, REASON_PASS, 253 },
		{ "136 ends it", { ETHERNET(), IPV6(), OTHER(136, 2) }, REASON_PASS, 136 },
		{ "107 ends it", { ETHERNET(), IPV6(), OTHER(107, 2) }, REASON_PASS, 107 },
		{ "128 ends it", { ETHERNET(), IPV6(), OTHER(128, 2) }, REASON_PASS, 128 },
		{ "header beyond",
		  { ETHERNET(), IPV6(), EXTENSION(ROUTING, .header = 3), UDP(), PAYLOAD(15) },
		  REASON_MALFORMED,
		  ROUTING },
		{ "header to the end",
		  { ETHERNET(), IPV6(), EXTENSION(ROUTING, .header = 3, .type = 59), PAYLOAD(24) },
		  REASON_PASS,
		  59 },
		{ "chain beyond",
		  { ETHERNET(), IPV6(), EXTENSION(ROUTING, .type = ROUTING), PAYLOAD(7) },
		  REASON_MALFORMED,
		  ROUTING },
		{ "in padding",
		  { ETHERNET(), IPV6(), EXTENSION(DESTINATION, .type = 6), PADDING(40) },
		  REASON_MALFORMED,
		  IPPROTO_TCP },
	};

	EXPECT_ROWS(*state, rows);
}

#define EIGHT                                                                                      \
	EXTENSION(HOP_BY_HOP), EXTENSION(DESTINATION), EXTENSION(ROUTING), EXTENSION(DESTINATION), \
		EXTENSION(MOBILITY), EXTENSION(SHIM6), EXTENSION(DESTINATION),                     \
		EXTENSION(DESTINATION)

static void p11_walk_is_bounded_and_says_so(void **state)
{
	static const struct row rows[] = {
		{ "eight", { ETHERNET(), IPV6(), EIGHT, TCP() }, REASON_PASS, IPPROTO_TCP },
		{ "nine",
		  { ETHERNET(), IPV6(), EIGHT, EXTENSION(DESTINATION), TCP() },
		  REASON_TOO_DEEP,
		  DESTINATION },
		{ "nine, cut",
		  { ETHERNET(), IPV6(), EIGHT, EXTENSION(ROUTING, .type = 6), CUT(0) },
		  REASON_TOO_DEEP,
		  ROUTING },
		{ "the eighth is a fragment's",
		  { ETHERNET(), IPV6(), EXTENSION(DESTINATION), EXTENSION(ROUTING),
		    EXTENSION(ROUTING), EXTENSION(ROUTING), EXTENSION(ROUTING), EXTENSION(ROUTING),
		    EXTENSION(ROUTING), EXTENSION(FRAGMENT, .fragment = 7), EXTENSION(DESTINATION),
		    TCP() },
		  REASON_FRAGMENT,
		  DESTINATION },
		/* 14 + 40 bytes in front, so transport at 54 + 1992 = 0x7fe, then 8 bytes further.
		 */
		{ "transport at 0x7fe",
		  { ETHERNET(), IPV6(), EXTENSION(DESTINATION, .size = 1992), UDP() },
		  REASON_PASS,
		  IPPROTO_UDP },
		{ "transport at 0x806",
		  { ETHERNET(), IPV6(), EXTENSION(DESTINATION, .size = 2000), UDP() },
		  REASON_TOO_DEEP,
		  IPPROTO_UDP },
		{ "gre at 0x806",
		  { ETHERNET(), IPV6(), EXTENSION(DESTINATION, .size = 2000), OTHER(47, 8) },
		  REASON_TOO_DEEP,
		  IPPROTO_GRE },
		{ "extension at 0x7fe",
		  { ETHERNET(), IPV6(), EXTENSION(DESTINATION, .size = 1992),
		    EXTENSION(FRAGMENT, .fragment = 5, .type = 6), PAYLOAD(9) },
		  REASON_FRAGMENT,
		  IPPROTO_TCP },
		{ "extension at 0x806",
		  { ETHERNET(), IPV6(), EXTENSION(DESTINATION, .size = 2000), EXTENSION(ROUTING),
		    TCP() },
		  REASON_TOO_DEEP,
		  ROUTING },
		{ "longest",
		  { ETHERNET(), IPV6(), EXTENSION(DESTINATION, .size = 2048), TCP() },
		  REASON_TOO_DEEP,
		  IPPROTO_TCP },
	};

	EXPECT_ROWS(*state, rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILTER_TEST(ipv6_header_is_believed_only_when_possible),
		FILTER_TEST(p11_ipv6_fragment_header_is_8_bytes),
		FILTER_TEST(p11_ipv6_extension_headers_are_followed),
		FILTER_TEST(p11_walk_is_bounded_and_says_so),
	};

	return RUN_FILTER_TESTS(tests);
}
