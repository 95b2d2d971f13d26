/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The section [filter] of the configuration. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/port.h"
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

struct filter_config {
	struct name_list interfaces;
	uint32_t mode; /* enum filter_mode */
	struct port_set blocked;
	struct prefix_list allow;
	struct prefix_list ban;
	uint64_t report_interval; /* nanoseconds */
};

/* The defaults: observe, block nothing, report every 5 s. */
extern struct filter_config filter_config;

extern const struct setting filter_settings[];
extern const size_t filter_setting_count;

const char *filter_mode_name(uint32_t mode); /* "observe", "enforce" */
