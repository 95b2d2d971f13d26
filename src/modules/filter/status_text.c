/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "core/host.h"
#include "modules/filter/readers.h"
#include "modules/filter/report.h"
#include "modules/filter/status.h"
#include "modules/filter/cookies.h"
#include "modules/filter/list_store.h"
#include "modules/filter/terms.h"

enum { LABEL_WIDTH = 17, LINE_WIDTH = 90 };

/* ---- words under a label, broken into lines --------------------------------------------- */

struct words {
	FILE *out;
	int column;
	bool any;
};

__attribute__((format(printf, 2, 3))) static struct words begin_words(FILE *out, const char *format,
								      ...)
{
	struct words words = { .out = out };
	va_list arguments;

	va_start(arguments, format);
	words.column = fprintf(out, "  ");
	words.column += vfprintf(out, format, arguments);
	va_end(arguments);
	words.column += fprintf(out, "%*s",
				words.column < LABEL_WIDTH ? LABEL_WIDTH - words.column : 1, "");
	return words;
}

/* `separator` follows the word before this one, if there is one. */
__attribute__((format(printf, 3, 4))) static void
add_word(struct words *words, const char *separator, const char *format, ...)
{
	char text[256];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (words->any && words->column + length + 2 > LINE_WIDTH) {
		fprintf(words->out, "%s\n", separator);
		words->column = fprintf(words->out, "%*s", LABEL_WIDTH, "");
	} else if (words->any) {
		words->column += fprintf(words->out, "%s ", separator);
	}
	words->column += fprintf(words->out, "%s", text);
	words->any = true;
}

static void end_words(struct words *words)
{
	fputs(words->any ? "\n" : "none\n", words->out);
}

/* ---- ports and addresses ------------------------------------------------------------------ */

void status_ports(const struct filter_policy *policy, uint8_t mask, uint8_t value,
		  struct port_set *ret_set)
{
	memset(ret_set, 0, sizeof(*ret_set));
	for (uint32_t protocol = 0; protocol < FILTER_PORT_PROTOCOLS; protocol++)
		for (uint32_t port = 0; port < FILTER_PORTS; port++)
			if ((policy->ports[protocol][port] & mask) == value)
				ret_set->bits[protocol][port / 64] |= 1ULL << (port % 64);
}

static void add_ports(struct words *words, const struct filter_policy *policy, uint8_t mask,
		      uint8_t value)
{
	enum port_protocol protocol = 0;
	struct port_range range;
	struct port_set set;
	uint32_t port = 0;

	status_ports(policy, mask, value, &set);
	while (port_set_next(&set, &protocol, &port, &range)) {
		char text[PORT_RANGE_TEXT];

		add_word(words, ",", "%s", port_range_format(&range, text));
	}
}

/*
 * Why a peer is guarded: the policy knows name servers by the port that they answer from; of the
 * others it is looked up who they are now, which says nothing of an SSH session that has ended.
 */
static const char *peer_reason(const struct peers *peers, const struct prefix *prefix,
			       uint64_t role)
{
	if (role >> ROLE_SOURCE_PORT_SHIFT & 0xffff)
		return " (name server)";
	for (size_t i = 0; i < peers->count; i++) {
		const struct peer *peer = &peers->peers[i];

		if (!prefix_contains(prefix, &peer->address))
			continue;
		if (peer->role == PEER_GATEWAY)
			return " (gateway)";
		if (peer->role == PEER_SSH)
			return " (SSH client)";
	}
	return "";
}

static void print_entries(const struct filter_policy *policy, const char *label,
			  uint64_t role_wanted, FILE *out)
{
	struct words words = begin_words(out, "%s", label);
	struct prefix prefix;
	struct peers peers;
	size_t position = 0;
	uint64_t role;

	peers.count = 0;
	if (role_wanted == ROLE_GUARDED)
		host_peers(&peers);

	while (policy_next(policy, &position, &prefix, &role)) {
		char text[PREFIX_TEXT];

		if (role & role_wanted)
			add_word(&words, ",", "%s%s", prefix_format(&prefix, text),
				 role_wanted == ROLE_GUARDED ? peer_reason(&peers, &prefix, role)
							     : "");
	}
	end_words(&words);
}

static bool watches_any(const struct filter_policy *policy)
{
	const uint8_t *ports = &policy->ports[0][0];

	for (size_t i = 0; i < sizeof(policy->ports); i++)
		if (ports[i] & PORT_WATCHED)
			return true;
	return false;
}

static void print_ports(const struct filter_policy *policy, FILE *out)
{
	struct words words = begin_words(out, "blocked ports");

	add_ports(&words, policy, PORT_BLOCKED, PORT_BLOCKED);
	end_words(&words);
	if (!watches_any(policy))
		return;
	words = begin_words(out, "watched ports");
	add_ports(&words, policy, PORT_WATCHED, PORT_WATCHED);
	end_words(&words);
}

/* ---- guards, lists, scans ------------------------------------------------------------------ */

static void print_guard(const struct store *store, uint32_t number, FILE *out)
{
	const struct filter_policy *policy = store_policy(store);
	const struct filter_guard *guard = &policy->guards[number];
	struct words words = begin_words(out, "guard %s", guard_name(store, number));
	char limits[GUARD_TEXT], ban[LIMIT_TEXT];

	if (policy->other_guard == number)
		add_word(&words, ",", "everything that no other guard has");
	else
		add_ports(&words, policy, PORT_GUARD_MASK, (uint8_t)number);
	add_word(&words, ";", "%s",
		 terms_limits(&store->ticks, guard, config_in_force(store), limits));
	if (guard->ban)
		add_word(&words, ";", "bans for %s",
			 terms_ban(&store->ticks, guard->ban, guard->ban_max, ban));
	if (guard->mode == MODE_OBSERVE && policy->mode == MODE_ENFORCE)
		add_word(&words, ";", "observes");
	end_words(&words);
}

static void print_guards(const struct store *store, FILE *out)
{
	for (uint32_t i = 1; i <= GUARDS_MAX; i++)
		if (*store_policy(store)->guards[i].name)
			print_guard(store, i, out);
}

static void print_lists(const struct store *store, FILE *out)
{
	struct list_facts facts[LISTS_MAX + 1];

	list_store_facts(store, facts);
	for (uint32_t i = 1; i <= LISTS_MAX; i++) {
		const char *kind = list_kind(store_policy(store), i);
		uint64_t count = facts[i].entries[0] + facts[i].entries[1];
		char entries[NUMBER_TEXT], loaded[TIMESTAMP_TEXT];
		struct words words;

		if (!kind)
			continue;
		words = begin_words(out, "%s list", kind);
		add_word(&words, ",", "%s", list_name(store, i));
		add_word(&words, ",", "%s %s", number_format(count, entries),
			 count == 1 ? "entry" : "entries");
		add_word(&words, ",", "loaded %s", timestamp_local(facts[i].loaded, loaded));
		end_words(&words);
	}
}

static void print_missing(void *context, const char *path)
{
	char escaped[4 * PATH_MAX];

	fprintf(context,
		"  NOT LOADED     deny list %s: it could not be read when the filter went up\n",
		text_escape(path, escaped, sizeof(escaped)));
}

/* Whoever scans may be forged. */
uint32_t status_scan_ban(const struct filter_policy *policy)
{
	return policy->scan.ban < policy->unproven_ban ? policy->scan.ban : policy->unproven_ban;
}

/* How guards go about bans; nothing to say where no guard bans. */
static void print_banning(const struct store *store, FILE *out)
{
	const struct filter_policy *policy = store_policy(store);
	char duration[LIMIT_TEXT];
	struct words words;
	bool bans = false;

	for (uint32_t i = 1; i <= GUARDS_MAX; i++)
		bans |= policy->guards[i].ban != 0;
	if (!bans)
		return;
	words = begin_words(out, "banning");
	if (policy->unproven_ban)
		add_word(&words, ";", "whoever may be forged for %s at most",
			 terms_ban(&store->ticks, policy->unproven_ban, 0, duration));
	else
		add_word(&words, ";", "only whoever cannot be forged");
	if (policy->aggregate[FAMILY_V4])
		add_word(&words, ";", "%u neighbours ban their IPv4 /24",
			 policy->aggregate[FAMILY_V4]);
	if (policy->aggregate[FAMILY_V6])
		add_word(&words, ";", "%u neighbours ban their IPv6 /56",
			 policy->aggregate[FAMILY_V6]);
	end_words(&words);
}

static void print_scan(const struct store *store, FILE *out)
{
	const struct filter_policy *policy = store_policy(store);
	const struct filter_scan_policy *scan = &policy->scan;
	struct words words;
	char window[DURATION_TEXT], ban[LIMIT_TEXT];

	if (!(policy->flags & POLICY_SCAN))
		return;
	words = begin_words(out, "scans");
	add_word(&words, ",", "%llu closed ports in %s",
		 (unsigned long long)terms_scan_ports(&scan->limit),
		 duration_format(terms_scan_window(&store->ticks, &scan->limit), window));
	if (status_scan_ban(policy) && scan->mode == MODE_ENFORCE && policy->mode == MODE_ENFORCE)
		add_word(&words, ";", "bans for %s",
			 terms_ban(&store->ticks, status_scan_ban(policy), 0, ban));
	else
		add_word(&words, ";", "told, not banned");
	end_words(&words);
}

bool status_loses_cookies(const struct gate_interface *interface)
{
	return interface->mode == ATTACH_NATIVE && cookies_may_be_lost(interface->name);
}

static void print_cookies(const struct store *store, FILE *out)
{
	const struct filter_policy *policy = store_policy(store);
	struct gate_interface interfaces[STATUS_INTERFACES];
	size_t count = gate_interfaces(store, interfaces, ARRAY_SIZE(interfaces));
	char above[LIMIT_TEXT], why[COOKIES_TEXT];
	struct words words;

	if (!(policy->flags & POLICY_COOKIES))
		return;
	words = begin_words(out, "SYN cookies");
	add_word(&words, ",", "above %s SYNs",
		 terms_rate(&store->ticks, &policy->cookies_above, above));
	end_words(&words);
	if (*cookies_why_none(why))
		fprintf(out, "%*snot answered until 'sysctl -w net.ipv4.tcp_syncookies=2': %s\n",
			LABEL_WIDTH, "", why);
	for (size_t i = 0; i < count; i++)
		if (status_loses_cookies(&interfaces[i]))
			fprintf(out,
				"%*slost on %s, a veth, unless an XDP program is at its other "
				"end\n",
				LABEL_WIDTH, "", interfaces[i].name);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void print_head(const struct store *store, FILE *out)
{
	const struct filter_policy *policy = store_policy(store), *shadow = store_shadow(store);
	uint64_t pending = report_pending(store);
	char time[TIMESTAMP_TEXT], left[DURATION_TEXT];

	fprintf(out, "filter: %s, policy %u since %s\n",
		policy->mode == MODE_ENFORCE ? "enforce" : "observe (drops nothing)",
		policy->generation, timestamp_local(policy->applied, time));
	if (pending)
		fprintf(out,
			"  not confirmed: the former policy comes back in %s; "
			"'sumun confirm' keeps this one\n",
			duration_format_short(pending, left));
	if (shadow)
		fprintf(out,
			"  beside it, a shadow policy is tried; 'sumun stats' compares them\n");
}

static void print_interfaces(const struct store *store, FILE *out)
{
	struct gate_interface interfaces[STATUS_INTERFACES];
	size_t count = gate_interfaces(store, interfaces, ARRAY_SIZE(interfaces));
	CLEANUP_TABLE struct table *table = table_new(3);
	char time[TIMESTAMP_TEXT];

	table_column(table, 0, "interface", TABLE_LEFT);
	table_column(table, 1, "mode", TABLE_LEFT);
	table_column(table, 2, "attached since", TABLE_LEFT);
	for (size_t i = 0; i < count; i++) {
		table_cell(table, "%s", *interfaces[i].name ? interfaces[i].name : "(gone)");
		table_cell(table, "%s", attach_mode_name(interfaces[i].mode));
		table_cell(table, "%s", timestamp_local(interfaces[i].since, time));
	}
	if (count)
		table_print(table, out, 2);
	else
		fprintf(out, "  attached to no interface\n");
}

void status_text(const struct store *store, FILE *out)
{
	const struct filter_policy *policy = store_policy(store);
	const char *path = store->tables.state->bans_path;
	char number[NUMBER_TEXT], escaped[4 * BANS_PATH_SIZE];

	print_head(store, out);
	print_interfaces(store, out);
	print_ports(policy, out);
	print_entries(policy, "allowed", ROLE_ALLOW, out);
	print_entries(policy, "guarded", ROLE_GUARDED, out);
	print_guards(store, out);
	print_banning(store, out);
	print_lists(store, out);
	list_store_missing(store, print_missing, out);
	print_scan(store, out);
	print_cookies(store, out);
	fprintf(out, "  bans           %s%s%s\n", number_format(report_bans(store), number),
		*path ? ", kept in " : "", text_escape(path, escaped, sizeof(escaped)));
	fprintf(out, "  kept           %s\n",
		gate_is_kept(store) ? "yes, until 'sumun down'"
		: run_is_there(store)
			? "no, goes with the last 'sumun run'"
			: "left by a 'sumun run' that died; 'sumun down' takes it away");
}
