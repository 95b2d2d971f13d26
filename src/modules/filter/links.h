/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interfaces that a gate stands on: one pinned XDP link each, links/<ifindex>. Whoever
 * changes them holds the lock of changes (gate.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules/filter/gate.h"

enum { INTERFACES_MAX = 64 };

struct interface_set {
	unsigned ifindexes[INTERFACES_MAX];
	size_t count;
};

/* An interface by its name; -ENODEV when there is none, or it is none that can be guarded. */
int links_find(const char *name, unsigned *ret_ifindex, struct error *error);

/* Those on the command line, else those of the configuration, else the default route's. */
int links_find_wanted(const struct gate_options *options, struct interface_set *ret_wanted,
		      struct error *error);

bool interface_set_has(const struct interface_set *set, unsigned ifindex);

/* Interfaces come and go; a link whose interface is gone is of no use. */
bool links_is_alive(const struct store *store, unsigned ifindex);

/*
 * Attaches where the gate does not stand yet; with `native`, natively or not at all. On
 * failure, takes back what was attached.
 */
int links_attach_missing(struct store *store, const struct interface_set *wanted, bool native,
			 struct gate_report *report, struct error *error);

/* Calls `visit` with the interface index of every pinned link, alive or not. */
void links_for_each(const struct store *store,
		    void (*visit)(void *context, const struct store *store, unsigned ifindex),
		    void *context);
