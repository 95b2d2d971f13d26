/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "modules/filter/settings.h"
#include "modules/filter/settings_value.h"

#define MINUTES(n) ((n)*60 * NSEC_PER_SEC)
#define HOURS(n)   ((n)*3600 * NSEC_PER_SEC)

struct filter_config filter_config = {
	.enabled = true,
	.mode = MODE_OBSERVE,
	.unproven_ban = MINUTES(1),
	.ban_rate = { 100, NSEC_PER_SEC },
	.aggregate_v6 = 8,
	.syn_cookies_above = { COOKIES_ABOVE, NSEC_PER_SEC },
	.report_interval = 5 * NSEC_PER_SEC,
	.scan = {
		.mode = MODE_ENFORCE,
		.ports = 10,
		.window = HOURS(1),
		.ban = MINUTES(1),
	},
};

static void free_names(struct name_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
}

void filter_config_free(struct filter_config *config)
{
	free_names(&config->interfaces);
	free_names(&config->deny_lists);
	free_names(&config->allow_lists);
	free(config->allow.items);
	free(config->ban.items);
	free(config->bans_file);
	free(config->guards.items);
	*config = (struct filter_config){ .enabled = true, .mode = MODE_OBSERVE };
}

/* A kind of value: whether it is a list, how it is read, how it is printed. */
#define INTERFACES true, value_parse_interfaces, value_print_names
#define LISTS      true, value_parse_lists, value_print_names
#define PORTS      true, value_parse_ports, value_print_ports
#define PREFIXES   true, value_parse_prefixes, value_print_prefixes
#define MODE       false, value_parse_mode, value_print_mode
#define SWITCH     false, value_parse_switch, value_print_switch
#define RATE       false, value_parse_rate, value_print_rate
#define BURST      false, value_parse_burst, value_print_burst
#define BAN        false, value_parse_ban, value_print_ban
#define BAN_MAX    false, value_parse_ban_max, value_print_duration
#define INTERVAL   false, value_parse_interval, value_print_duration
#define WINDOW     false, value_parse_window, value_print_duration
#define NEIGHBOURS false, value_parse_neighbours, value_print_neighbours
#define SCAN_PORTS false, value_parse_scan_ports, value_print_scan_ports
#define BANS_FILE  false, value_parse_bans_file, value_print_bans_file

#define FIELD(name) offsetof(struct filter_config, name)
#define GUARD(name) offsetof(struct guard_config, name)

const struct setting filter_settings[] = {
	{ "filter", "enabled", SWITCH, FIELD(enabled),
	  "off: 'sumun run' leaves packets alone, and does what else is configured" },
	{ "filter", "interfaces", INTERFACES, FIELD(interfaces),
	  "interfaces to guard; none: the one of the default route" },
	{ "filter", "require-native", SWITCH, FIELD(require_native),
	  "refuse an interface whose driver has no native XDP" },
	{ "filter", "mode", MODE, FIELD(mode),
	  "observe: count what would be dropped, drop nothing; enforce: drop it" },
	{ "filter", "block-ports", PORTS, FIELD(blocked),
	  "destination ports to block: tcp/8080, udp/53, tcp/1025-1099" },
	{ "filter", "watch-ports", PORTS, FIELD(watched),
	  "destination ports to tell of: attempts are logged, and count as a scan's" },
	{ "filter", "allow", PREFIXES, FIELD(allow),
	  "sources that always pass, whatever else is set" },
	{ "filter", "ban", PREFIXES, FIELD(ban), "sources that never pass" },
	{ "filter", "allow-list", LISTS, FIELD(allow_lists),
	  "files of addresses that always pass, as with `allow`" },
	{ "filter", "deny-list", LISTS, FIELD(deny_lists), "files of addresses that never pass" },
	{ "filter", "strict-lists", SWITCH, FIELD(strict_lists),
	  "a line that cannot be read refuses the whole list" },
	{ "filter", "unproven-ban", BAN, FIELD(unproven_ban),
	  "the longest ban of a source that may be forged" },
	{ "filter", "ban-rate", RATE, FIELD(ban_rate), "bans that guards and scans make at most" },
	{ "filter", "aggregate-ipv4", NEIGHBOURS, FIELD(aggregate_v4),
	  "so many banned addresses ban their /24" },
	{ "filter", "aggregate-ipv6", NEIGHBOURS, FIELD(aggregate_v6),
	  "so many banned /64 ban their /56, four times as many their /48" },
	{ "filter", "syn-cookies", SWITCH, FIELD(syn_cookies),
	  "answer floods of SYNs in the host's place" },
	{ "filter", "syn-cookies-above", RATE, FIELD(syn_cookies_above),
	  "SYNs that the host answers itself" },
	{ "filter", "bans-file", BANS_FILE, FIELD(bans_file),
	  "where bans are kept over a reboot, or 'none'" },
	{ "filter", "report-interval", INTERVAL, FIELD(report_interval),
	  "time between the reports of 'sumun run'" },

	{ "guard", "ports", PORTS, GUARD(ports),
	  "what it guards; none: all packets that no other guard has" },
	{ "guard", "per-source", RATE, GUARD(connections), "new connections of one source" },
	{ "guard", "packets-per-source", RATE, GUARD(packets), "packets of one source" },
	{ "guard", "bytes-per-source", RATE, GUARD(bytes), "bytes of one source" },
	{ "guard", "total", RATE, GUARD(total), "new connections of all sources together" },
	{ "guard", "burst", BURST, GUARD(burst), "how many may come at once" },
	{ "guard", "ban", BAN, GUARD(ban), "how long a source over its limit is banned" },
	{ "guard", "ban-max", BAN_MAX, GUARD(ban_max),
	  "each further ban is twice as long, up to this" },
	{ "guard", "mode", MODE, GUARD(mode), "observe: count what it would drop, drop nothing" },

	{ "scan", "detect", SWITCH, FIELD(scan.on), "tell of sources that try closed ports" },
	{ "scan", "mode", MODE, FIELD(scan.mode), "observe: tell only; enforce: ban them too" },
	{ "scan", "ports", SCAN_PORTS, FIELD(scan.ports), "so many different closed ports ..." },
	{ "scan", "window", WINDOW, FIELD(scan.window), "... within this time are a scan" },
	{ "scan", "ban", BAN, FIELD(scan.ban),
	  "how long a scanner is banned, unproven-ban at most" },
};
_Static_assert(ARRAY_SIZE(filter_settings) == FILTER_SETTINGS, "as many as settings.h says");
