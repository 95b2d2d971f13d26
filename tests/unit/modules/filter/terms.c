// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include "base/rate.h"
#include "modules/filter/policy.h"
#include "modules/filter/terms.h"
#include "plain.h"

static const uint32_t clocks[] = { 100, 250, 300, 1000 };

static struct ticks ticks_of(uint32_t hz)
{
	return (struct ticks){ .hz = hz, .shift = hz == 1000 ? 7 : hz == 100 ? 3 : 5 };
}

/* What policy.c made of it reads back as it was typed, or as the same in a shorter time. */
static void rates_read_back(void **state)
{
	static const struct {
		const char *typed, *shown;
	} rows[] = {
		{ "1/s", "1/s" },        { "20/min", "20/min" },   { "100/h", "100/h" },
		{ "5/d", "5/d" },        { "1/d", "1/d" },         { "90/min", "90/min" },
		{ "60/min", "1/s" },     { "1500/s", "1500/s" },   { "50k/s", "50k/s" },
		{ "200k/s", "200k/s" },  { "1M/s", "1M/s" },       { "1G/s", "1G/s" },
		{ "2001/s", "2001/s" },  { "7777/s", "7777/s" },   { "12345/min", "12345/min" },
		{ "8000000/s", "8M/s" }, { "2500k/s", "2500k/s" }, { "3/h", "3/h" },
	};

	for (size_t hz = 0; hz < ARRAY_SIZE(clocks); hz++) {
		struct ticks ticks = ticks_of(clocks[hz]);

		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			struct filter_limit limit;
			struct rate rate;
			char text[LIMIT_TEXT];

			assert_ok(rate_parse(rows[i].typed, &rate, NULL));
			limit = policy_limit(&rate, 0, clocks[hz]);
			terms_rate(&ticks, &limit, text);
			if (strcmp(text, rows[i].shown) != 0)
				fail_msg("%s is shown as %s at %u Hz", rows[i].typed, text,
					 clocks[hz]);
		}
	}
}

static void scans_read_back(void **state)
{
	for (size_t hz = 0; hz < ARRAY_SIZE(clocks); hz++) {
		struct ticks ticks = ticks_of(clocks[hz]);

		for (uint64_t ports = 2; ports <= 100; ports += 7) {
			struct rate rate = { ports, 90 * NSEC_PER_SEC };
			struct filter_limit limit = policy_limit(&rate, ports - 1, clocks[hz]);

			assert_int_equal(terms_scan_ports(&limit), ports);
			assert_int_equal(terms_scan_window(&ticks, &limit), 90 * NSEC_PER_SEC);
		}
	}
	assert_int_equal(terms_scan_ports(&(struct filter_limit){ 0, 0 }), 0);
}

static void a_guard_is_told_in_one_line(void **state)
{
	struct ticks ticks = ticks_of(250);
	struct rate twenty = { 20, 60 * NSEC_PER_SEC }, many = { 50000, NSEC_PER_SEC };
	struct filter_guard guard = { .mode = MODE_ENFORCE };
	char text[GUARD_TEXT], ban[LIMIT_TEXT];

	assert_string_equal(terms_limits(&ticks, &guard, "", text), "no limit");
	guard.connections = policy_limit(&twenty, 0, 250);
	assert_string_equal(terms_limits(&ticks, &guard, "", text), "20/min");
	guard.packets = guard.bytes = guard.total = policy_limit(&many, 0, 250);
	assert_string_equal(terms_limits(&ticks, &guard, "", text),
			    "20/min, 50k/s packets, 50k/s bytes, 50k/s in all");
	/* 20/min is what it is, and its burst; but a rate is told as it was given. */
	snprintf(guard.name, sizeof(guard.name), "web");
	assert_string_equal(terms_limits(&ticks, &guard,
					 "[guard we]\nburst = 9\n[guard web]\nper-source = 1200/h\n"
					 "burst = 7\n# total =\n[guard webs]\nburst = 8\n",
					 text),
			    "1200/h, burst 7, 50k/s packets, 50k/s bytes, 50k/s in all");
	assert_string_equal(terms_ban(&ticks, 0, 0, ban), "none");
	assert_string_equal(terms_ban(&ticks, 4688, 4688, ban), "10m");
	assert_string_equal(terms_ban(&ticks, 4688, 675000, ban), "10m, up to 1d");
	assert_int_equal(terms_duration(&ticks, 4688), 600 * NSEC_PER_SEC);
}

static void keys_are_sources_again(void **state)
{
	struct address v4 = address("192.0.2.255"), v6 = address("2001:db8:1:2:3::4");
	struct prefix prefix = source_prefix(filter_source_key(FAMILY_V4, key_of(&v4)));
	char text[PREFIX_TEXT];

	assert_string_equal(prefix_format(&prefix, text), "192.0.2.255");
	assert_true(key_is_v4(key_of(&v4)));
	prefix = source_prefix(filter_source_key(FAMILY_V6, key_of(&v6)));
	assert_string_equal(prefix_format(&prefix, text), "2001:db8:1:2::/64");
	assert_false(key_is_v4(key_of(&v6)));
	/* ::/64 holds addresses that end like IPv4 ones. */
	assert_false(key_is_v4((struct filter_key){ 1, KEY_V4_LOW }));
}

static void names_are_by_number(void **state)
{
	struct plain plain;
	struct store store = STORE_NONE;

	plain_make(&plain);
	store.tables = plain.tables;
	snprintf(plain.globals->state.guard_names[63], GUARD_NAME_SIZE, "ssh");
	snprintf(plain.globals->state.lists[1].name, LIST_NAME_SIZE, "drop");
	assert_string_equal(guard_name(&store, 63), "ssh");
	assert_string_equal(guard_name(&store, 1), "?");
	assert_string_equal(list_name(&store, 1), "drop");
	assert_string_equal(list_name(&store, 63), "?");
	plain_free(&plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_read_back),
		cmocka_unit_test(scans_read_back),
		cmocka_unit_test(a_guard_is_told_in_one_line),
		cmocka_unit_test(keys_are_sources_again),
		cmocka_unit_test(names_are_by_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
