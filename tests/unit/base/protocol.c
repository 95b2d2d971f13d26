// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include <netinet/in.h>

#include "base/protocol.h"

static void names_of_the_numbers_that_matter(void **state)
{
	static const struct {
		uint8_t number;
		const char *name;
	} rows[] = {
		{ 0, "hopopt" },
		{ IPPROTO_ICMP, "icmp" },
		{ IPPROTO_IGMP, "igmp" },
		{ 3, "ggp" },
		{ 4, "ipv4" },
		{ IPPROTO_TCP, "tcp" },
		{ IPPROTO_EGP, "egp" },
		{ IPPROTO_PUP, "pup" },
		{ IPPROTO_UDP, "udp" },
		{ 27, "rdp" },
		{ IPPROTO_DCCP, "dccp" },
		{ IPPROTO_IPV6, "ipv6" },
		{ IPPROTO_ROUTING, "ipv6-route" },
		{ IPPROTO_FRAGMENT, "ipv6-frag" },
		{ IPPROTO_RSVP, "rsvp" },
		{ IPPROTO_GRE, "gre" },
		{ IPPROTO_ESP, "esp" },
		{ IPPROTO_AH, "ah" },
		{ IPPROTO_ICMPV6, "icmpv6" },
		{ IPPROTO_NONE, "ipv6-nonxt" },
		{ IPPROTO_DSTOPTS, "ipv6-opts" },
		{ 62, "cftp" },
		{ 64, "sat-expak" },
		{ 69, "sat-mon" },
		{ 88, "eigrp" },
		{ 89, "ospf" },
		{ 94, "ipip" },
		{ IPPROTO_ENCAP, "encap" },
		{ 100, "gmtp" },
		{ IPPROTO_PIM, "pim" },
		{ IPPROTO_COMP, "ipcomp" },
		{ 112, "vrrp" },
		{ 115, "l2tp" },
		{ IPPROTO_SCTP, "sctp" },
		{ 134, "rsvp-e2e-ignore" },
		{ IPPROTO_MH, "mobility-header" },
		{ IPPROTO_UDPLITE, "udplite" },
		{ IPPROTO_MPLS, "mpls-in-ip" },
		{ 143, "ethernet" },
		{ 147, "bit-emu" },
		{ 148, "proto-148" },
		{ 61, "proto-61" },
		{ 253, "proto-253" },
		{ 255, "proto-255" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char buffer[PROTOCOL_TEXT];

		assert_ptr_equal(protocol_name(rows[i].number, buffer), buffer);
		assert_string_equal(buffer, rows[i].name);
	}
}

static void names_are_distinct_words_that_fit(void **state)
{
	static char names[PROTOCOL_COUNT][PROTOCOL_TEXT];

	for (int i = 0; i < PROTOCOL_COUNT; i++) {
		/* A keyword that did not fit would have lost its end and fill the buffer. */
		const char *name = protocol_name(i, names[i]);

		assert_int_not_equal(strlen(name), 0);
		assert_true(strlen(name) < PROTOCOL_TEXT - 1 || i == 134 || i == 135);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.+/"),
				 strlen(name));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(names[j], name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_the_numbers_that_matter),
		cmocka_unit_test(names_are_distinct_words_that_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
