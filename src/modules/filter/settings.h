/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sections [filter], [guard NAME] and [scan] of the configuration. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/port.h"
#include "base/rate.h"
#include "core/config.h"
#include "modules/filter/filter.h"

struct prefix_list {
	struct prefix *items;
	size_t count;
};

struct name_list {
	char **items;
	size_t count;
};

/* A section [guard NAME]; see sumun.conf(5). */
struct guard_config {
	char name[GUARD_NAME_SIZE];
	struct port_set ports; /* none: the guard of all packets that no other guard has */
	struct rate connections;
	struct rate packets;
	struct rate bytes;
	struct rate total;
	uint64_t burst;   /* see filter_guard_burst(); 0: not given */
	uint64_t ban;     /* nanoseconds; 0: limits, does not ban */
	uint64_t ban_max; /* nanoseconds; 0: as `ban` */
	uint32_t mode;    /* enum filter_mode */
};

struct guard_list {
	struct guard_config *items;
	size_t count; /* at most GUARDS_MAX */
};

struct scan_config {
	bool on;
	uint32_t mode;   /* enum filter_mode: whether it bans */
	uint64_t ports;  /* different closed ports or addresses ... */
	uint64_t window; /* ... within this, nanoseconds, are a scan */
	uint64_t ban;    /* nanoseconds; 0: told only */
};

struct filter_config {
	bool enabled; /* off: `sumun run` only observes */
	struct name_list interfaces;
	bool require_native; /* no interface is attached in generic mode */
	uint32_t mode;       /* enum filter_mode */
	struct port_set blocked;
	struct port_set watched;
	struct prefix_list allow;
	struct prefix_list ban;
	struct name_list deny_lists; /* paths */
	struct name_list allow_lists;
	bool strict_lists;     /* a line that cannot be read refuses the list */
	uint64_t unproven_ban; /* nanoseconds; 0: sources that may be forged are not banned */
	struct rate ban_rate;
	uint64_t aggregate_v4; /* banned neighbours that ban their /24; 0: never */
	uint64_t aggregate_v6; /* the same of a /56 and a /48 */
	bool syn_cookies;
	struct rate syn_cookies_above;
	char *bans_file;          /* NULL: the default; "" is "none" */
	uint64_t report_interval; /* nanoseconds */
	struct guard_list guards;
	struct scan_config scan;
};

/*
 * The defaults: observe, block nothing, report every 5 s; bans of what may be forged for
 * 60 s at most, 100 bans a second, 8 neighbours in IPv6, scan detection off.
 */
extern struct filter_config filter_config;

void filter_config_free(struct filter_config *config);

enum { FILTER_SETTINGS = 33 };
extern const struct setting filter_settings[]; /* FILTER_SETTINGS of them */
extern const struct section filter_sections[];

const char *filter_mode_name(uint32_t mode); /* "observe", "enforce" */

/*
 * What the bucket of one of the guard's limits holds; 0: as many as its rate names. `burst`
 * is said of the first limit that the guard has, in the order of the struct: ten connections
 * at once must not mean ten packets at once.
 */
uint64_t filter_guard_burst(const struct guard_config *guard, const struct rate *limit);

/*
 * The name of a list: that of its file without what follows the last dot. -EINVAL for a
 * path that is not absolute, or whose name is longer than 31 bytes or not to be shown.
 */
int filter_list_name(const char *path, char name[LIST_NAME_SIZE], struct error *error);
