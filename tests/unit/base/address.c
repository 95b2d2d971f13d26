// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include <arpa/inet.h>

#include "base/address.h"

static struct address address_of(const char *text)
{
	struct address address;
	struct error error = {};

	if (address_parse(text, &address, &error) < 0)
		fail_msg("%s", error.text);
	return address;
}

static struct prefix prefix_from(const char *text)
{
	struct prefix prefix;
	struct error error = {};

	if (prefix_parse(text, &prefix, &error) < 0)
		fail_msg("%s", error.text);
	return prefix;
}

static void good_addresses_are_shown_as_people_write_them(void **state)
{
	static const struct {
		const char *typed, *shown;
		bool v4;
	} rows[] = {
		{ "0.0.0.0", "0.0.0.0", true },
		{ "10.0.0.1", "10.0.0.1", true },
		{ "255.255.255.255", "255.255.255.255", true },
		{ "::ffff:1.2.3.4", "1.2.3.4", true },
		{ "::FFFF:0102:0304", "1.2.3.4", true },
		{ "0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4", true },
		{ "0000:0000:0000:0000:0000:ffff:255.255.255.255", "255.255.255.255", true },
		{ "::", "::", false },
		{ "::1", "::1", false },
		{ "::1.2.3.4", "::1.2.3.4", false },
		{ "::fffe:1.2.3.4", "::fffe:102:304", false },
		{ "1::ffff:1.2.3.4", "1::ffff:102:304", false },
		{ "64:ff9b::192.0.2.1", "64:ff9b::c000:201", false },
		{ "2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1", false },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", false },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct address address = address_of(rows[i].typed);
		char buffer[ADDRESS_TEXT];

		assert_ptr_equal(address_format(&address, buffer), buffer);
		assert_string_equal(buffer, rows[i].shown);
		assert_row(address_is_v4(&address) == rows[i].v4, rows[i].typed);
	}
}

static void bad_addresses_say_what_to_do(void **state)
{
	static const struct {
		const char *typed, *advice;
	} rows[] = {
		{ "", "as in 192.0.2.1 or 2001:db8::1" },
		{ " ", "as in 192.0.2.1" },
		{ "example.org", "as in 192.0.2.1" },
		{ "localhost", "as in 192.0.2.1" },
		{ " 10.0.0.1", "as in 192.0.2.1" },
		{ "10.0.0.1 ", "as in 192.0.2.1" },
		{ "10.0.0.1\n", "as in 192.0.2.1" },
		{ "10.0.0.1:80", "as in 192.0.2.1" },
		{ "0x0a.0.0.1", "as in 192.0.2.1" },
		{ "-1.0.0.1", "as in 192.0.2.1" },
		{ "10.0.0", "four numbers" },
		{ "10", "four numbers" },
		{ "167772161", "four numbers" },
		{ "10.0.0.256", "four numbers from 0 to 255" },
		{ "10.0.0.0.1", "four numbers" },
		{ "10..0.1", "four numbers" },
		{ "10.0.0.1.", "four numbers" },
		{ "010.0.0.1", "without leading zeros" },
		{ "fe80::1%eth0", "leave out the zone" },
		{ "10.0.0.0/8", "leave out the length" },
		{ "2001:db8::/32", "leave out the length" },
		{ ":", "as in 192.0.2.1" },
		{ ":::", "as in 192.0.2.1" },
		{ "1::2::3", "as in 192.0.2.1" },
		{ "1:2:3:4:5:6:7", "as in 192.0.2.1" },
		{ "1:2:3:4:5:6:7:8:9", "as in 192.0.2.1" },
		{ "1:2:3:4:5:6:7:", "as in 192.0.2.1" },
		{ "12345::", "as in 192.0.2.1" },
		{ "g::", "as in 192.0.2.1" },
		{ "[::1]", "as in 192.0.2.1" },
		{ "::ffff:1.2.3", "as in 192.0.2.1" },
		{ "::ffff:1.2.3.04", "as in 192.0.2.1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct address address, untouched;
		struct error error = {};

		memset(&address, 0xa5, sizeof(address));
		untouched = address;
		assert_row(address_parse(rows[i].typed, &address, &error) == -EINVAL,
			   rows[i].typed);
		assert_error_contains(&error, rows[i].advice);
		assert_error_contains(&error, "address '");
		assert_true(address_equal(&address, &untouched));
		assert_int_equal(address_parse(rows[i].typed, &address, NULL), -EINVAL);
	}
}

static void bad_text_cannot_forge_or_crowd_out_the_sentence(void **state)
{
	struct prefix prefix;
	struct address address;
	struct error error = {};
	char text[5000];

	assert_int_equal(address_parse("\x1b[2J\n", &address, &error), -EINVAL);
	assert_error_contains(&error, "address '\\x1b[2J\\x0a': write");
	memset(text, 'z', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(prefix_parse(text, &prefix, &error), -EINVAL);
	assert_error_contains(&error, "zzz...': write it as in 192.0.2.1");
	/* around the size of the buffer that holds the part in front of the slash */
	for (int length = ADDRESS_TEXT - 3; length < ADDRESS_TEXT + 3; length++) {
		memset(text, '1', length);
		strcpy(text + length, "/8");
		assert_int_equal(prefix_parse(text, &prefix, &error), -EINVAL);
		assert_error_contains(&error, "as in 192.0.2.1");
		text[length] = '\0';
		assert_int_equal(prefix_parse(text, &prefix, &error), -EINVAL);
		assert_error_contains(&error, "1': an IPv4 address is four numbers");
	}
	memset(text, '1', sizeof(text) - 1);
	memcpy(text, "10.0.0.0/", 9);
	assert_int_equal(prefix_parse(text, &prefix, &error), -EINVAL);
	assert_error_contains(&error, "111...': the length goes from 0 to 32");
}

static void numbers_are_in_network_order(void **state)
{
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	struct address v4_address = address_from_v4(htonl(0x0a000001));
	struct address v6_address = address_from_v6(v6), typed = address_of("10.0.0.1");
	struct address mapped = address_of("::ffff:10.0.0.1");

	assert_true(address_equal(&v4_address, &typed));
	assert_true(address_equal(&v4_address, &mapped));
	assert_int_equal(address_v4(&v4_address), htonl(0x0a000001));
	typed = address_of("2001:db8::1");
	assert_true(address_equal(&v6_address, &typed));
	assert_memory_equal(v6_address.bytes, v6, 16);
	v6_address.bytes[15] ^= 1;
	assert_false(address_equal(&v6_address, &typed));
	v6_address.bytes[15] ^= 1;
	v6_address.bytes[0] ^= 0x80;
	assert_false(address_equal(&v6_address, &typed));
}

static void v4_needs_every_bit_of_its_front(void **state)
{
	struct address address = address_from_v4(0);

	for (int bit = 0; bit < ADDRESS_BITS; bit++) {
		struct address other = address;

		other.bytes[bit / 8] ^= 0x80 >> bit % 8;
		assert_int_equal(address_is_v4(&other), bit >= ADDRESS_V4_OFFSET);
	}
}

static void good_prefixes_are_shown_as_people_write_them(void **state)
{
	static const struct {
		const char *typed, *shown;
		uint8_t length;
		bool v4, host;
	} rows[] = {
		{ "10.0.0.1", "10.0.0.1", 128, true, true },
		{ "10.0.0.1/32", "10.0.0.1", 128, true, true },
		{ "10.0.0.0/31", "10.0.0.0/31", 127, true, false },
		{ "10.0.0.0/8", "10.0.0.0/8", 104, true, false },
		{ "128.0.0.0/1", "128.0.0.0/1", 97, true, false },
		{ "0.0.0.0/0", "0.0.0.0/0", 96, true, false },
		{ "::ffff:10.0.0.0/104", "10.0.0.0/8", 104, true, false },
		{ "::ffff:0:0/96", "0.0.0.0/0", 96, true, false },
		{ "::fffe:0:0/95", "::fffe:0:0/95", 95, false, false },
		{ "::/96", "::/96", 96, false, false },
		{ "::/0", "::/0", 0, false, false },
		{ "::", "::", 128, false, true },
		{ "8000::/1", "8000::/1", 1, false, false },
		{ "2001:db8::/32", "2001:db8::/32", 32, false, false },
		{ "2001:db8::1", "2001:db8::1", 128, false, true },
		{ "2001:db8::1/128", "2001:db8::1", 128, false, true },
		{ "2001:db8::2/127", "2001:db8::2/127", 127, false, false },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127", 127, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct prefix prefix = prefix_from(rows[i].typed);
		char buffer[PREFIX_TEXT];

		assert_ptr_equal(prefix_format(&prefix, buffer), buffer);
		assert_string_equal(buffer, rows[i].shown);
		assert_int_equal(prefix.length, rows[i].length);
		assert_row(prefix_is_v4(&prefix) == rows[i].v4, rows[i].typed);
		assert_row(prefix_is_host(&prefix) == rows[i].host, rows[i].typed);
	}
}

static void bad_prefixes_say_what_to_do(void **state)
{
	static const struct {
		const char *typed, *advice;
	} rows[] = {
		{ "", "as in 192.0.2.1" },
		{ "/", "as in 192.0.2.1" },
		{ "/8", "as in 192.0.2.1" },
		{ "10/8", "four numbers" },
		{ "10.0.0.0/", "the length goes from 0 to 32" },
		{ "10.0.0.0/33", "the length goes from 0 to 32" },
		{ "10.0.0.0/104", "the length goes from 0 to 32" },
		{ "10.0.0.0/256", "the length goes from 0 to 32" },
		{ "10.0.0.0/4294967304", "the length goes from 0 to 32" },
		{ "10.0.0.0/18446744073709551624", "the length goes from 0 to 32" },
		{ "10.0.0.0/-1", "the length goes from 0 to 32" },
		{ "10.0.0.0/+8", "the length goes from 0 to 32" },
		{ "10.0.0.0/ 8", "the length goes from 0 to 32" },
		{ "10.0.0.0/8 ", "the length goes from 0 to 32" },
		{ "10.0.0.0/08", "the length goes from 0 to 32" },
		{ "10.0.0.0/8/8", "the length goes from 0 to 32" },
		{ "10.0.0.0/0x8", "the length goes from 0 to 32" },
		{ "10.0.0.0/255.0.0.0", "the length goes from 0 to 32" },
		{ "2001:db8::/129", "the length goes from 0 to 128" },
		{ "2001:db8::/", "the length goes from 0 to 128" },
		{ "fe80::1%eth0/64", "leave out the zone" },
		{ "10.0.0.1/8", "meant is 10.0.0.0/8?" },
		{ "10.0.0.1/31", "meant is 10.0.0.0/31?" },
		{ "10.128.0.0/8", "meant is 10.0.0.0/8?" },
		{ "0.0.0.1/0", "meant is 0.0.0.0/0?" },
		{ "::ffff:0:0/95", "meant is ::fffe:0:0/95?" },
		{ "::1/0", "meant is ::/0?" },
		{ "2001:db8::1/64", "meant is 2001:db8::/64?" },
		{ "2001:db8::1/127", "meant is 2001:db8::/127?" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct prefix prefix, untouched;
		struct error error = {};

		memset(&prefix, 0xa5, sizeof(prefix));
		untouched = prefix;
		assert_row(prefix_parse(rows[i].typed, &prefix, &error) == -EINVAL, rows[i].typed);
		assert_error_contains(&error, rows[i].advice);
		assert_true(prefix_equal(&prefix, &untouched));
	}
}

static struct address random_address(uint64_t *seed)
{
	uint64_t words[2] = { random_next(seed), random_next(seed) };

	/* Runs of zeros are what the text form is difficult about. */
	if (random_next(seed) % 2)
		words[0] &= random_next(seed) & random_next(seed) & random_next(seed);
	if (random_next(seed) % 4 == 0)
		return address_from_v4(words[0]);
	return address_from_v6(words);
}

static bool same_front(const struct address *a, const struct address *b, int length)
{
	for (int bit = 0; bit < length; bit++) {
		if ((a->bytes[bit / 8] ^ b->bytes[bit / 8]) >> (7 - bit % 8) & 1)
			return false;
	}
	return true;
}

static void what_is_shown_reads_back(void **state)
{
	uint64_t seed = 1;

	for (int i = 0; i < 20000; i++) {
		struct address address = random_address(&seed);
		struct prefix prefix = prefix_of(&address, random_next(&seed) % 129);
		char address_text[ADDRESS_TEXT], prefix_text[PREFIX_TEXT];
		struct address address_again = address_of(address_format(&address, address_text));
		struct prefix prefix_again = prefix_from(prefix_format(&prefix, prefix_text));

		assert_true(address_equal(&address, &address_again));
		assert_row(prefix_equal(&prefix, &prefix_again), prefix_text);
		assert_row(prefix_contains(&prefix, &prefix.address), prefix_text);
	}
}

static void masking_keeps_the_front_and_clears_the_rest(void **state)
{
	static const uint8_t ones[16] = { [0 ... 15] = 0xff };
	static const uint8_t zeros[16];
	struct address all = address_from_v6(ones), none = address_from_v6(zeros);

	for (int length = 0; length <= ADDRESS_BITS; length++) {
		struct prefix prefix = prefix_of(&all, length);

		assert_int_equal(prefix.length, length);
		for (int bit = 0; bit < ADDRESS_BITS; bit++)
			assert_int_equal(prefix.address.bytes[bit / 8] >> (7 - bit % 8) & 1,
					 bit < length);
		prefix = prefix_of(&none, length);
		assert_true(address_equal(&prefix.address, &none));
	}
}

static void a_prefix_holds_what_shares_its_front(void **state)
{
	uint64_t seed = 2;

	for (int i = 0; i < 20000; i++) {
		struct address inside = random_address(&seed), other = inside;
		int length = random_next(&seed) % 129, bit = random_next(&seed) % ADDRESS_BITS;
		struct prefix prefix = prefix_of(&inside, length);
		bool family = address_is_v4(&inside) == prefix_is_v4(&prefix);

		assert_int_equal(prefix_contains(&prefix, &inside), family);
		other.bytes[bit / 8] ^= 0x80 >> bit % 8;
		assert_int_equal(prefix_contains(&prefix, &other),
				 same_front(&prefix.address, &other, length) &&
					 address_is_v4(&other) == prefix_is_v4(&prefix));
	}
}

static void families_are_apart(void **state)
{
	struct prefix all_v6 = prefix_from("::/0"), all_v4 = prefix_from("0.0.0.0/0");
	struct address v4 = address_of("192.0.2.1"), v6 = address_of("2001:db8::1");

	assert_true(prefix_contains(&all_v4, &v4));
	assert_false(prefix_contains(&all_v4, &v6));
	assert_true(prefix_contains(&all_v6, &v6));
	assert_false(prefix_contains(&all_v6, &v4));
	assert_false(prefix_overlaps(&all_v6, &all_v4));
	assert_false(prefix_overlaps(&all_v4, &all_v6));
}

static void overlap_is_one_inside_the_other(void **state)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} rows[] = {
		{ "10.0.0.0/8", "10.0.0.0/8", true },
		{ "10.0.0.0/8", "10.255.0.0/16", true },
		{ "10.0.0.0/8", "10.0.0.1", true },
		{ "10.0.0.0/8", "11.0.0.0/8", false },
		{ "10.0.0.0/8", "11.0.0.1", false },
		{ "10.0.0.0/9", "10.128.0.0/9", false },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "10.0.0.1", "10.0.0.1", true },
		{ "10.0.0.1", "10.0.0.2", false },
		{ "::/0", "2001:db8::/32", true },
		{ "2001:db8::/32", "2001:db9::/32", false },
		{ "2001:db8::/32", "2001:db8:ffff::/48", true },
		{ "::/96", "1.2.3.4", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct prefix a = prefix_from(rows[i].a), b = prefix_from(rows[i].b);

		assert_row(prefix_overlaps(&a, &b) == rows[i].overlap, rows[i].a);
		assert_row(prefix_overlaps(&b, &a) == rows[i].overlap, rows[i].b);
		assert_int_equal(prefix_equal(&a, &b), strcmp(rows[i].a, rows[i].b) == 0);
	}
}

static void equal_prefixes_have_equal_lengths(void **state)
{
	struct prefix a = prefix_from("10.0.0.0/8"), b = prefix_from("10.0.0.0/9");

	assert_false(prefix_equal(&a, &b));
	b = prefix_from("11.0.0.0/8");
	assert_false(prefix_equal(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_addresses_are_shown_as_people_write_them),
		cmocka_unit_test(bad_addresses_say_what_to_do),
		cmocka_unit_test(bad_text_cannot_forge_or_crowd_out_the_sentence),
		cmocka_unit_test(numbers_are_in_network_order),
		cmocka_unit_test(v4_needs_every_bit_of_its_front),
		cmocka_unit_test(good_prefixes_are_shown_as_people_write_them),
		cmocka_unit_test(bad_prefixes_say_what_to_do),
		cmocka_unit_test(what_is_shown_reads_back),
		cmocka_unit_test(masking_keeps_the_front_and_clears_the_rest),
		cmocka_unit_test(a_prefix_holds_what_shares_its_front),
		cmocka_unit_test(families_are_apart),
		cmocka_unit_test(overlap_is_one_inside_the_other),
		cmocka_unit_test(equal_prefixes_have_equal_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
