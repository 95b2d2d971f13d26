/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a person wants to know of a ban, struct filter_ban_info, apart from the map that
 * holds it (for that, store.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "modules/filter/filter.h"

/* "operator", "config", "guard", "scan"; "?" for what is none. */
const char *ban_origin_name(uint32_t origin);

/* Copies `why`, cut at a whole character where it is too long; what is behind it is zero. */
void ban_why_copy(char ret_why[BAN_WHY_SIZE], const char *why);

/* When the ban began, as wall-clock time, nanoseconds. */
uint64_t ban_info_time(const struct filter_ban_info *info);

/*
 * Whether what is known of a ban that is over is still of use: bans by guards and by scan
 * detection are remembered for two days after they began, because the next one of the
 * same source lasts twice as long. `boottime` is CLOCK_BOOTTIME, nanoseconds.
 */
bool ban_info_is_remembered(const struct filter_ban_info *info, uint64_t boottime);
