/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many filters at once, each at a site of its own, measured in turns. */
#pragma once

#include <jansson.h>

#include "measure.h"
#include "peers.h"

struct contest {
	struct traffic traffic;
	struct site sites[PEERS];
	bool made[PEERS];   /* it has a site */
	bool loaded[PEERS]; /* and its rules in force */
	json_t *rows, *loads;
};

int contest_open(struct contest *contest, struct error *error);
void contest_close(struct contest *contest);

/*
 * Puts the rules in force at the first `count` of `peers`; who is not installed, or takes no
 * list of that size, is left out. What it took is noted under `axis` and `size`.
 */
int contest_load(struct contest *contest, const enum peer *peers, size_t count,
		 const struct peer_rules *rules, const char *axis, size_t size,
		 struct error *error);
int contest_unload(struct contest *contest, struct error *error);

/* Measures a packet with all who are loaded and notes it. */
int contest_measure(struct contest *contest, const char *axis, size_t size, enum method method,
		    const struct packet *packet, struct error *error);
