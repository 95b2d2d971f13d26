// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include "base/duration.h"
#include "base/timestamp.h"
#include "modules/filter/saved_ban.h"
#include "plain.h"

static uint64_t when(const char *text)
{
	uint64_t ns = 0;

	assert_ok(timestamp_parse(text, &ns, NULL));
	return ns;
}

static void a_ban_is_a_line(void **state)
{
	struct saved_ban ban = { .prefix = prefix("203.0.113.7"),
				 .until = when("2026-11-22T23:02:27.123Z"),
				 .since = when("2026-11-22T22:00:00Z"),
				 .origin = ORIGIN_SCAN,
				 .offences = 3,
				 .why = "tried \"admin\" \u6587" };
	char line[BANS_FILE_LINE];

	assert_string_equal(saved_ban_format(&ban, line),
			    "203.0.113.7\t2026-11-22T23:02:27.123Z\t2026-11-22T22:00:00.000Z\tscan"
			    "\t3\t-\ttried \"admin\" \u6587");
	ban = (struct saved_ban){ .prefix = prefix("2001:db8::/64"),
				  .until = SAVED_BAN_NO_END,
				  .since = when("2026-11-22T22:00:00Z"),
				  .forced = true };
	assert_string_equal(saved_ban_format(&ban, line),
			    "2001:db8::/64\t-\t2026-11-22T22:00:00.000Z\toperator\t0\tforced\t");
}

/* Whatever stands in a reason, and the longest line that there is. */
static void every_ban_reads_back(void **state)
{
	uint64_t seed = 41;

	for (int i = 0; i < 2000; i++) {
		static const uint32_t origins[] = { ORIGIN_OPERATOR, ORIGIN_GUARD, ORIGIN_SCAN };
		static const char *const texts[] = { "10.0.0.0/8", "192.0.2.1", "2001:db8::/32",
						     "2001:db8:ffff:ffff:ffff:ffff:ffff:fffe/127" };
		struct saved_ban ban, again;
		char line[BANS_FILE_LINE];

		memset(&ban, 0, sizeof(ban));
		memset(&again, 0, sizeof(again));
		ban.prefix = prefix(texts[i % 4]);
		ban.since = random_next(&seed) % when("2200-01-01T00:00:00Z") / NSEC_PER_MSEC *
			    NSEC_PER_MSEC;
		ban.until = i % 5 ? ban.since + i * NSEC_PER_SEC : SAVED_BAN_NO_END;
		ban.origin = origins[i % 3];
		ban.offences = i % 7 ? (uint32_t)random_next(&seed) : UINT32_MAX;
		ban.forced = i % 2;
		for (size_t b = 0; b < random_next(&seed) % BAN_WHY_SIZE; b++)
			ban.why[b] = (char)(i % 11 ? 1 + random_next(&seed) % 127 : 1);
		saved_ban_format(&ban, line);
		assert_in_range(strlen(line), 50, BANS_FILE_LINE - 2);
		assert_null(strpbrk(line, "\n\r"));
		assert_row(saved_ban_parse(line, &again, NULL) == 0, line);
		assert_memory_equal(&ban, &again, sizeof(ban));
	}
}

static const char good[] =
	"192.0.2.1\t2026-11-22T23:00:00Z\t2026-11-22T22:00:00Z\tguard\t2\t-\twhy";

static void times_may_be_written_otherwise(void **state)
{
	struct saved_ban ban;

	assert_ok(saved_ban_parse("192.0.2.1\t2026-11-23T08:00:00+09:00\t1970-01-01T00:00:00Z\t"
				  "guard\t2\t-\t",
				  &ban, NULL));
	assert_int_equal(ban.until, when("2026-11-22T23:00:00Z"));
	assert_int_equal(ban.since, 0);
	/* The beginning of time is an end like any other. */
	assert_ok(saved_ban_parse("192.0.2.1\t1970-01-01T00:00:00Z\t1970-01-01T00:00:00Z\tguard\t2"
				  "\t-\t",
				  &ban, NULL));
	assert_int_equal(ban.until, 0);
}

static void a_longer_reason_is_cut(void **state)
{
	char line[BANS_FILE_LINE] = "192.0.2.1\t-\t2026-11-22T22:00:00Z\tscan\t2\t-\t";
	struct saved_ban ban;

	while (strlen(line) < sizeof(line) - 3)
		strcat(line, "\u00e9");
	assert_ok(saved_ban_parse(line, &ban, NULL));
	assert_int_equal(strlen(ban.why), 62);
}

static void other_lines_are_refused(void **state)
{
	static const struct {
		const char *line, *said;
	} rows[] = {
		{ "", "7 fields" },
		{ "192.0.2.1", "7 fields" },
		{ "192.0.2.1\t-\t2026-11-22T22:00:00Z\tscan\t2\t-", "7 fields" },
		{ "192.0.2.1\t-\t2026-11-22T22:00:00Z\tscan\t2\t-\twhy\tmore", "7 fields" },
		{ "192.0.2.256\t-\t2026-11-22T22:00:00Z\tscan\t2\t-\t", "192.0.2.256" },
		{ "192.0.2.1/24\t-\t2026-11-22T22:00:00Z\tscan\t2\t-\t", "192.0.2.0/24" },
		{ "10.0.0.0/7\t-\t2026-11-22T22:00:00Z\tscan\t2\t-\t", "a ban covers at most" },
		{ "::/0\t-\t2026-11-22T22:00:00Z\tscan\t2\t-\t", "a ban covers at most" },
		{ "0.0.0.0\t-\t2026-11-22T22:00:00Z\tscan\t2\t-\t", "no host" },
		{ "192.0.2.1\tsoon\t2026-11-22T22:00:00Z\tscan\t2\t-\t", "'soon'" },
		{ "192.0.2.1\t-\t-\tscan\t2\t-\t", "'-'" },
		{ "192.0.2.1\t2026-11-22T21:59:59Z\t2026-11-22T22:00:00Z\tscan\t2\t-\t",
		  "ends before" },
		{ "192.0.2.1\t-\t2026-11-22T22:00:00Z\tconfig\t2\t-\t", "'config'" },
		{ "192.0.2.1\t-\t2026-11-22T22:00:00Z\t?\t2\t-\t", "'?'" },
		{ "192.0.2.1\t-\t2026-11-22T22:00:00Z\tscan\t-1\t-\t", "'-1'" },
		{ "192.0.2.1\t-\t2026-11-22T22:00:00Z\tscan\t2x\t-\t", "'2x'" },
		{ "192.0.2.1\t-\t2026-11-22T22:00:00Z\tscan\t4294967296\t-\t", "'4294967296'" },
		{ "192.0.2.1\t-\t2026-11-22T22:00:00Z\tscan\t\t-\t", "offences" },
		{ "192.0.2.1\t-\t2026-11-22T22:00:00Z\tscan\t2\tFORCED\t", "'FORCED'" },
		{ "192.0.2.1\t-\t2026-11-22T22:00:00Z\tscan\t2\t-\ta\\nb", "backslash" },
		{ "192.0.2.1\t-\t2026-11-22T22:00:00Z\tscan\t2\t-\t\\x0", "backslash" },
		{ "192.0.2.1\t-\t2026-11-22T22:00:00Z\tscan\t2\t-\t\\xg0", "backslash" },
		{ "192.0.2.1\t-\t2026-11-22T22:00:00Z\tscan\t2\t-\t\\x00", "backslash" },
		{ "192.0.2.1\t-\t2026-11-22T22:00:00Z\tscan\t2\t-\t\\", "backslash" },
		{ " 192.0.2.1\t-\t2026-11-22T22:00:00Z\tscan\t2\t-\t", "192.0.2.1" },
	};
	struct saved_ban ban, untouched;

	memset(&ban, 0x55, sizeof(ban));
	untouched = ban;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error error = {};

		assert_row(saved_ban_parse(rows[i].line, &ban, &error) == -EINVAL, rows[i].line);
		assert_error_contains(&error, rows[i].said);
		assert_memory_equal(&ban, &untouched, sizeof(ban));
	}
	assert_ok(saved_ban_parse(good, &ban, NULL));
}

static void what_is_left_is_never_more_than_there_was(void **state)
{
	static const struct {
		const char *now;
		uint64_t seconds; /* 0: over */
	} rows[] = {
		{ "2026-11-22T22:00:00Z", 3600 }, { "2026-11-22T22:59:59Z", 1 },
		{ "2026-11-22T23:00:00Z", 0 },    { "2030-01-01T00:00:00Z", 0 },
		{ "2026-11-22T21:00:00Z", 3600 }, { "1970-01-01T00:00:00Z", 3600 },
	};
	struct saved_ban ban;
	uint64_t left;

	assert_ok(saved_ban_parse(good, &ban, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		left = 0;
		assert_row(saved_ban_left(&ban, when(rows[i].now), &left) == !!rows[i].seconds,
			   rows[i].now);
		assert_int_equal(left, rows[i].seconds * NSEC_PER_SEC);
	}
	ban.until = SAVED_BAN_NO_END;
	assert_true(saved_ban_left(&ban, when("2030-01-01T00:00:00Z"), &left));
	assert_true(left == SAVED_BAN_NO_END);
	ban.until = ban.since;
	assert_false(saved_ban_left(&ban, 0, &left));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ban_is_a_line),
		cmocka_unit_test(every_ban_reads_back),
		cmocka_unit_test(times_may_be_written_otherwise),
		cmocka_unit_test(a_longer_reason_is_cut),
		cmocka_unit_test(other_lines_are_refused),
		cmocka_unit_test(what_is_left_is_never_more_than_there_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
