/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/rate.h"
#include "modules/filter/config_text.h"
#include "modules/filter/terms.h"

/* Limits are kept in 2^-METER_SHIFT jiffies, intervals times 2^PRICE_SHIFT; see policy_limit(). */
static double seconds_of(const struct ticks *ticks, uint64_t interval)
{
	return (double)interval / ((double)ticks->hz * (1 << METER_SHIFT) * (1 << PRICE_SHIFT));
}

/* How far the rate of an interval may be from the one that was typed: it was rounded. */
static double inexactness(uint64_t interval)
{
	return (interval >= 1024 * (1 << PRICE_SHIFT) ? 0.5 * (1 << PRICE_SHIFT) : 1) /
		       (double)interval +
	       1e-9;
}

/* The roundest whole number that this may have been; 0 when it was none. */
static uint64_t whole_number(double exact, double inexact)
{
	for (uint64_t unit = 1000000000000; unit > 0; unit /= 10) {
		uint64_t count = (uint64_t)(exact / (double)unit + 0.5) * unit;
		double off = (double)count - exact;

		if (count && (off < 0 ? -off : off) <= inexact * exact)
			return count;
	}
	return 0;
}

/* The first period in which it is a whole number, as it was typed; else the nearest a day. */
const char *terms_rate(const struct ticks *ticks, const struct filter_limit *limit,
		       char buffer[LIMIT_TEXT])
{
	static const uint64_t periods[] = { 1, 60, 3600, 86400 };
	struct rate rate = { 0, 0 };
	double seconds;

	buffer[0] = '\0';
	if (!limit->interval)
		return buffer;
	seconds = seconds_of(ticks, limit->interval);
	for (size_t i = 0; i < ARRAY_SIZE(periods) && !rate.count; i++) {
		rate.period = periods[i] * NSEC_PER_SEC;
		rate.count =
			whole_number((double)periods[i] / seconds, inexactness(limit->interval));
	}
	if (!rate.count)
		rate.count = (uint64_t)(86400 / seconds + 0.5);
	return rate_text(&rate, buffer);
}
_Static_assert((int)LIMIT_TEXT >= (int)RATE_TEXT, "a limit is a rate");

uint64_t terms_scan_ports(const struct filter_limit *limit)
{
	return limit->interval ? (uint64_t)((double)limit->burst * (1 << PRICE_SHIFT) /
						    (double)limit->interval +
					    1.5)
			       : 0;
}

uint64_t terms_scan_window(const struct ticks *ticks, const struct filter_limit *limit)
{
	double seconds = seconds_of(ticks, limit->interval) * (double)terms_scan_ports(limit);
	uint64_t whole = (uint64_t)seconds;

	return (whole + (seconds - (double)whole >= 0.5)) * NSEC_PER_SEC;
}

const char *config_in_force(const struct store *store)
{
	return store->config_text[store_policy(store) - store->tables.policies].text;
}

static const char *guard_value(const struct filter_guard *guard, const char *config,
			       const char *key, char buffer[LIMIT_TEXT])
{
	char section[GUARD_NAME_SIZE + sizeof("guard ")];
	const char *value;
	size_t length;

	snprintf(section, sizeof(section), "guard %s", guard->name);
	length = config_text_value(config, section, key, &value);
	snprintf(buffer, LIMIT_TEXT, "%.*s", (int)length, value);
	return buffer;
}

const char *terms_guard_rate(const struct ticks *ticks, const struct filter_guard *guard,
			     const struct filter_limit *limit, const char *config, const char *key,
			     char buffer[LIMIT_TEXT])
{
	if (limit->interval && *guard_value(guard, config, key, buffer))
		return buffer;
	return terms_rate(ticks, limit, buffer);
}

const char *terms_burst(const struct filter_guard *guard, const char *config,
			char buffer[LIMIT_TEXT])
{
	return guard_value(guard, config, "burst", buffer);
}

const char *terms_limits(const struct ticks *ticks, const struct filter_guard *guard,
			 const char *config, char buffer[GUARD_TEXT])
{
	const struct {
		const struct filter_limit *limit;
		const char *key;
		const char *of;
	} limits[] = {
		{ &guard->connections, "per-source", "" },
		{ &guard->packets, "packets-per-source", " packets" },
		{ &guard->bytes, "bytes-per-source", " bytes" },
		{ &guard->total, "total", " in all" },
	};
	char rate[LIMIT_TEXT], burst[LIMIT_TEXT];
	size_t used = 0;

	terms_burst(guard, config, burst);
	snprintf(buffer, GUARD_TEXT, "no limit");
	for (size_t i = 0; i < ARRAY_SIZE(limits) && used < GUARD_TEXT; i++) {
		bool first = !used;

		if (!limits[i].limit->interval)
			continue;
		used += (size_t)snprintf(
			buffer + used, GUARD_TEXT - used, "%s%s%s%s%s", first ? "" : ", ",
			terms_guard_rate(ticks, guard, limits[i].limit, config, limits[i].key,
					 rate),
			limits[i].of, first && *burst ? ", burst " : "", first ? burst : "");
	}
	return buffer;
}

uint64_t terms_duration(const struct ticks *ticks, uint32_t count)
{
	uint64_t ns = ((uint64_t)count << ticks->shift) * (NSEC_PER_SEC / ticks->hz);

	return (ns + NSEC_PER_SEC / 2) / NSEC_PER_SEC * NSEC_PER_SEC;
}

const char *terms_ban(const struct ticks *ticks, uint32_t ban, uint32_t ban_max,
		      char buffer[LIMIT_TEXT])
{
	char first[DURATION_TEXT], most[DURATION_TEXT];

	if (!ban)
		snprintf(buffer, LIMIT_TEXT, "none");
	else if (ban_max <= ban)
		snprintf(buffer, LIMIT_TEXT, "%s",
			 duration_format(terms_duration(ticks, ban), first));
	else
		snprintf(buffer, LIMIT_TEXT, "%s, up to %s",
			 duration_format(terms_duration(ticks, ban), first),
			 duration_format(terms_duration(ticks, ban_max), most));
	return buffer;
}

uint64_t terms_meter_time(const struct ticks *ticks, uint64_t boottime)
{
	int64_t elapsed = (int64_t)(boottime - ticks->anchor_boottime);
	int64_t jiffies = elapsed / (int64_t)(NSEC_PER_SEC / ticks->hz);

	return (ticks->anchor_jiffies + (uint64_t)jiffies) << METER_SHIFT;
}

const char *guard_name(const struct store *store, uint32_t number)
{
	const char *name = store->tables.state->guard_names[number & GUARDS_MAX];

	return *name ? name : "?";
}

const char *list_name(const struct store *store, uint32_t number)
{
	const char *name = store->tables.state->lists[number & LISTS_MAX].name;

	return *name ? name : "?";
}

struct prefix source_prefix(uint64_t key)
{
	struct filter_key low = { 0, key }, high = { key, 0 };
	bool v4 = key >> 32 == KEY_V4_LOW >> 32;

	return (struct prefix){ .address = address_of(v4 ? low : high),
				.length = v4 ? ADDRESS_BITS : 64 };
}

const char *list_kind(const struct filter_policy *policy, uint32_t number)
{
	if (policy->allow_lists >> number & 1)
		return "allow";
	return policy->deny_lists >> number & 1 ? "deny" : NULL;
}
