/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/cleanup.h"
#include "base/timestamp.h"
#include "modules/filter/readers.h"
#include "modules/filter/report.h"
#include "modules/filter/status.h"
#include "modules/filter/cookies.h"
#include "modules/filter/list_store.h"
#include "modules/filter/terms.h"

/* Null where there is none. */
static json_t *text_json(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *entries_json(const struct filter_policy *policy, uint64_t role_wanted)
{
	json_t *array = json_array();
	struct prefix prefix;
	size_t position = 0;
	uint64_t role;

	while (policy_next(policy, &position, &prefix, &role)) {
		char text[PREFIX_TEXT];

		if (role & role_wanted)
			json_array_append_new(array, json_string(prefix_format(&prefix, text)));
	}
	return array;
}

static json_t *ports_json(const struct filter_policy *policy, uint8_t mask, uint8_t value)
{
	json_t *array = json_array();
	enum port_protocol protocol = 0;
	struct port_range range;
	struct port_set set;
	uint32_t port = 0;

	status_ports(policy, mask, value, &set);
	while (port_set_next(&set, &protocol, &port, &range)) {
		char text[PORT_RANGE_TEXT];

		json_array_append_new(array, json_string(port_range_format(&range, text)));
	}
	return array;
}

static json_t *rate_json(const struct store *store, const struct filter_limit *limit)
{
	char text[LIMIT_TEXT];

	return text_json(terms_rate(&store->ticks, limit, text));
}

static json_t *guard_rate_json(const struct store *store, const struct filter_guard *guard,
			       const struct filter_limit *limit, const char *key)
{
	char text[LIMIT_TEXT];

	return text_json(
		terms_guard_rate(&store->ticks, guard, limit, config_in_force(store), key, text));
}

static json_t *seconds_json(const struct store *store, uint32_t ticks)
{
	return json_integer((json_int_t)(terms_duration(&store->ticks, ticks) / NSEC_PER_SEC));
}

static json_t *guard_json(const struct store *store, uint32_t number)
{
	const struct filter_policy *policy = store_policy(store);
	const struct filter_guard *guard = &policy->guards[number];
	bool others = policy->other_guard == number;
	json_t *object = json_object();
	char burst[LIMIT_TEXT];

	json_object_set_new(object, "name", json_string(guard_name(store, number)));
	json_object_set_new(object, "mode", json_string(filter_mode_name(guard->mode)));
	json_object_set_new(object, "others", json_boolean(others));
	json_object_set_new(object, "ports",
			    others ? json_array()
				   : ports_json(policy, PORT_GUARD_MASK, (uint8_t)number));
	json_object_set_new(object, "connections",
			    guard_rate_json(store, guard, &guard->connections, "per-source"));
	json_object_set_new(object, "packets",
			    guard_rate_json(store, guard, &guard->packets, "packets-per-source"));
	json_object_set_new(object, "bytes",
			    guard_rate_json(store, guard, &guard->bytes, "bytes-per-source"));
	json_object_set_new(object, "total", guard_rate_json(store, guard, &guard->total, "total"));
	json_object_set_new(object, "burst",
			    text_json(terms_burst(guard, config_in_force(store), burst)));
	json_object_set_new(object, "ban", seconds_json(store, guard->ban));
	json_object_set_new(object, "ban-max", seconds_json(store, guard->ban_max));
	return object;
}

static json_t *guards_json(const struct store *store)
{
	json_t *array = json_array();

	for (uint32_t i = 1; i <= GUARDS_MAX; i++)
		if (*store_policy(store)->guards[i].name)
			json_array_append_new(array, guard_json(store, i));
	return array;
}

static json_t *lists_json(const struct store *store)
{
	struct list_facts facts[LISTS_MAX + 1];
	json_t *array = json_array();

	list_store_facts(store, facts);
	for (uint32_t i = 1; i <= LISTS_MAX; i++) {
		const char *kind = list_kind(store_policy(store), i);
		char loaded[TIMESTAMP_TEXT];

		if (kind)
			json_array_append_new(
				array, json_pack("{s:s, s:s, s:I, s:I, s:s}", "name",
						 list_name(store, i), "kind", kind, "entries-ipv4",
						 (json_int_t)facts[i].entries[0], "entries-ipv6",
						 (json_int_t)facts[i].entries[1], "loaded",
						 timestamp_rfc3339(facts[i].loaded, loaded)));
	}
	return array;
}

static void add_missing(void *array, const char *path)
{
	json_array_append_new(array, json_string(path));
}

static json_t *missing_json(const struct store *store)
{
	json_t *array = json_array();

	list_store_missing(store, add_missing, array);
	return array;
}

static json_t *scan_json(const struct store *store)
{
	const struct filter_policy *policy = store_policy(store);
	const struct filter_scan_policy *scan = &policy->scan;
	uint64_t window = terms_scan_window(&store->ticks, &scan->limit);

	if (!(policy->flags & POLICY_SCAN))
		return json_null();
	return json_pack("{s:s, s:I, s:I, s:o}", "mode", filter_mode_name(scan->mode), "ports",
			 (json_int_t)terms_scan_ports(&scan->limit), "seconds",
			 (json_int_t)(window / NSEC_PER_SEC), "ban",
			 seconds_json(store, status_scan_ban(policy)));
}

static json_t *cookies_json(const struct store *store)
{
	const struct filter_policy *policy = store_policy(store);
	struct gate_interface interfaces[STATUS_INTERFACES];
	size_t count = gate_interfaces(store, interfaces, ARRAY_SIZE(interfaces));
	json_t *lossy = json_array();

	for (size_t i = 0; i < count; i++)
		if (status_loses_cookies(&interfaces[i]))
			json_array_append_new(lossy, json_string(interfaces[i].name));
	if (!(policy->flags & POLICY_COOKIES)) {
		json_decref(lossy);
		return json_null();
	}
	return json_pack("{s:o, s:i, s:o}", "above", rate_json(store, &policy->cookies_above),
			 "tcp_syncookies", cookies_sysctl(), "lossy", lossy);
}

static json_t *shadow_json(const struct store *store)
{
	const struct filter_policy *shadow = store_shadow(store);

	return shadow ? json_pack("{s:s}", "mode", filter_mode_name(shadow->mode)) : json_null();
}

json_t *status_json(const struct store *store)
{
	const struct filter_policy *policy = store_policy(store);
	json_t *object = json_object();
	char time[TIMESTAMP_TEXT];

	json_object_set_new(object, "mode", json_string(filter_mode_name(policy->mode)));
	json_object_set_new(object, "policy", json_integer(policy->generation));
	json_object_set_new(object, "since", json_string(timestamp_rfc3339(policy->applied, time)));
	json_object_set_new(object, "interfaces", report_interfaces_json(store));
	json_object_set_new(object, "block-ports", ports_json(policy, PORT_BLOCKED, PORT_BLOCKED));
	json_object_set_new(object, "watch-ports", ports_json(policy, PORT_WATCHED, PORT_WATCHED));
	json_object_set_new(object, "allow", entries_json(policy, ROLE_ALLOW));
	json_object_set_new(object, "guarded", entries_json(policy, ROLE_GUARDED));
	json_object_set_new(object, "guards", guards_json(store));
	json_object_set_new(object, "unproven-ban", seconds_json(store, policy->unproven_ban));
	json_object_set_new(object, "lists", lists_json(store));
	json_object_set_new(object, "lists-missing", missing_json(store));
	json_object_set_new(object, "scan", scan_json(store));
	json_object_set_new(object, "syn-cookies", cookies_json(store));
	json_object_set_new(object, "bans", json_integer((json_int_t)report_bans(store)));
	json_object_set_new(object, "bans-file", text_json(store->tables.state->bans_path));
	json_object_set_new(object, "pending", report_pending_json(store));
	json_object_set_new(object, "shadow", shadow_json(store));
	json_object_set_new(object, "kept", json_boolean(gate_is_kept(store)));
	json_object_set_new(object, "run", json_boolean(run_is_there(store)));
	return object;
}
