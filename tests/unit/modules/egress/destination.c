/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <arpa/inet.h>

#include "base/cleanup.h"
#include "modules/egress/destination.h"

static const struct {
	const char *text, *canonical; /* NULL: the same */
} right[] = {
	{ "10.0.0.0/8", NULL },
	{ "10.1.2.3", NULL },
	{ "10.1.2.3/32", "10.1.2.3" },
	{ "10.1.2.3:443", NULL },
	{ "10.0.0.0/8:1-1023", NULL },
	{ "10.1.2.3:tcp/443-445", NULL },
	{ "10.1.2.3:UDP/53", "10.1.2.3:udp/53" },
	{ "0.0.0.0/0", NULL },
	{ "::/0", NULL },
	{ "2001:db8::/32", NULL },
	{ "[2001:db8::/32]", "2001:db8::/32" },
	{ "[2001:db8::1]:53", NULL },
	{ "[::/0]:udp/53", NULL },
	{ "0.0.0.0/0:80", NULL },
	{ "::ffff:10.1.2.3", "10.1.2.3" },
	{ "[::ffff:10.1.2.3]:80", "10.1.2.3:80" },
	{ "tcp/25", NULL },
	{ "udp/1-65535", NULL },
};

static const char *const wrong[] = {
	"",
	":80",
	"10.0.0.1/8",
	"10.0.0.1:",
	"10.0.0.1:0",
	"10.0.0.1:65536",
	"10.0.0.1:9-8",
	"10.0.0.1:80-",
	"10.0.0.1:icmp/1",
	"tcp/",
	"tcp/80/90",
	"[10.0.0.1",
	"[::1]80",
	"[::1]:",
	"[]",
	"[]:80",
	"::1]:80",
	"example.com",
	"example.com:80",
	"fe80::1%eth0",
	"10.0.0.1:80:90",
	"2001:db8::1:80:",
	"10.0.0.1:+80",
	"10.0.0.1: 80",
	"any",
	"[::1]]:80",
	"10.0.0.1:4444444444444444444444444444444444444444444443",
};

static void what_is_right_is_read_and_written(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		struct destination destination;
		char text[DESTINATION_TEXT];

		assert_ok(destination_parse(right[i].text, &destination, NULL));
		assert_string_equal(destination_format(&destination, text),
				    right[i].canonical ? right[i].canonical : right[i].text);
	}
}

static void what_is_wrong_is_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct destination destination = { .first = 7 };
		struct error error = { "" };

		if (destination_parse(wrong[i], &destination, &error) != -EINVAL)
			fail_msg("'%s' is taken", wrong[i]);
		assert_true(error.text[0]);
		assert_int_equal(destination.first, 7);
	}
}

/* What the kernel is given says the same. */
static void rules_can_be_read_back(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		struct destination destination, back;
		char text[DESTINATION_TEXT], other[DESTINATION_TEXT];
		struct egress_rule rules[2];
		size_t count;

		assert_ok(destination_parse(right[i].text, &destination, NULL));
		count = destination_rules(&destination, true, rules);
		assert_int_equal(count, destination.anywhere ? 2 : 1);
		assert_true(destination_of_rule(&rules[0], &back));
		assert_string_equal(destination_format(&back, other),
				    destination_format(&destination, text));
		if (count == 2)
			assert_false(destination_of_rule(&rules[1], &back));
	}
}

static void a_rule_is_as_the_kernel_compares(void **state)
{
	struct destination destination;
	struct egress_rule rules[2];
	uint32_t words[4];

	assert_ok(destination_parse("10.20.0.0/15:80-90", &destination, NULL));
	assert_int_equal(destination_rules(&destination, true, rules), 1);
	memcpy(words, rules[0].address, sizeof(words));
	assert_int_equal(words[2], htonl(0xffff));
	assert_int_equal(words[3], htonl(0x0a140000));
	memcpy(words, rules[0].mask, sizeof(words));
	assert_int_equal(words[2], 0xffffffff);
	assert_int_equal(words[3], htonl(0xfffe0000));
	assert_true(rules[0].v4 && rules[0].deny);
	assert_int_equal(rules[0].protocols, EGRESS_TCP | EGRESS_UDP);
	assert_int_equal(rules[0].first, 80);
	assert_int_equal(rules[0].last, 90);
	assert_ok(destination_parse("::/0", &destination, NULL));
	assert_int_equal(destination_rules(&destination, false, rules), 1);
	assert_int_equal(rules[0].mask[0] | rules[0].mask[1], 0);
	assert_false(rules[0].v4 || rules[0].deny || rules[0].protocols);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_right_is_read_and_written),
		cmocka_unit_test(what_is_wrong_is_refused),
		cmocka_unit_test(rules_can_be_read_back),
		cmocka_unit_test(a_rule_is_as_the_kernel_compares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
