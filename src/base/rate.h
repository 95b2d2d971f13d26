/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rates and counts as people type them: 1000/s, 50k/s, 20/min, 100/h, 2M/s; 1500, 20k. */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct rate {
	uint64_t count;  /* 0: none */
	uint64_t period; /* nanoseconds: a second, a minute, an hour or a day */
};

enum { RATE_TEXT = 32 };

#define COUNT_MAX 1000000000000000ULL /* 10^15 */

/*
 * A whole number, at most COUNT_MAX, with k, M or G for a thousand, a million, a thousand
 * million, then /s, /min, /h or /d. Zero, a sign, and a rate without a period are refused.
 */
int rate_parse(const char *text, struct rate *ret_rate, struct error *error);

/* Reads back: "20/min", "50k/s", "1500/s"; "" for none. */
const char *rate_text(const struct rate *rate, char buffer[RATE_TEXT]);

/* The number alone, with the same letters; zero and a sign are refused. */
int count_parse(const char *text, uint64_t *ret_count, struct error *error);
const char *count_text(uint64_t count, char buffer[RATE_TEXT]);
