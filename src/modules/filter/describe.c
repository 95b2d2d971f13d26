/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <net/if.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/timestamp.h"
#include "modules/filter/describe.h"
#include "modules/filter/snapshot.h"
#include "modules/filter/terms.h"

#define TEXT_PACKET \
	"{protocol} {source:source_port} -> {destination:destination_port} on {interface}"

static const struct record_type event_type = {
	.name = "filter-event",
	.text = "{time} {action} {reason}: " TEXT_PACKET,
	.csv = security_columns,
};

static const struct record_type guard_event_type = {
	.name = "filter-event",
	.text = "{time} {action} {reason} by {guard}: " TEXT_PACKET,
	.csv = security_columns,
};

static const struct record_type list_event_type = {
	.name = "filter-event",
	.text = "{time} {action} {reason} in {list}: " TEXT_PACKET,
	.csv = security_columns,
};

static const struct record_type watch_type = {
	.name = "filter-watch",
	.text = "{time} {action} " TEXT_PACKET,
	.csv = security_columns,
};

static const struct record_type ban_type = {
	.name = "filter-ban",
	.text = "{time} {action} {source} for {duration}: {why}",
	.csv = security_columns,
};

static const struct record_type scan_type = {
	.name = "filter-scan",
	.text = "{time} {action} {scan} from {source}: {count} {scan} in {duration}, last "
		"{protocol} {destination:destination_port} on {interface}",
	.csv = security_columns,
};

static const struct record_type full_type = {
	.name = "filter-full",
	.text = "{time} {action} the table of {holds}: {then}",
};

static const struct record_type repeat_type = {
	.name = "filter-repeat",
	.text = "{time} {action} {reason}: {source} {packets} more in the last second",
};

static const struct record_type rest_type = {
	.name = "filter-rest",
	.text = "{time} {action} {reason}: {packets} from other sources in the last second",
};

static const struct record_type watch_repeat_type = {
	.name = "filter-repeat",
	.text = "{time} {action} {source} {packets} more in the last second",
};

static const struct record_type watch_rest_type = {
	.name = "filter-rest",
	.text = "{time} {action} {packets} from other sources in the last second",
};

static const struct record_type notices_type = {
	.name = "filter-more",
	.text = "{time} {action} {events} more bans, scans and full tables in the last second",
};

/* ---- names ------------------------------------------------------------------------------ */

const char *told_kind_name(enum told_kind kind)
{
	static const char *const names[] = {
		[TOLD_PACKET] = "packet", [TOLD_BAN] = "ban",     [TOLD_SCAN] = "scan",
		[TOLD_FULL] = "full",     [TOLD_WATCH] = "watch",
	};
	_Static_assert(ARRAY_SIZE(names) == TOLD_KINDS, "a name for every kind");

	return (size_t)kind < ARRAY_SIZE(names) ? names[kind] : "?";
}

static const struct {
	const char *name;
	const char *holds;
	const char *when_full;
} filter_tables[] = {
	[TABLE_BANS4] = { "bans4", "banned IPv4 addresses",
			  "a ban was refused; there is room again as bans end" },
	[TABLE_BANS6] = { "bans6", "banned IPv6 /64 networks",
			  "a ban was refused; there is room again as bans end" },
	[TABLE_BANS_WIDE] = { "bans_wide", "other banned prefixes",
			      "a ban was refused; there is room again as bans end" },
	[TABLE_BAN_INFO] = { "ban_info", "what is known of bans",
			     "new bans hold, but not since when, why and for the how many-th "
			     "time" },
	[TABLE_METERS] = { "meters", "sources that guards count",
			   "new sources pass without a limit of their own" },
	[TABLE_SCANNERS] = { "scanners", "sources that try closed ports",
			     "scans by new sources are not seen" },
};
_Static_assert(ARRAY_SIZE(filter_tables) == TABLE_COUNT, "a row for every table");

const char *filter_table_name(enum filter_table table)
{
	return table < TABLE_COUNT ? filter_tables[table].name : "?";
}

const char *filter_table_holds(enum filter_table table)
{
	return table < TABLE_COUNT ? filter_tables[table].holds : "?";
}

const char *filter_table_when_full(enum filter_table table)
{
	return table < TABLE_COUNT ? filter_tables[table].when_full : "?";
}

const char *sight_name(uint32_t reason)
{
	return reason == SIGHT_WATCHED ? "watched" : reason_name(reason);
}

static const char *action_name(uint32_t reason, bool dropped)
{
	if (reason == SIGHT_WATCHED)
		return "WATCH";
	if (reason == REASON_COOKIE && dropped)
		return "ANSWER";
	return dropped ? "DROP" : "PASS";
}

enum told_kind describe_kind(const struct filter_event *event)
{
	switch (event->header.kind) {
	case FILTER_EVENT_PACKET:
		if (event->reason == SIGHT_WATCHED)
			return TOLD_WATCH;
		return event->reason < REASON_COUNT ? TOLD_PACKET : TOLD_KINDS;
	case FILTER_EVENT_BAN:
		return TOLD_BAN;
	case FILTER_EVENT_SCAN:
		return event->detail <= SCAN_HOSTS ? TOLD_SCAN : TOLD_KINDS;
	case FILTER_EVENT_FULL:
		return event->detail < TABLE_COUNT ? TOLD_FULL : TOLD_KINDS;
	default:
		return TOLD_KINDS;
	}
}

/* ---- fields ----------------------------------------------------------------------------- */

static void begin(struct record *record, const struct record_type *type, uint64_t time,
		  const char *action)
{
	record_begin(record, type);
	record_time(record, "time", time);
	record_label(record, "action", action);
}

static void add_address(struct record *record, const char *name, struct filter_key key)
{
	struct address address = address_of(key);

	if (key.high || key.low)
		record_address(record, name, &address);
	else
		record_none(record, name);
}

static void add_port(struct record *record, const char *name, const struct filter_event *event,
		     uint16_t port)
{
	bool has_ports = event->source_port || event->destination_port;

	if (has_ports)
		record_gauge(record, name, UNIT_NONE, port);
	else
		record_none(record, name);
}

static void add_text(struct record *record, const char *name, const char *text)
{
	if (text)
		record_text(record, name, text);
	else
		record_none(record, name);
}

static void add_target(struct record *record, const struct filter_event *event)
{
	char name[IF_NAMESIZE] = "?", protocol[16];

	if_indextoname(event->ifindex, name);
	add_address(record, "destination", event->destination);
	add_port(record, "destination_port", event, event->destination_port);
	record_text(record, "protocol", protocol_row_name(event->protocol, protocol));
	record_text(record, "interface", name);
}

/* Tables count in ticks; to the nearest second it is what the configuration said. */
static void add_duration(struct record *record, uint64_t ns)
{
	uint64_t seconds = (ns + NSEC_PER_SEC / 2) / NSEC_PER_SEC;
	char text[DURATION_TEXT];

	record_gauge(record, "seconds", UNIT_SECONDS, seconds);
	record_text(record, "duration", duration_format_short(seconds * NSEC_PER_SEC, text));
}

/* The name in an event is as long as its field, at most. */
static const char *event_guard(const struct filter_event *event, char name[GUARD_NAME_SIZE + 1])
{
	snprintf(name, GUARD_NAME_SIZE + 1, "%.*s", (int)GUARD_NAME_SIZE, event->name);
	return *name ? name : NULL;
}

/* ---- kinds ------------------------------------------------------------------------------ */

static const struct record_type *packet_type(const struct filter_event *event, const char *guard,
					     const char *list)
{
	if (event->reason == SIGHT_WATCHED)
		return &watch_type;
	return guard ? &guard_event_type : list ? &list_event_type : &event_type;
}

static void describe_packet(const struct store *store, const struct filter_event *event,
			    uint64_t time, struct record *record)
{
	char name[GUARD_NAME_SIZE + 1];
	bool limited = event->reason == REASON_LIMITED || event->reason == REASON_SHED;
	const char *guard = limited ? event_guard(event, name) : NULL;
	const char *list =
		event->reason == REASON_LISTED ? list_name(store, LABEL_LIST(event->detail)) : NULL;

	begin(record, packet_type(event, guard, list), time,
	      action_name(event->reason, event->dropped));
	record_label(record, "reason", sight_name(event->reason));
	add_address(record, "source", event->source);
	add_port(record, "source_port", event, event->source_port);
	add_target(record, event);
	record_gauge(record, "bytes", UNIT_BYTES, event->bytes);
	add_text(record, "guard", guard);
	add_text(record, "list", list);
}

static const char *ordinal(uint32_t number, char buffer[16])
{
	static const char *const endings[] = { "th", "st", "nd", "rd" };
	uint32_t tens = number / 10 % 10, ones = number % 10;

	snprintf(buffer, 16, "%u%s", number, endings[tens != 1 && ones < 4 ? ones : 0]);
	return buffer;
}

/* Wider than what one source gets: its neighbours were banned before it. */
static bool bans_neighbours(const struct filter_event *event)
{
	return event->length < (key_is_v4(event->source) ? ADDRESS_BITS : 64);
}

static const char *why_banned(const struct filter_event *event, const char *guard, char why[96])
{
	const char *proof = event->proven ? "proven" : "unproven";
	char time[16];

	if (!guard)
		snprintf(why, 96, "scan, %s", proof);
	else if (bans_neighbours(event))
		snprintf(why, 96, "guard %s, %u banned neighbours", guard, event->count);
	else if (event->count)
		snprintf(why, 96, "guard %s, %s time, %s", guard, ordinal(event->count, time),
			 proof);
	else
		snprintf(why, 96, "guard %s, %s", guard, proof);
	return why;
}

static void describe_ban(const struct store *store, const struct filter_event *event, uint64_t time,
			 struct record *record)
{
	struct address address = address_of(event->source);
	struct prefix banned = prefix_of(&address, event->length);
	uint64_t until = ticks_boottime(&store->ticks, event->until);
	char name[GUARD_NAME_SIZE + 1], why[96];
	const char *guard = event_guard(event, name);

	begin(record, &ban_type, time, "BAN");
	record_prefix(record, "source", &banned);
	record_time(record, "until", time + until - event->header.time);
	add_duration(record, until > event->header.time ? until - event->header.time : 0);
	record_label(record, "origin", guard ? "guard" : "scan");
	add_text(record, "guard", guard);
	record_gauge(record, bans_neighbours(event) ? "neighbours" : "offences", UNIT_NONE,
		     event->count);
	record_label(record, "proof", event->proven ? "proven" : "unproven");
	add_target(record, event);
	record_text(record, "why", why_banned(event, guard, why));
}

static void describe_scan(const struct store *store, const struct filter_event *event,
			  uint64_t time, struct record *record)
{
	uint64_t tick = (NSEC_PER_SEC / store->ticks.hz) << store->ticks.shift;

	begin(record, &scan_type, time, "SCAN");
	record_label(record, "scan", event->detail == SCAN_HOSTS ? "hosts" : "ports");
	add_address(record, "source", event->source);
	add_port(record, "source_port", event, event->source_port);
	record_gauge(record, "count", UNIT_NONE, event->count);
	add_duration(record, event->ticks * tick);
	add_target(record, event);
}

static void describe_full(const struct filter_event *event, uint64_t time, struct record *record)
{
	begin(record, &full_type, time, "FULL");
	record_label(record, "table", filter_table_name(event->detail));
	record_label(record, "holds", filter_table_holds(event->detail));
	record_label(record, "then", filter_table_when_full(event->detail));
}

void describe_event(const struct store *store, const struct filter_event *event,
		    struct record *ret_record)
{
	uint64_t time = timestamp_now() - (timestamp_boottime() - event->header.time);

	switch (describe_kind(event)) {
	case TOLD_BAN:
		describe_ban(store, event, time, ret_record);
		break;
	case TOLD_SCAN:
		describe_scan(store, event, time, ret_record);
		break;
	case TOLD_FULL:
		describe_full(event, time, ret_record);
		break;
	default:
		describe_packet(store, event, time, ret_record);
	}
}

/* ---- counts ------------------------------------------------------------------------------ */

static void begin_count(const struct told_count *count, const struct record_type *type,
			struct record *record)
{
	begin(record, type, timestamp_now(), action_name(count->reason, count->dropped));
	record_label(record, "reason", sight_name(count->reason));
	record_counter(record, "packets", UNIT_PACKETS, count->packets);
}

void describe_repeat(const struct told_count *count, struct record *ret_record)
{
	begin_count(count, count->reason == SIGHT_WATCHED ? &watch_repeat_type : &repeat_type,
		    ret_record);
	add_address(ret_record, "source", count->source);
	record_counter(ret_record, "bytes", UNIT_BYTES, count->bytes);
}

void describe_rest(const struct told_count *count, struct record *ret_record)
{
	begin_count(count, count->reason == SIGHT_WATCHED ? &watch_rest_type : &rest_type,
		    ret_record);
}

void describe_notices(uint64_t count, struct record *ret_record)
{
	begin(ret_record, &notices_type, timestamp_now(), "MORE");
	record_counter(ret_record, "events", UNIT_NONE, count);
}
