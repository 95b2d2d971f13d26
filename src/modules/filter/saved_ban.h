/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ban as a line of the file that bans_file.h is about. Pure functions; times are wall clock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "modules/filter/filter.h"

enum { BANS_FILE_LINE = 512 }; /* with its end; no ban needs more */

/* How the first line begins; behind it the version. Other lines with # are remarks. */
#define SAVED_BANS_NAME "# sumun bans "
#define SAVED_BANS_HEAD SAVED_BANS_NAME "1"

#define SAVED_BAN_NO_END UINT64_MAX

struct saved_ban {
	struct prefix prefix;
	uint64_t until; /* CLOCK_REALTIME, nanoseconds, or SAVED_BAN_NO_END */
	uint64_t since; /* CLOCK_REALTIME, nanoseconds; not behind `until` */
	uint32_t origin;
	uint32_t offences;
	bool forced;
	char why[BAN_WHY_SIZE];
};

/* Without the line end. Returns `buffer`. */
const char *saved_ban_format(const struct saved_ban *ban, char buffer[BANS_FILE_LINE]);

/* Reads what saved_ban_format() writes. -EINVAL with the reason. A longer `why` is cut. */
int saved_ban_parse(const char *line, struct saved_ban *ret_ban, struct error *error);

/*
 * How long it still lasts, nanoseconds; false when it is over. Never longer than it lasted
 * in all, whatever has been done to the clock since.
 */
bool saved_ban_left(const struct saved_ban *ban, uint64_t now, uint64_t *ret_left);
