// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include "base/duration.h"
#include "base/timestamp.h"
#include "modules/filter/ban_info.h"

#define DAYS(n) ((n)*24 * 3600 * NSEC_PER_SEC)

static void every_origin_has_a_name(void **state)
{
	assert_string_equal(ban_origin_name(ORIGIN_OPERATOR), "operator");
	assert_string_equal(ban_origin_name(ORIGIN_CONFIG), "config");
	assert_string_equal(ban_origin_name(ORIGIN_GUARD), "guard");
	assert_string_equal(ban_origin_name(ORIGIN_SCAN), "scan");
	assert_string_equal(ban_origin_name(ORIGIN_COUNT), "?");
	assert_string_equal(ban_origin_name(UINT32_MAX), "?");
}

static void a_reason_is_cut_at_a_whole_character(void **state)
{
	char text[256], why[BAN_WHY_SIZE], expected[256];

	for (size_t before = 0; before <= 80; before++) {
		static const char *const characters[] = { "x", "\u00e9", "\u6587", "\U0001f511" };

		for (size_t i = 0; i < ARRAY_SIZE(characters); i++) {
			size_t width = strlen(characters[i]);
			size_t kept = before > 63 ? 63 : before + (63 - before) / width * width;

			memset(text, 'a', before);
			text[before] = '\0';
			while (strlen(text) + width < sizeof(text))
				strcat(text, characters[i]);
			memcpy(expected, text, kept);
			expected[kept] = '\0';
			ban_why_copy(why, text);
			assert_string_equal(why, expected);
		}
	}
	/* What is no UTF-8 is cut too, and a short one leaves nothing of a longer. */
	memset(text, 0x80, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	ban_why_copy(why, text);
	assert_in_range(strlen(why), 59, 63);
	ban_why_copy(why, "short");
	for (size_t i = 5; i < sizeof(why); i++)
		assert_int_equal(why[i], 0);
}

static void a_ban_began_when_it_did(void **state)
{
	uint64_t now = timestamp_now(), boot = timestamp_boottime();
	struct filter_ban_info info = { .since = boot - 5 * NSEC_PER_SEC };

	assert_in_range(ban_info_time(&info), now - 6 * NSEC_PER_SEC, now - 4 * NSEC_PER_SEC);
	/* Before this machine booted. */
	info.since = boot - DAYS(4000);
	assert_in_range(ban_info_time(&info), now - DAYS(4000) - NSEC_PER_SEC,
			now - DAYS(4000) + NSEC_PER_SEC);
}

static void proven_offences_are_remembered_for_two_days(void **state)
{
	static const struct {
		uint32_t origin;
		int64_t days;
		uint32_t offences;
		bool remembered;
	} rows[] = {
		{ ORIGIN_GUARD, 0, 1, true },
		{ ORIGIN_GUARD, 2, 1, true },
		{ ORIGIN_GUARD, 3, 1, false },
		{ ORIGIN_SCAN, 2, 1, true },
		{ ORIGIN_SCAN, 3, 1, false },
		{ ORIGIN_OPERATOR, 0, 1, false },
		{ ORIGIN_CONFIG, 0, 1, false },
		/* May be forged. */
		{ ORIGIN_GUARD, 0, 0, false },
		{ ORIGIN_SCAN, 0, 0, false },
	};
	/* Just booted, so that the older ones began before. */
	const uint64_t boots[] = { 100 * NSEC_PER_SEC, DAYS(400) };

	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		uint64_t boot = boots[i % 2];
		struct filter_ban_info info = { .since = boot - DAYS((uint64_t)rows[i / 2].days),
						.origin = rows[i / 2].origin,
						.offences = rows[i / 2].offences };

		assert_int_equal(ban_info_is_remembered(&info, boot), rows[i / 2].remembered);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_origin_has_a_name),
		cmocka_unit_test(a_reason_is_cut_at_a_whole_character),
		cmocka_unit_test(a_ban_began_when_it_did),
		cmocka_unit_test(proven_offences_are_remembered_for_two_days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
