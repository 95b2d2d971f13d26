/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "core/arguments.h"
#include "core/host.h"
#include "core/record.h"
#include "modules/filter/ban_info.h"
#include "modules/filter/bans_file.h"
#include "modules/filter/commands.h"
#include "modules/filter/gate.h"
#include "modules/filter/lockout.h"

enum { OPERANDS_MAX = 100000 };

static const struct record_type ban_type = { .name = "filter-ban" };

static int fail(int r, const struct error *error)
{
	log_error("%s", error->text);
	return status_of(r);
}

/* All operands, before anything is done with any of them. NULL with the reason. */
static struct prefix *parse_operands(const struct arguments *arguments, struct error *error)
{
	struct prefix *prefixes = calloc(arguments->operand_count, sizeof(*prefixes));

	if (!prefixes) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < arguments->operand_count; i++) {
		if (prefix_parse(arguments->operands[i], &prefixes[i], error) < 0) {
			free(prefixes);
			return NULL;
		}
	}
	return prefixes;
}

/* The bans outlive `down` and a reboot by a file; without it they hold all the same. */
static void save_bans(const struct store *store)
{
	const char *path = store->tables.state->bans_path;
	struct error error = { "" };

	if (*path && bans_file_write(store, path, &error) < 0)
		log_warning("%s; they are as you wish until the filter goes down, ignoring",
			    error.text);
}

/* ---- ban ------------------------------------------------------------------------------- */

static int check_all(const struct store *store, const struct prefix *prefixes, size_t count,
		     bool force, struct error *error)
{
	struct peers peers;

	host_peers(&peers);
	for (size_t i = 0; i < count; i++) {
		int r = ban_check_prefix(&prefixes[i], error);

		if (r == 0)
			r = lockout_check_allow(&prefixes[i], store_policy(store), error);
		if (r == 0 && !force)
			r = lockout_check_ban(&prefixes[i], &peers, error);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What is known of the ban, before it is one: a ban that nobody can explain is worse than none. */
static int describe_and_add(struct store *store, const struct ban *ban, const char *why,
			    struct error *error)
{
	struct filter_ban_info info = { .since = timestamp_boottime(), .origin = ORIGIN_OPERATOR };
	struct filter_ban_info former;
	bool known = store_ban_info(store, &ban->prefix, &former) == 0;
	int r;

	if (known)
		info.offences = former.offences;
	if (why)
		ban_why_copy(info.why, why);
	r = store_set_ban_info(store, &ban->prefix, &info);
	if (r < 0)
		return error_set(error, r, "cannot remember the ban: %s", strerror(-r));
	r = ban_add(&store->tables, ban, store_now(store), error);
	if (r < 0 && known)
		store_set_ban_info(store, &ban->prefix, &former);
	else if (r < 0)
		store_forget_ban(store, &ban->prefix);
	return r;
}

static int ban_one(struct store *store, const struct prefix *prefix,
		   const struct arguments *arguments, struct error *error)
{
	struct ban ban = { .prefix = *prefix, .end = BAN_FOREVER, .forced = arguments->force };
	char text[PREFIX_TEXT], until[TIMESTAMP_TEXT], left[DURATION_TEXT];
	int r = 0;

	if (arguments->duration)
		r = store_ban_end(store, arguments->duration, &ban.end, error);
	if (r == 0)
		r = describe_and_add(store, &ban, arguments->why, error);
	if (r < 0)
		return r;
	prefix_format(prefix, text);
	if (arguments->duration)
		printf("banned %s for %s, until %s\n", text,
		       duration_format(arguments->duration, left),
		       timestamp_local(store_tick_time(store, ban.end), until));
	else
		printf("banned %s until 'sumun unban %s'\n", text, text);
	return 0;
}

/* People ban one IPv6 address and wonder: whoever has one has 2^64. */
static void hint_at_network(const struct prefix *prefix)
{
	struct prefix network = prefix_of(&prefix->address, 64);
	char text[PREFIX_TEXT];

	if (!prefix_is_v4(prefix) && prefix_is_host(prefix))
		log_info("that is one address; its owner can use any in %s",
			 prefix_format(&network, text));
}

/* All of them that there is room for: one that finds none says nothing of the next. */
static int ban_all(struct store *store, const struct prefix *prefixes,
		   const struct arguments *arguments, struct error *error)
{
	size_t refused = 0, count = arguments->operand_count;
	char text[PREFIX_TEXT];
	int result = 0;

	for (size_t i = 0; i < count; i++) {
		int r = ban_one(store, &prefixes[i], arguments, refused ? NULL : error);

		if (r == 0)
			hint_at_network(&prefixes[i]);
		else if (r != -ENOSPC)
			return error_prefix(error, r, "%s", prefix_format(&prefixes[i], text));
		else if (!refused++)
			result = error_prefix(error, r, "%s", prefix_format(&prefixes[i], text));
	}
	if (refused > 1)
		error_prefix(error, result, "%zu of %zu are not banned, the first of them", refused,
			     count);
	return result;
}

int command_ban(int argc, char **argv)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	CLEANUP_FREE struct prefix *prefixes = NULL;
	CLEANUP_CLOSE int lock = -1;
	struct arguments arguments;
	struct error error = { "" };
	int r;

	arguments_read(argc, argv, ACCEPT_FOR | ACCEPT_WHY | ACCEPT_FORCE, "ADDR[/LEN]...", 1,
		       OPERANDS_MAX,
		       "Ban sources: their packets are dropped from now on (in observe mode: "
		       "counted). Without --for, until 'sumun unban'.",
		       &arguments);
	prefixes = parse_operands(&arguments, &error);
	if (!prefixes)
		return fail(-EINVAL, &error);
	r = gate_open_locked(STORE_WRITE, &store, &lock, &error);
	if (r == 0)
		r = check_all(&store, prefixes, arguments.operand_count, arguments.force, &error);
	if (r < 0)
		return fail(r, &error);
	store_sweep(&store);
	r = ban_all(&store, prefixes, &arguments, &error);
	save_bans(&store);
	if (r < 0)
		return fail(r, &error);
	if (store_policy(&store)->mode == MODE_OBSERVE)
		log_info("the filter observes: packets of banned sources are counted, not dropped");
	return STATUS_OK;
}

/* ---- unban ------------------------------------------------------------------------------- */

/* A policy without the bans of the configuration that are ended; NULL until there is one. */
struct unbanning {
	struct store *store;
	struct filter_policy *copy;
	uint32_t now;
};

/* What still bans an address that has no ban of its own. */
static int say_covering(const struct unbanning *unbanning, const struct prefix *prefix,
			struct error *error)
{
	const struct filter_policy *policy =
		unbanning->copy ? unbanning->copy : store_policy(unbanning->store);
	char text[PREFIX_TEXT], wide[PREFIX_TEXT];
	size_t position = 0, config_position = 0;
	struct ban ban;

	prefix_format(prefix, text);
	while (policy_next_ban(policy, &config_position, &ban) ||
	       ban_next(&unbanning->store->tables, &position, unbanning->now, &ban)) {
		if (ban.prefix.length >= prefix->length ||
		    !prefix_contains(&ban.prefix, &prefix->address))
			continue;
		return error_set(error, -ENOENT,
				 "%s is not banned by itself, but %s is, and covers it", text,
				 prefix_format(&ban.prefix, wide));
	}
	return error_set(error, -ENOENT, "%s is not banned", text);
}

/*
 * Takes the ban from a copy of the policy, which replaces it at the end. -ENOENT when the
 * configuration does not ban exactly this.
 */
static int unban_configured(struct unbanning *unbanning, const struct prefix *prefix,
			    struct error *error)
{
	struct store *store = unbanning->store;
	char text[PREFIX_TEXT];

	if (!unbanning->copy) {
		if (!(policy_role_of(&store->tables, store_policy(store), prefix) &
		      (ROLE_BAN | ROLE_BAN_FORCED)))
			return -ENOENT;
		/* There is one policy to go back to, and this would become it. */
		if (store_pending(store) && !store_is_overdue(store))
			return error_set(error, -EBUSY,
					 "%s is banned by a configuration that is not confirmed "
					 "yet; confirm it first, or let its time run out",
					 prefix_format(prefix, text));
		unbanning->copy = store_copy_policy(store);
	}
	return policy_remove_role(&store->tables, unbanning->copy, prefix,
				  ROLE_BAN | ROLE_BAN_FORCED);
}

static int unban_one(struct unbanning *unbanning, const struct prefix *prefix, struct error *error)
{
	struct store *store = unbanning->store;
	bool removed = ban_remove(&store->tables, prefix, unbanning->now) == 0;
	int r = unban_configured(unbanning, prefix, error);
	char text[PREFIX_TEXT];

	if (removed)
		store_forget_ban(store, prefix);
	if (r == -ENOENT && !removed)
		return say_covering(unbanning, prefix, error);
	if (r < 0 && r != -ENOENT)
		return r;
	prefix_format(prefix, text);
	if (r == 0)
		printf("unbanned %s until the next 'sumun up': the configuration bans it\n", text);
	else
		printf("unbanned %s\n", text);
	return 0;
}

int command_unban(int argc, char **argv)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	struct unbanning unbanning = { .store = &store };
	CLEANUP_FREE struct prefix *prefixes = NULL;
	CLEANUP_CLOSE int lock = -1;
	struct arguments arguments;
	struct error error = { "" };
	int r, status = STATUS_OK;

	arguments_read(argc, argv, 0, "ADDR[/LEN]...", 1, OPERANDS_MAX,
		       "End bans. A ban of the configuration comes back with the next 'sumun up'.",
		       &arguments);
	prefixes = parse_operands(&arguments, &error);
	if (!prefixes)
		return fail(-EINVAL, &error);
	r = gate_open_locked(STORE_WRITE, &store, &lock, &error);
	if (r < 0)
		return fail(r, &error);
	unbanning.now = store_now(&store);
	for (size_t i = 0; i < arguments.operand_count; i++) {
		r = unban_one(&unbanning, &prefixes[i], &error);
		if (r < 0)
			status = fail(r, &error);
	}
	if (unbanning.copy)
		store_put_in_force(&store, unbanning.copy, 0);
	save_bans(&store);
	return status;
}

/* ---- bans --------------------------------------------------------------------------------- */

struct listed {
	struct ban ban;
	uint64_t since; /* CLOCK_REALTIME, nanoseconds; 0: not known */
	struct filter_ban_info info;
};

struct listing {
	const struct store *store;
	const struct filter_policy *policy;
	uint32_t now;
	size_t config_position;
	size_t position;
};

static struct listing begin_listing(const struct store *store)
{
	return (struct listing){ .store = store,
				 .policy = store_policy(store),
				 .now = store_now(store) };
}

/* The bans of the configuration first: they are as old as the policy that has them. */
static bool next_listed(struct listing *listing, struct listed *ret_listed)
{
	*ret_listed = (struct listed){ .since = listing->policy->applied };
	if (policy_next_ban(listing->policy, &listing->config_position, &ret_listed->ban)) {
		ret_listed->info =
			(struct filter_ban_info){ .origin = ORIGIN_CONFIG, .why = "configuration" };
		return true;
	}
	if (!ban_next(&listing->store->tables, &listing->position, listing->now, &ret_listed->ban))
		return false;
	if (store_ban_info(listing->store, &ret_listed->ban.prefix, &ret_listed->info) == 0) {
		ret_listed->since = ban_info_time(&ret_listed->info);
	} else {
		/* The kernel's program bans first and describes then, as long as there is room. */
		ret_listed->since = 0;
		ret_listed->info.origin = ORIGIN_GUARD;
	}
	return true;
}

static json_t *ban_json(const struct store *store, const struct listed *listed)
{
	struct record record;

	record_begin(&record, &ban_type);
	record_prefix(&record, "address", &listed->ban.prefix);
	if (listed->since)
		record_time(&record, "since", listed->since);
	else
		record_none(&record, "since");
	if (listed->ban.end == BAN_FOREVER)
		record_none(&record, "until");
	else
		record_time(&record, "until", store_tick_time(store, listed->ban.end));
	record_text(&record, "why", listed->info.why);
	record_label(&record, "origin", ban_origin_name(listed->info.origin));
	record_gauge(&record, "offences", UNIT_NONE, listed->info.offences);
	return record_json(&record);
}

static const char *format_left(const struct store *store, uint32_t end, char buffer[DURATION_TEXT])
{
	uint64_t now = timestamp_boottime(), then = ticks_boottime(&store->ticks, end);

	if (end == BAN_FOREVER)
		return "for good";
	return duration_format_short(then > now ? then - now : 0, buffer);
}

enum { REASON_TEXT = 4 * BAN_WHY_SIZE + 64 };

/* Who banned, and what is known of it: offences are those bans of guards that were proven. */
static const char *say_why(const struct listed *listed, char text[REASON_TEXT])
{
	const struct filter_ban_info *info = &listed->info;
	const char *forced = listed->ban.forced ? ", forced" : "";
	char why[4 * BAN_WHY_SIZE];

	text_escape(info->why, why, sizeof(why));
	if (info->origin == ORIGIN_OPERATOR)
		snprintf(text, REASON_TEXT, "by hand%s%s%s", forced, *why ? ": " : "", why);
	else if (info->origin != ORIGIN_GUARD)
		snprintf(text, REASON_TEXT, "%s%s", why, forced);
	else if (strcmp(why, "neighbours") == 0)
		snprintf(text, REASON_TEXT, "%u neighbours were banned", info->offences);
	else if (info->offences > 1)
		snprintf(text, REASON_TEXT, "%s, proven %u times", why, info->offences);
	else
		snprintf(text, REASON_TEXT, "%s%s", *why ? why : "a guard",
			 !*why            ? ""
			 : info->offences ? ", proven"
					  : ", may be forged");
	return text;
}

static void add_row(struct table *table, const struct store *store, const struct listed *listed)
{
	char text[PREFIX_TEXT], left[DURATION_TEXT], since[TIMESTAMP_TEXT], why[REASON_TEXT];

	table_cell(table, "%s", prefix_format(&listed->ban.prefix, text));
	table_cell(table, "%s", format_left(store, listed->ban.end, left));
	table_cell(table, "%s", listed->since ? timestamp_local(listed->since, since) : "-");
	table_cell(table, "%s", say_why(listed, why));
}

static void print_bans(const struct store *store)
{
	static const char *const titles[] = { "address", "left", "since", "why" };
	CLEANUP_TABLE struct table *table = table_new(ARRAY_SIZE(titles));
	struct listing listing = begin_listing(store);
	struct listed listed;

	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		table_column(table, i, titles[i], i == 1 ? TABLE_RIGHT : TABLE_LEFT);
	while (next_listed(&listing, &listed))
		add_row(table, store, &listed);
	if (table_rows(table))
		table_print(table, stdout, 0);
	else
		printf("no bans\n");
}

static json_t *bans_json(const struct store *store)
{
	struct listing listing = begin_listing(store);
	json_t *array = json_array();
	struct listed listed;

	while (next_listed(&listing, &listed))
		json_array_append_new(array, ban_json(store, &listed));
	return array;
}

int command_bans(int argc, char **argv)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	struct arguments arguments;
	struct error error = { "" };
	int r;

	arguments_read(argc, argv, ACCEPT_JSON, "", 0, 0, "Show the bans in force.", &arguments);
	r = gate_open(STORE_READ, &store, &error);
	if (r < 0)
		return fail(r, &error);
	if (arguments.json)
		json_write_line(bans_json(&store), stdout);
	else
		print_bans(&store);
	return STATUS_OK;
}
