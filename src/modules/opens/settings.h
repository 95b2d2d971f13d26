/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The section [opens] of the configuration. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"

struct opens_config {
	bool watch;
	bool fold;
	bool write;
	bool failed;
	char *path;        /* a pattern; NULL: all */
	char *users;       /* names and commas; NULL: all */
	char *commands;    /* the same */
	uint64_t interval; /* nanoseconds */
	uint64_t top;      /* lines of a page */
};

enum { OPENS_SETTINGS = 9 };

extern struct opens_config opens_config;
extern const struct setting opens_settings[];

/* Warns of users that this host does not know. */
void opens_config_check(const void *config);
