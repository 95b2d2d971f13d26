/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel's numbers were in the configuration: rates, durations and names, read
 * back from a policy.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/duration.h"
#include "modules/filter/store.h"

enum { LIMIT_TEXT = 64, GUARD_TEXT = 192 };

/* The rate that a limit allows: "20/min", "50k/s"; "" where there is none. */
const char *terms_rate(const struct ticks *ticks, const struct filter_limit *limit,
		       char buffer[LIMIT_TEXT]);

/* Of the scan limit: so many different ports within so long, nanoseconds, are a scan. */
uint64_t terms_scan_ports(const struct filter_limit *limit);
uint64_t terms_scan_window(const struct ticks *ticks, const struct filter_limit *limit);

/*
 * The configuration that made the policy in force; "" when it was too long to be kept.
 */
const char *config_in_force(const struct store *store);

/*
 * A rate of a guard as `config` gives it, because 60/min is not 1/s: its burst is another. Read
 * back from `limit` where `config` is "".
 */
const char *terms_guard_rate(const struct ticks *ticks, const struct filter_guard *guard,
			     const struct filter_limit *limit, const char *config, const char *key,
			     char buffer[LIMIT_TEXT]);

/* The burst that `config` gives a guard; "" where it gives none. */
const char *terms_burst(const struct filter_guard *guard, const char *config,
			char buffer[LIMIT_TEXT]);

/*
 * All limits of a guard, of one source unless it says so, the first with its burst: "20/min,
 * burst 10, 50k/s packets, 500/s in all".
 */
const char *terms_limits(const struct ticks *ticks, const struct filter_guard *guard,
			 const char *config, char buffer[GUARD_TEXT]);

/* Ticks as nanoseconds, to the nearest second: tables count in ticks, people in seconds. */
uint64_t terms_duration(const struct ticks *ticks, uint32_t count);

/* "10m", "10m, up to 1d", "none". */
const char *terms_ban(const struct ticks *ticks, uint32_t ban, uint32_t ban_max,
		      char buffer[LIMIT_TEXT]);

/* The clock of meters and scanners at this CLOCK_BOOTTIME. */
uint64_t terms_meter_time(const struct ticks *ticks, uint64_t boottime);

/* The name of a guard or a list; "?" when it has none any more. */
const char *guard_name(const struct store *store, uint32_t number);
const char *list_name(const struct store *store, uint32_t number);

/* "deny", "allow"; NULL for a list that this policy does not have. */
const char *list_kind(const struct filter_policy *policy, uint32_t number);

static inline bool key_is_v4(struct filter_key key)
{
	return key.high == 0 && key.low >> 32 == KEY_V4_LOW >> 32;
}

/* An address, or the /64 that stands for one, from filter_source_key(). */
struct prefix source_prefix(uint64_t key);
