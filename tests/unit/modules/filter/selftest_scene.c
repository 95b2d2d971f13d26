/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames are what their kind says. */
#include "../../unit.h"

#include <arpa/inet.h>

#include "base/address.h"
#include "modules/filter/selftest.h"

enum { VERSION_AT = 14, SIZE4 = 60, SIZE6 = 80 };

static bool is_v4(const struct selftest_kind *kind)
{
	struct address source;

	assert_ok(address_parse(kind->source, &source, NULL));
	return address_is_v4(&source);
}

static void frames_are_of_their_kind(void **state)
{
	for (size_t i = 0; i < SELFTEST_KINDS; i++) {
		const struct selftest_kind *kind = &selftest_kinds[i];
		uint8_t frame[SELFTEST_FRAME];
		size_t size = selftest_frame(kind, frame);
		bool v4 = is_v4(kind);
		size_t udp = v4 ? 34 : 54;

		assert_row(size == (v4 ? SIZE4 : SIZE6), kind->source);
		assert_row(frame[12] == (v4 ? 0x08 : 0x86), kind->source);
		assert_row((frame[VERSION_AT] >> 4 == (v4 ? 4 : 6)) == !kind->malformed,
			   kind->source);
		assert_row(frame[udp + 2] << 8 == (kind->port & 0xff00), kind->source);
		assert_row(frame[udp + 3] == (kind->port & 0xff), kind->source);
	}
}

/* Each reason in both families, so that rows can be told apart. */
static void every_kind_stands_once(void **state)
{
	for (size_t i = 0; i < SELFTEST_KINDS; i++)
		for (size_t k = 0; k < i; k++)
			assert_row(selftest_kinds[i].reason != selftest_kinds[k].reason ||
					   is_v4(&selftest_kinds[i]) != is_v4(&selftest_kinds[k]),
				   selftest_kinds[i].source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_of_their_kind),
		cmocka_unit_test(every_kind_stands_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
