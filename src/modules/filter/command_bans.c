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
#include "modules/filter/commands.h"
#include "modules/filter/gate.h"
#include "modules/filter/lockout.h"

enum { OPERANDS_MAX = 100000 };

static const struct record_type ban_type = { .name = "filter-ban" };

static const char *origin_name(uint32_t origin)
{
	static const char *const names[] = {
		[ORIGIN_OPERATOR] = "operator",
		[ORIGIN_CONFIG] = "config",
		[ORIGIN_GUARD] = "guard",
	};
	_Static_assert(ARRAY_SIZE(names) == ORIGIN_COUNT, "a name for every origin");

	return origin < ARRAY_SIZE(names) ? names[origin] : "?";
}

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

/* ---- ban ------------------------------------------------------------------------------- */

static int check_all(const struct store *store, const struct prefix *prefixes, size_t count,
		     bool force, struct error *error)
{
	struct peers peers;

	host_peers(&peers);
	for (size_t i = 0; i < count; i++) {
		int r = lockout_check_allow(&prefixes[i], store_policy(store), error);

		if (r == 0 && !force)
			r = lockout_check_ban(&prefixes[i], &peers, error);
		if (r < 0)
			return r;
	}
	return 0;
}

static int ban_one(struct store *store, const struct prefix *prefix,
		   const struct arguments *arguments, struct error *error)
{
	struct filter_ban_info info = { .since = timestamp_now(), .origin = ORIGIN_OPERATOR };
	struct ban ban = { .prefix = *prefix, .end = BAN_FOREVER, .forced = arguments->force };
	char text[PREFIX_TEXT], until[TIMESTAMP_TEXT], left[DURATION_TEXT];
	int r;

	if (arguments->duration)
		ban.end =
			ticks_not_before(&store->ticks, timestamp_boottime() + arguments->duration);
	if (ban.end > BAN_FOREVER)
		return error_set(error, -EINVAL,
				 "that is longer than can be counted; leave out "
				 "--for to ban for good");
	if (arguments->why)
		snprintf(info.why, sizeof(info.why), "%s", arguments->why);
	r = store_set_ban_info(store, prefix, &info);
	if (r < 0)
		return error_set(error, r, "cannot remember the ban: %s", strerror(-r));
	r = ban_add(&store->tables, &ban, store_now(store), error);
	if (r < 0) {
		store_forget_ban(store, prefix);
		return r;
	}
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
	if (r == 0)
		store_sweep(&store);
	for (size_t i = 0; r == 0 && i < arguments.operand_count; i++) {
		r = ban_one(&store, &prefixes[i], &arguments, &error);
		if (r == 0)
			hint_at_network(&prefixes[i]);
	}
	if (r < 0)
		return fail(r, &error);
	if (store_policy(&store)->mode == MODE_OBSERVE)
		log_info("the filter observes: packets of banned sources are counted, not dropped");
	return STATUS_OK;
}

/* ---- unban ------------------------------------------------------------------------------- */

/* What still bans an address that has no ban of its own. */
static void say_covering(const struct store *store, const struct prefix *prefix, uint32_t now,
			 struct error *error)
{
	char text[PREFIX_TEXT], wide[PREFIX_TEXT];
	size_t position = 0;
	struct ban ban;

	while (ban_next(&store->tables, &position, now, &ban)) {
		if (ban.prefix.length >= prefix->length ||
		    !prefix_contains(&ban.prefix, &prefix->address))
			continue;
		error_set(error, -ENOENT, "%s is not banned by itself, but %s is, and covers it",
			  prefix_format(prefix, text), prefix_format(&ban.prefix, wide));
		return;
	}
	error_set(error, -ENOENT, "%s is not banned", prefix_format(prefix, text));
}

int command_unban(int argc, char **argv)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	CLEANUP_FREE struct prefix *prefixes = NULL;
	CLEANUP_CLOSE int lock = -1;
	struct arguments arguments;
	struct error error = { "" };
	int r, status = STATUS_OK;
	uint32_t now;

	arguments_read(argc, argv, 0, "ADDR[/LEN]...", 1, OPERANDS_MAX,
		       "End bans. A ban of the configuration comes back with the next 'sumun up'.",
		       &arguments);
	prefixes = parse_operands(&arguments, &error);
	if (!prefixes)
		return fail(-EINVAL, &error);
	r = gate_open_locked(STORE_WRITE, &store, &lock, &error);
	if (r < 0)
		return fail(r, &error);
	now = store_now(&store);
	for (size_t i = 0; i < arguments.operand_count; i++) {
		char text[PREFIX_TEXT];

		r = ban_remove(&store.tables, &prefixes[i], now);
		if (r < 0) {
			say_covering(&store, &prefixes[i], now, &error);
			status = fail(r, &error);
			continue;
		}
		store_forget_ban(&store, &prefixes[i]);
		printf("unbanned %s\n", prefix_format(&prefixes[i], text));
	}
	return status;
}

/* ---- bans --------------------------------------------------------------------------------- */

static void describe_ban(const struct store *store, const struct ban *ban, struct record *record)
{
	struct filter_ban_info info = { .since = 0 };
	bool known = store_ban_info(store, &ban->prefix, &info) == 0;

	record_begin(record, &ban_type);
	record_prefix(record, "address", &ban->prefix);
	if (known)
		record_time(record, "since", info.since);
	else
		record_none(record, "since");
	if (ban->end == BAN_FOREVER)
		record_none(record, "until");
	else
		record_time(record, "until", store_tick_time(store, ban->end));
	record_text(record, "why", info.why);
	record_label(record, "origin", known ? origin_name(info.origin) : "operator");
}

static void print_bans(const struct store *store, uint32_t now)
{
	CLEANUP_TABLE struct table *table = table_new(5);
	static const char *const titles[] = { "address", "left", "since", "origin", "why" };
	size_t position = 0;
	struct ban ban;

	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		table_column(table, i, titles[i], i == 1 ? TABLE_RIGHT : TABLE_LEFT);
	while (ban_next(&store->tables, &position, now, &ban)) {
		struct filter_ban_info info = { .since = 0 };
		char text[PREFIX_TEXT], left[DURATION_TEXT], since[TIMESTAMP_TEXT],
			why[4 * BAN_WHY_SIZE];
		bool known = store_ban_info(store, &ban.prefix, &info) == 0;

		table_cell(table, "%s", prefix_format(&ban.prefix, text));
		table_cell(table, "%s",
			   ban.end == BAN_FOREVER
				   ? "for good"
				   : duration_format_short(ticks_boottime(&store->ticks, ban.end) -
								   timestamp_boottime(),
							   left));
		table_cell(table, "%s", known ? timestamp_local(info.since, since) : "-");
		table_cell(table, "%s%s", origin_name(info.origin), ban.forced ? ", forced" : "");
		table_cell(table, "%s", text_escape(info.why, why, sizeof(why)));
	}
	if (table_rows(table))
		table_print(table, stdout, 0);
	else
		printf("no bans\n");
}

static json_t *bans_json(const struct store *store, uint32_t now)
{
	json_t *array = json_array();
	size_t position = 0;
	struct ban ban;

	while (ban_next(&store->tables, &position, now, &ban)) {
		struct record record;

		describe_ban(store, &ban, &record);
		json_array_append_new(array, record_json(&record));
	}
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
		json_write_line(bans_json(&store, store_now(&store)), stdout);
	else
		print_bans(&store, store_now(&store));
	return STATUS_OK;
}
