/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sumun as people use it: its configuration, its lists and its commands. */
#pragma once

#include "peers.h"

/*
 * Puts it in force on the site: the lists as deny lists, or as bans. `seconds` grows by
 * what its commands took. What they are run from is $SUMUN.
 */
int sumun_load(bool as_bans, const struct peer_rules *rules, struct site *site, double *seconds,
	       struct error *error);

/* Once more, with one IPv4 entry more: what a changed list takes while packets come. */
int sumun_again(double *seconds, struct error *error);

/* Bans all of a list; as many operands a command as one takes. */
int sumun_ban(const struct corpus *list, double *seconds, struct error *error);

int sumun_unload(struct site *site, struct error *error);
