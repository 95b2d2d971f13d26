// SPDX-License-Identifier: GPL-2.0-or-later
#include "fuzz.h"

#include "base/rate.h"

static void fuzz_count(const char *text)
{
	char buffer[RATE_TEXT];
	struct error error = {};
	uint64_t count, again;
	int r = count_parse(text, &count, &error);

	if (r < 0) {
		require_refusal(r, &error);
		return;
	}
	require(count > 0 && count <= COUNT_MAX);
	require(count_parse(count_text(count, buffer), &again, NULL) == 0);
	require(count == again);
}

static void fuzz_text(const char *text)
{
	char buffer[RATE_TEXT];
	struct error error = {};
	struct rate rate, again;
	int r = rate_parse(text, &rate, &error);

	fuzz_count(text);
	if (r < 0) {
		require_refusal(r, &error);
		return;
	}
	require(rate.count > 0 && rate.count <= COUNT_MAX && rate.period > 0);
	require(rate_parse(rate_text(&rate, buffer), &again, NULL) == 0);
	require(rate.count == again.count && rate.period == again.period);
}
