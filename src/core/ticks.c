/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/timestamp.h"
#include "core/ticks.h"

enum { ATTEMPTS_MAX = 20 };

/* A tick is the longest power of two of jiffies that is no longer than this. */
#define TICK_MAX_NS            (128 * NSEC_PER_MSEC)
#define CALIBRATION_NS         (30 * NSEC_PER_MSEC)
#define CALIBRATION_TIMEOUT_NS (2 * NSEC_PER_SEC)

/* Kconfig's choices for CONFIG_HZ. */
static const uint32_t possible_hz[] = { 100, 250, 300, 1000 };

static uint32_t nearest_hz(double measured)
{
	for (size_t i = 0; i < ARRAY_SIZE(possible_hz); i++)
		if (measured > possible_hz[i] * 0.93 && measured < possible_hz[i] * 1.07)
			return possible_hz[i];
	return 0;
}

/* Reads until jiffies changes; the readings then are of the edge. */
static int wait_for_edge(ticks_read *read, void *context, uint64_t *jiffies, uint64_t *boottime)
{
	uint64_t start, first;
	int r = read(context, &first, &start);

	if (r < 0)
		return r;
	do {
		r = read(context, jiffies, boottime);
		if (r < 0)
			return r;
		if (*boottime - start > CALIBRATION_TIMEOUT_NS)
			return -ETIME;
	} while (*jiffies == first);
	return 0;
}

int ticks_calibrate(ticks_read *read, void *context, struct ticks *ret_ticks, struct error *error)
{
	uint64_t first_jiffies, first_time, jiffies, boottime;
	struct ticks ticks = { 0 };
	int r;

	/* A machine that is busy, or stopped for a moment, spoils some measurements, not all. */
	for (int attempt = 0; attempt < ATTEMPTS_MAX && !ticks.hz; attempt++) {
		r = wait_for_edge(read, context, &first_jiffies, &first_time);
		if (r < 0)
			return error_set(error, r, "cannot read the kernel's clock");
		do {
			r = wait_for_edge(read, context, &jiffies, &boottime);
			if (r < 0)
				return error_set(error, r, "cannot read the kernel's clock");
		} while (boottime - first_time < CALIBRATION_NS);
		ticks.hz = nearest_hz((double)(jiffies - first_jiffies) * NSEC_PER_SEC /
				      (double)(boottime - first_time));
	}
	if (!ticks.hz)
		return error_set(error, -ETIME, "the kernel's clock ticks at no usual rate");
	while (((2 * NSEC_PER_SEC / ticks.hz) << ticks.shift) <= TICK_MAX_NS)
		ticks.shift++;
	ticks.anchor_jiffies = jiffies;
	ticks.anchor_boottime = boottime;
	ticks.anchor_jiffies += ticks_suspended(&ticks);
	*ret_ticks = ticks;
	return 0;
}

uint32_t ticks_at(const struct ticks *ticks, uint64_t boottime)
{
	int64_t elapsed = (int64_t)(boottime - ticks->anchor_boottime);
	int64_t period = NSEC_PER_SEC / ticks->hz;
	int64_t jiffies = elapsed / period - (elapsed % period < 0);

	return (uint32_t)((ticks->anchor_jiffies + (uint64_t)jiffies) >> ticks->shift);
}

uint64_t ticks_boottime(const struct ticks *ticks, uint32_t tick)
{
	int64_t jiffies = (int64_t)(((uint64_t)tick << ticks->shift) - ticks->anchor_jiffies);

	return ticks->anchor_boottime + (uint64_t)(jiffies * (int64_t)(NSEC_PER_SEC / ticks->hz));
}

uint32_t ticks_not_before(const struct ticks *ticks, uint64_t boottime)
{
	uint32_t tick = ticks_at(ticks, boottime);

	return ticks_boottime(ticks, tick) < boottime ? tick + 1 : tick;
}

uint64_t ticks_suspended(const struct ticks *ticks)
{
	uint64_t least = UINT64_MAX;

	/* Time passes between two readings; the pair that was interrupted least is right. */
	for (int i = 0; i < 5; i++) {
		struct timespec mono, boot;
		uint64_t suspended;

		clock_gettime(CLOCK_MONOTONIC, &mono);
		clock_gettime(CLOCK_BOOTTIME, &boot);
		suspended = (uint64_t)(boot.tv_sec - mono.tv_sec) * NSEC_PER_SEC +
			    (uint64_t)boot.tv_nsec - (uint64_t)mono.tv_nsec;
		if (suspended < least)
			least = suspended;
	}
	return least / (NSEC_PER_SEC / ticks->hz);
}
