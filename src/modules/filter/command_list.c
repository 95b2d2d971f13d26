/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "core/arguments.h"
#include "core/record.h"
#include "modules/filter/command_list.h"
#include "modules/filter/commands.h"
#include "modules/filter/gate.h"
#include "modules/filter/list_store.h"
#include "modules/filter/range_sets.h"
#include "modules/filter/snapshot.h"

static const struct record_type list_type = { .name = "filter-list" };
static const struct record_type found_type = { .name = "filter-list-test" };

static int fail(int r, const struct error *error)
{
	log_error("%s", error->text);
	return status_of(r);
}

static const char *kind_of(const struct list_source *list)
{
	return list->label & LABEL_ALLOW ? "allow" : "deny";
}

static int open_lists(struct store *store, struct list_set *ret_set, struct error *error)
{
	int r = gate_open(STORE_READ, store, error);

	return r < 0 ? r : list_store_load_in_force(store, ret_set, error);
}

/* ---- show ----------------------------------------------------------------------------- */

static struct filter_counter packets_of(const struct store *store, const struct list_source *list)
{
	struct filter_counter sum = { 0, 0 };

	for (uint32_t cpu = 0; cpu < store->tables.state->cpus; cpu++) {
		const struct filter_counter *own =
			&store->list_counters[cpu].lists[LABEL_LIST(list->label)];

		sum.packets += own->packets;
		sum.bytes += own->bytes;
	}
	return sum;
}

static void print_lists(const struct store *store, const struct list_set *set)
{
	static const char *const titles[] = { "list", "kind", "IPv4", "IPv6", "packets", "loaded" };
	CLEANUP_TABLE struct table *table = table_new(ARRAY_SIZE(titles));
	char number[NUMBER_TEXT], time[TIMESTAMP_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		table_column(table, i, titles[i], i >= 2 && i <= 4 ? TABLE_RIGHT : TABLE_LEFT);
	for (size_t i = 0; i < set->count; i++) {
		const struct list_source *list = &set->items[i];

		table_cell(table, "%s", list->name);
		table_cell(table, "%s", kind_of(list));
		table_cell(table, "%s", number_format(list->ranges.count4, number));
		table_cell(table, "%s", number_format(list->ranges.count6, number));
		table_cell(table, "%s", number_format(packets_of(store, list).packets, number));
		table_cell(table, "%s", timestamp_local(list_loaded(list), time));
	}
	if (table_rows(table))
		table_print(table, stdout, 0);
	else
		printf("no lists\n");
}

static json_t *list_json(const struct store *store, const struct list_source *list)
{
	struct filter_counter counter = packets_of(store, list);
	struct record record;

	record_begin(&record, &list_type);
	record_text(&record, "name", list->name);
	record_label(&record, "kind", kind_of(list));
	record_gauge(&record, "entries-ipv4", UNIT_NONE, list->ranges.count4);
	record_gauge(&record, "entries-ipv6", UNIT_NONE, list->ranges.count6);
	record_counter(&record, "packets", UNIT_PACKETS, counter.packets);
	record_counter(&record, "bytes", UNIT_BYTES, counter.bytes);
	record_time(&record, "loaded", list_loaded(list));
	return record_json(&record);
}

static json_t *lists_json(const struct store *store, const struct list_set *set)
{
	json_t *array = json_array();

	for (size_t i = 0; i < set->count; i++)
		json_array_append_new(array, list_json(store, &set->items[i]));
	return array;
}

/* Goes through a list as prefixes; start with zeros. False at the end. */
struct walk {
	int family; /* IPv4, then IPv6 */
	size_t next;
	struct list_entry rest; /* of the range before `next` */
};

static bool next_prefix(struct walk *walk, const struct ranges_view *view,
			struct prefix *ret_prefix)
{
	while (walk->family < FAMILY_COUNT) {
		bool v4 = walk->family == FAMILY_V4;

		if (walk->next && range_next_prefix(&walk->rest, ret_prefix))
			return true;
		if (walk->next < ranges_count(view, v4)) {
			walk->rest = ranges_at(view, v4, walk->next++);
		} else {
			walk->family++;
			walk->next = 0;
		}
	}
	return false;
}

static void print_entries(const struct list_source *list)
{
	struct walk walk = { .next = 0 };
	char text[PREFIX_TEXT + 1];
	struct prefix prefix;

	/* Whoever reads it may have seen enough. */
	while (!ferror(stdout) && next_prefix(&walk, &list->ranges, &prefix)) {
		prefix_format(&prefix, text);
		strcat(text, "\n");
		fputs_unlocked(text, stdout);
	}
}

static json_t *entries_json(const struct list_source *list)
{
	json_t *array = json_array();
	struct walk walk = { .next = 0 };
	char text[PREFIX_TEXT];
	struct prefix prefix;

	while (next_prefix(&walk, &list->ranges, &prefix))
		json_array_append_new(array, json_string(prefix_format(&prefix, text)));
	return array;
}

static void show_one(const struct store *store, const struct list_source *list, bool json)
{
	json_t *object;

	if (!json) {
		print_entries(list);
		return;
	}
	object = list_json(store, list);
	json_object_set_new(object, "entries", entries_json(list));
	json_write_line(object, stdout);
}

static int command_show(int argc, char **argv)
{
	CLEANUP_LIST_SET struct list_set set = { .count = 0 };
	CLEANUP_STORE struct store store = STORE_NONE;
	struct arguments arguments;
	struct error error = { "" };
	size_t item;
	int r;

	arguments_read(argc, argv, ACCEPT_JSON, "[NAME]", 0, 1,
		       "Show the lists in force, or all that is on one, as a list file has it.",
		       &arguments);
	r = open_lists(&store, &set, &error);
	if (r == 0 && arguments.operand_count)
		r = list_store_find(&store, &set, arguments.operands[0], &item, &error);
	if (r < 0)
		return fail(r, &error);
	if (arguments.operand_count)
		show_one(&store, &set.items[item], arguments.json);
	else if (arguments.json)
		json_write_line(lists_json(&store, &set), stdout);
	else
		print_lists(&store, &set);
	return STATUS_OK;
}

/* ---- test ----------------------------------------------------------------------------- */

/* What is decided of an address by itself; its ports and its rate come after that. */
struct finding {
	enum filter_reason reason;
	const char *by;                 /* in words, "" for nothing */
	const struct list_source *list; /* that decides, or NULL */
};

static bool is_on(const struct list_source *list, const struct address *address)
{
	struct prefix host = prefix_of(address, ADDRESS_BITS);
	struct list_entry entry = list_entry_of(&host);

	return ranges_cover(&list->ranges, &entry);
}

/* The first of these that has the address, as the table of the kernel has it. */
static const struct list_source *find_first(const struct list_set *set, uint8_t kind,
					    const struct address *address)
{
	for (size_t i = 0; i < set->count; i++)
		if ((set->items[i].label & LABEL_ALLOW) == kind && is_on(&set->items[i], address))
			return &set->items[i];
	return NULL;
}

enum { NOT_BANNED, BANNED, BANNED_BY_FORCE };

/* By the address itself or any network that it is in. */
static int find_ban(const struct store *store, const struct address *address)
{
	uint32_t now = store_now(store);
	int found = NOT_BANNED;

	for (int length = address_is_v4(address) ? BAN_V4_LENGTH_MIN : BAN_V6_LENGTH_MIN;
	     length <= ADDRESS_BITS; length++) {
		struct prefix prefix = prefix_of(address, (uint8_t)length);
		struct ban ban;

		if (!ban_find(&store->tables, &prefix, now, &ban))
			continue;
		found = ban.forced || found == BANNED_BY_FORCE ? BANNED_BY_FORCE : BANNED;
	}
	return found;
}

/* As judge_address() of the kernel side. */
static struct finding judge(const struct store *store, const struct list_set *set,
			    const struct address *address)
{
	uint64_t role = policy_role(store_policy(store), address);
	const struct list_source *allowed = find_first(set, LABEL_ALLOW, address);
	const struct list_source *denied = find_first(set, 0, address);
	int ban = find_ban(store, address);

	if (allowed)
		return (struct finding){ REASON_ALLOWED, "list", allowed };
	if (role & ROLE_ALLOW)
		return (struct finding){ REASON_ALLOWED, "allow", NULL };
	if (role & ROLE_BAN_FORCED || ban == BANNED_BY_FORCE)
		return (struct finding){ REASON_BANNED, "ban by force", NULL };
	if (role & ROLE_GUARDED)
		return (struct finding){ REASON_ALLOWED, "guarded peer", NULL };
	if (role & ROLE_BAN || ban)
		return (struct finding){ REASON_BANNED, "ban", NULL };
	if (denied)
		return (struct finding){ REASON_LISTED, "list", denied };
	return (struct finding){ REASON_PASS, "", NULL };
}

static bool is_dropped(const struct store *store, const struct finding *finding)
{
	return reason_drops(finding->reason) && store_policy(store)->mode == MODE_ENFORCE;
}

static const char *verdict_of(const struct store *store, const struct finding *finding)
{
	if (!reason_drops(finding->reason))
		return "passed";
	return is_dropped(store, finding) ? "dropped" : "would be dropped";
}

static void add_row(struct table *table, const struct store *store, const struct list_set *set,
		    const struct address *address)
{
	struct finding finding = judge(store, set, address);
	char text[ADDRESS_TEXT], names[LISTS_MAX * (LIST_NAME_SIZE + 2)] = "";

	for (size_t i = 0; i < set->count; i++) {
		if (!is_on(&set->items[i], address))
			continue;
		strcat(names, *names ? ", " : "");
		strcat(names, set->items[i].name);
	}
	table_cell(table, "%s", address_format(address, text));
	table_cell(table, "%s", *names ? names : "-");
	table_cell(table, "%s", verdict_of(store, &finding));
	table_cell(table, "%s", reason_name(finding.reason));
	table_cell(table, "%s%s%s", finding.by, finding.list ? " " : "",
		   finding.list ? finding.list->name : "");
}

static void print_findings(const struct store *store, const struct list_set *set,
			   const struct address *addresses, size_t count)
{
	static const char *const titles[] = { "address", "lists", "verdict", "reason", "by" };
	CLEANUP_TABLE struct table *table = table_new(ARRAY_SIZE(titles));

	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		table_column(table, i, titles[i], TABLE_LEFT);
	for (size_t i = 0; i < count; i++)
		add_row(table, store, set, &addresses[i]);
	table_print(table, stdout, 0);
}

static json_t *finding_json(const struct store *store, const struct list_set *set,
			    const struct address *address)
{
	struct finding finding = judge(store, set, address);
	json_t *names = json_array(), *object;
	struct record record;

	record_begin(&record, &found_type);
	record_address(&record, "address", address);
	record_label(&record, "verdict", is_dropped(store, &finding) ? "dropped" : "passed");
	record_label(&record, "reason", reason_name(finding.reason));
	if (*finding.by)
		record_label(&record, "by", finding.by);
	else
		record_none(&record, "by");
	if (finding.list)
		record_text(&record, "list", finding.list->name);
	else
		record_none(&record, "list");
	for (size_t i = 0; i < set->count; i++)
		if (is_on(&set->items[i], address))
			json_array_append_new(names, json_string(set->items[i].name));
	object = record_json(&record);
	json_object_set_new(object, "lists", names);
	return object;
}

static json_t *findings_json(const struct store *store, const struct list_set *set,
			     const struct address *addresses, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, finding_json(store, set, &addresses[i]));
	return array;
}

static int parse_addresses(const struct arguments *arguments, struct address **ret_addresses,
			   struct error *error)
{
	CLEANUP_FREE struct address *addresses =
		calloc(arguments->operand_count, sizeof(*addresses));

	if (!addresses)
		return error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < arguments->operand_count; i++) {
		int r = address_parse(arguments->operands[i], &addresses[i], error);

		if (r < 0)
			return r;
	}
	*ret_addresses = TAKE_PTR(addresses);
	return 0;
}

static int command_test(int argc, char **argv)
{
	CLEANUP_LIST_SET struct list_set set = { .count = 0 };
	CLEANUP_STORE struct store store = STORE_NONE;
	CLEANUP_FREE struct address *addresses = NULL;
	struct arguments arguments;
	struct error error = { "" };
	int r;

	arguments_read(argc, argv, ACCEPT_JSON, "ADDR...", 1, OPERANDS_MAX,
		       "Say which lists have these addresses, and what becomes of their packets "
		       "before anything else of them is looked at.",
		       &arguments);
	r = parse_addresses(&arguments, &addresses, &error);
	if (r == 0)
		r = open_lists(&store, &set, &error);
	if (r < 0)
		return fail(r, &error);
	if (arguments.json)
		json_write_line(findings_json(&store, &set, addresses, arguments.operand_count),
				stdout);
	else
		print_findings(&store, &set, addresses, arguments.operand_count);
	return STATUS_OK;
}

/* ---- the command ---------------------------------------------------------------------- */

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{ "list show", command_show },
	{ "list test", command_test },
	{ "list add", command_list_add },
	{ "list del", command_list_del },
};

/* Without a verb, and with what only `show` takes, it shows. */
static bool means_show(int argc, char **argv)
{
	return argc == 1 || strcmp(argv[1], "--json") == 0;
}

int command_list(int argc, char **argv)
{
	struct arguments arguments;
	char quoted[QUOTE_TEXT];

	if (means_show(argc, argv)) {
		argv[0] = (char *)verbs[0].name;
		return verbs[0].run(argc, argv);
	}
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(strchr(verbs[i].name, ' ') + 1, argv[1]) != 0)
			continue;
		argv[1] = (char *)verbs[i].name;
		return verbs[i].run(argc - 1, argv + 1);
	}
	text_quote(argv[1], quoted);
	arguments_read(
		argc, argv, 0, "show|test|add|del ...", 0, OPERANDS_MAX,
		"Show what is on the lists of addresses, ask which of them has an address, or "
		"change one while it is in force.",
		&arguments);
	log_error("%s: 'sumun list' can show, test, add and del", quoted);
	return STATUS_USAGE;
}
