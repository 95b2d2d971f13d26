// SPDX-License-Identifier: GPL-2.0-or-later
#include "fuzz.h"

#include "base/duration.h"

static void fuzz_text(const char *text)
{
	char buffer[DURATION_TEXT];
	struct error error = {};
	uint64_t ns, again;
	int r = duration_parse(text, &ns, &error);

	if (r < 0) {
		require_refusal(r, &error);
		return;
	}
	require(ns > 0 && ns <= DURATION_MAX && ns % NSEC_PER_MSEC == 0);
	require(duration_parse(duration_format(ns, buffer), &again, NULL) == 0);
	require(ns == again);
	duration_format_short(ns, buffer);
	require(ns < NSEC_PER_SEC || (duration_parse(buffer, &again, NULL) == 0 && again <= ns));
}
