// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include "plain.h"

/* ---- keys -------------------------------------------------------------------------- */

static void keys_are_in_host_order(void **state)
{
	struct prefix v4 = prefix("192.0.2.1"), v6 = prefix("2001:db8::1");
	struct filter_key key = key_of(&v4.address);
	struct address back = address_of(key);

	assert_true(key.high == 0 && key.low == (KEY_V4_LOW | 0xc0000201));
	assert_true(address_equal(&back, &v4.address));
	key = key_of(&v6.address);
	assert_true(key.high == 0x20010db800000000 && key.low == 1);
	back = address_of(key);
	assert_true(address_equal(&back, &v6.address));
}

/* ---- lengths ----------------------------------------------------------------------- */

static void lengths_are_kept_once_each(void **state)
{
	struct filter_lengths lengths = { .count = 0 };

	for (uint8_t length = 1; length <= LENGTHS_MAX; length++) {
		assert_ok(lengths_add(&lengths, length));
		assert_ok(lengths_add(&lengths, 1));
		assert_int_equal(lengths.count, length);
	}
	assert_int_equal(lengths_add(&lengths, LENGTHS_MAX + 1), -ENOSPC);
	assert_ok(lengths_add(&lengths, LENGTHS_MAX));
	assert_int_equal(lengths.count, LENGTHS_MAX);
	for (uint8_t i = 0; i < LENGTHS_MAX; i++)
		assert_int_equal(lengths.length[i], i + 1);
}

/* ---- hints ------------------------------------------------------------------------------- */

/* Each is set where one of those that it stands for is, and nowhere else. */
static void check_coarse(const uint64_t *hints, const char *row)
{
	for (uint32_t first = 0; first < 2 * HINT_BITS; first += HINT_SPAN) {
		uint32_t coarse = filter_hint_coarse(first);
		uint64_t any = 0;

		for (size_t i = 0; i < HINT_SPAN / 64; i++)
			any |= hints[first / 64 + i];
		assert_row((hints[coarse / 64] >> (coarse % 64) & 1) == (any != 0), row);
	}
}

static void every_network_that_is_touched_is_hinted(void **state)
{
	static const struct {
		const char *prefix;
		unsigned bits;
		const char *inside[4], *outside[3];
	} rows[] = {
		{ "192.0.2.7", 1, { "192.0.2.0", "192.0.2.255" }, { "192.0.3.0", "192.0.1.255" } },
		{ "192.0.2.0/25", 1, { "192.0.2.0" }, { "192.0.3.0", "192.0.1.0" } },
		{ "10.1.0.0/16",
		  256,
		  { "10.1.0.0", "10.1.255.255", "10.1.77.3" },
		  { "10.2.0.0", "10.0.255.0" } },
		{ "9.0.0.0/8",
		  65536,
		  { "9.0.0.0", "9.255.255.255" },
		  { "8.255.255.255", "10.0.0.0" } },
		{ "2001:db8::/48", 1, { "2001:db8::1", "2001:db8:0:ffff::" }, { "2001:db8:1::" } },
		{ "2001:db8:7:8::/64", 1, { "2001:db8:7::" }, { "2001:db8:6::" } },
		{ "16.0.0.0/5",
		  524288,
		  { "16.0.0.0", "23.255.255.255" },
		  { "15.255.255.255", "24.0.0.0" } },
		{ "2001:db8::/36",
		  4096,
		  { "2001:db8::", "2001:db8:fff::", "2001:db8:abc:1::2", "2001:db8:800::" },
		  { "2001:db8:1000::", "2001:db7:ffff::" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct prefix wanted;
		struct plain plain;
		unsigned bits = 0;

		plain_make(&plain);
		wanted = prefix(rows[i].prefix);
		tables_set_hints(&plain.tables, &wanted);
		for (size_t w = 0; w < HINT_FINE_WORDS; w++)
			bits += (unsigned)__builtin_popcountll(plain.tables.hints[w]);
		/* Two networks of IPv6 may share a bit. */
		assert_in_range(bits, rows[i].bits - rows[i].bits / 100, rows[i].bits);
		check_coarse(plain.tables.hints, rows[i].prefix);
		for (size_t j = 0; j < 4 && rows[i].inside[j]; j++)
			assert_row(hinted(&plain.tables, address(rows[i].inside[j])),
				   rows[i].inside[j]);
		for (size_t j = 0; j < 3 && rows[i].outside[j]; j++)
			assert_row(!hinted(&plain.tables, address(rows[i].outside[j])),
				   rows[i].outside[j]);
		plain_free(&plain);
	}
}

/* What would take long gets all hints of its family, and none of the other's. */
static void the_widest_hint_at_everything(void **state)
{
	static const char *const texts[] = { "0.0.0.0/0", "224.0.0.0/3", "::/0", "2000::/27" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct prefix wanted = prefix(texts[i]);
		size_t first = i < 2 ? 0 : HINT_FINE_WORDS / 2;
		struct plain plain;

		plain_make(&plain);
		tables_set_hints(&plain.tables, &wanted);
		for (size_t w = 0; w < HINT_FINE_WORDS; w++)
			assert_row(plain.tables.hints[w] ==
					   (w - first < HINT_FINE_WORDS / 2 ? UINT64_MAX : 0),
				   texts[i]);
		check_coarse(plain.tables.hints, texts[i]);
		plain_free(&plain);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_in_host_order),
		cmocka_unit_test(lengths_are_kept_once_each),
		cmocka_unit_test(every_network_that_is_touched_is_hinted),
		cmocka_unit_test(the_widest_hint_at_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
