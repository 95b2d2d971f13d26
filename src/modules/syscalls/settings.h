/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The section [syscalls] of the configuration. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "modules/syscalls/monitor.h"

struct syscalls_config {
	bool watch;
	bool errors;
	bool failed;
	bool latency;
	uint32_t by; /* enum owner_by */
	/* Names and commas; NULL: all. */
	char *calls;
	char *users;
	char *commands;
	char *cgroups;
	uint64_t top;
	uint64_t interval; /* nanoseconds */
};

enum { SYSCALLS_SETTINGS = 11 };

extern struct syscalls_config syscalls_config;
extern const struct setting syscalls_settings[];

/* What is to be counted. Negative with the reason: users or cgroups that this host does not know.
 */
int syscalls_config_options(const struct syscalls_config *config,
			    struct monitor_options *ret_options, struct error *error);

/* Warns of that. */
void syscalls_config_check(const void *config);
