/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lengths of time as people type them: 90s, 10m, 1h30m, 2d. Unit: nanoseconds. */
#pragma once

#include <stdint.h>

#include "base/error.h"

#define NSEC_PER_SEC  1000000000ULL
#define NSEC_PER_MSEC 1000000ULL

enum { DURATION_TEXT = 32 };

#define DURATION_MAX (36525ULL * 24 * 3600 * NSEC_PER_SEC) /* 100 years */

/*
 * Units ms, s, m, h, d, w, largest first, each at most once ("1h30m", "1500ms").
 * A bare number is refused, because people mean different things by it; zero,
 * a sign, and anything over 100 years are refused too.
 */
int duration_parse(const char *text, uint64_t *ret_ns, struct error *error);

/*
 * Exact when it is a whole number of milliseconds: duration_parse() reads it back.
 * Weeks only when nothing is left over: "2w", but "10d". Zero is "0s".
 */
const char *duration_format(uint64_t ns, char buffer[DURATION_TEXT]);

/*
 * For reading, not for parsing: the two largest units, days to seconds, rounded down:
 * "213d4h", "1h30m", "4m59s", "12s", "<1s".
 */
const char *duration_format_short(uint64_t ns, char buffer[DURATION_TEXT]);

/*
 * For reading, three digits: "812 ns", "1.24 us", "35.0 ms", "6.20 s", "61.0 s"; from two minutes
 * on as duration_format_short().
 */
const char *duration_format_fine(uint64_t ns, char buffer[DURATION_TEXT]);
