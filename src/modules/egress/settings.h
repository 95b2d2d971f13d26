/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policies as the configuration has them: [cgroup NAME]. */
#pragma once

#include <stddef.h>

#include "core/config.h"
#include "modules/egress/destination.h"

struct destination_list {
	struct destination *items;
	size_t count;
};

enum egress_mode {
	EGRESS_OBSERVE,
	EGRESS_ENFORCE,
};

struct egress_policy {
	char name[EGRESS_NAME];
	char *path; /* as cgroup_find() takes it; "" or NULL: not given */
	uint32_t mode;
	struct destination_list allow, deny;
};

enum { EGRESS_POLICIES = 32 };

struct egress_config {
	struct egress_policy *policies[EGRESS_POLICIES];
	size_t count;
};

extern struct egress_config egress_config;

enum { EGRESS_SETTINGS = 4 };
extern const struct setting egress_settings[EGRESS_SETTINGS];
extern const struct section egress_sections[];

const char *egress_mode_name(uint32_t mode); /* "observe", "enforce" */

/* What the kernel reads; all but the generation. -ENOSPC with the reason. */
int egress_compile(const struct egress_policy *policy, struct egress_rules *ret_rules,
		   struct error *error);
