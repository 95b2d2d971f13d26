/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One packet, judged by the kernel and by the model; see filter_random.c. */
#pragma once

#include "random_round.h"

/*
 * Runs the frame of the round; fails the test, with all that is needed to see why, where the
 * two disagree. False when the round is to be given up: meters found no room, or it
 * was held up too long.
 */
bool compare(struct round *round);

/* That nothing else was counted than what was compared. */
void compare_sums(struct round *round);

/* The tick of a time of the model's, not before now. */
uint32_t round_tick(const struct round *round, uint64_t time);
