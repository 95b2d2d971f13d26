// SPDX-License-Identifier: GPL-2.0-or-later
#include "fuzz.h"

#include "base/duration.h"
#include "base/timestamp.h"

static void fuzz_text(const char *text)
{
	char buffer[TIMESTAMP_TEXT];
	struct error error = {};
	uint64_t ns, again;
	int r = timestamp_parse(text, &ns, &error);

	if (r < 0) {
		require_refusal(r, &error);
		return;
	}
	require(timestamp_parse(timestamp_rfc3339(ns, buffer), &again, NULL) == 0);
	require(again == ns / NSEC_PER_MSEC * NSEC_PER_MSEC);
	/* In UTC it is what was typed, but for the letter in the middle: nothing wrapped round. */
	if (strpbrk(text, "Zz"))
		require(memcmp(buffer, text, 10) == 0 && memcmp(buffer + 11, text + 11, 8) == 0);
	require(strlen(timestamp_local(ns, buffer)) == strlen("2026-11-22 23:02:27"));
}
