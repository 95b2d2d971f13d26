/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clock of the packet path: ticks = (jiffies64 + time in suspend) >> shift.
 *
 * jiffies follows CLOCK_MONOTONIC; with the suspended time added it follows
 * CLOCK_BOOTTIME, which every process can read. So an anchor, a pair of readings
 * taken at one moment, converts between the two without asking the kernel again.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct ticks {
	uint32_t hz;              /* jiffies a second */
	uint32_t shift;           /* jiffies >> shift = ticks */
	uint64_t anchor_jiffies;  /* suspended time included, at ... */
	uint64_t anchor_boottime; /* ... this CLOCK_BOOTTIME, nanoseconds */
};

/* One reading, both at one moment. Returns 0 or a negative errno. */
typedef int ticks_read(void *context, uint64_t *ret_jiffies, uint64_t *ret_boottime);

/*
 * Measures jiffies a second and takes the anchor on the edge between two jiffies;
 * some 30 to 50 ms. -ETIME when the clock does not tick as any kernel's does.
 */
int ticks_calibrate(ticks_read *read, void *context, struct ticks *ret_ticks, struct error *error);

/* CLOCK_BOOTTIME to ticks, rounded down, and the moment a tick begins. Good for times before the
 * anchor too. */
uint32_t ticks_at(const struct ticks *ticks, uint64_t boottime);
uint64_t ticks_boottime(const struct ticks *ticks, uint32_t tick);

/* The first tick that begins no earlier than `boottime`: a ban never ends before its time. */
uint32_t ticks_not_before(const struct ticks *ticks, uint64_t boottime);

/* How long this machine has been suspended since it booted, in jiffies. */
uint64_t ticks_suspended(const struct ticks *ticks);
