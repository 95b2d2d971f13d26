/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wall-clock times: nanoseconds since 1970 in UTC, written as RFC 3339. */
#pragma once

#include <stdint.h>

#include "base/error.h"

enum { TIMESTAMP_TEXT = 40 };

uint64_t timestamp_now(void);      /* CLOCK_REALTIME */
uint64_t timestamp_boottime(void); /* CLOCK_BOOTTIME: since boot, suspend included */

/* "2026-11-22T23:02:27.123Z": UTC, milliseconds; for machines. */
const char *timestamp_rfc3339(uint64_t ns, char buffer[TIMESTAMP_TEXT]);

/* "2026-11-22 23:02:27": local time; for people and for the guide's CSV. */
const char *timestamp_local(uint64_t ns, char buffer[TIMESTAMP_TEXT]);

/*
 * Reads RFC 3339 with Z or a numeric offset and 0 to 9 decimals; t, z and a space for the
 * T are taken as well. Second 60, times before 1970 and times from 2554 on, which 64 bits
 * do not hold, are refused: -EINVAL with the reason.
 */
int timestamp_parse(const char *text, uint64_t *ret_ns, struct error *error);
