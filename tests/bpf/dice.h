/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chance for random tests: the same for the same seed. */
#pragma once

#include "../unit/unit.h"

struct dice {
	uint64_t state;
};

/* 0 to count - 1; 0 for a count of 0. */
static inline uint32_t pick(struct dice *dice, uint32_t count)
{
	uint64_t number = random_next(&dice->state) >> 32;

	return (uint32_t)(number * count >> 32);
}

static inline bool one_in(struct dice *dice, uint32_t count)
{
	return pick(dice, count) == 0;
}

/* One of these numbers. */
#define PICK(dice, ...)      \
	((const uint32_t[]){ \
		__VA_ARGS__ })[pick(dice, sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)]
