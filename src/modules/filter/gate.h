/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gate: one store, the policy in force, and the interfaces it stands on. Raising it,
 * changing its policy and taking it down are done under the lock of the state directory,
 * and in an order in which every packet finds a whole policy: the former or the new one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attach.h"
#include "modules/filter/settings.h"
#include "modules/filter/store.h"

struct gate_interface {
	char name[16]; /* "" when the interface is gone */
	unsigned ifindex;
	enum attach_mode mode;
	uint64_t since; /* CLOCK_REALTIME, nanoseconds */
};

struct gate_options {
	const struct filter_config *config;
	bool adopt;        /* a gate that is up keeps its policy */
	char **interfaces; /* instead of those of the configuration; NULL: use those */
	size_t interface_count;
	bool keep;        /* `up`: outlives this command, and detaches from interfaces not named */
	int *presence;    /* not NULL: takes the lock that says "a run is here", see gate_watch() */
	bool force;       /* do what would be refused for the sake of a guarded peer */
	uint64_t confirm; /* nanoseconds: goes back to what was unless gate_confirm() comes; 0:
			     stays */
};

/* What gate_raise() did, for the caller to tell. */
struct gate_report {
	bool fresh;      /* there was no gate before */
	size_t attached; /* interfaces attached now, their indices: */
	unsigned ifindexes[64];
	size_t detached;
	bool unchanged; /* all of it was so already */
};

/*
 * Raises the gate or changes it. On failure everything is as it was before. Logs how
 * each interface was attached, and why not natively.
 */
int gate_raise(const struct gate_options *options, struct store *ret_store,
	       struct gate_report *ret_report, struct error *error);

/* Opens the gate's store; -ENOENT with the advice to raise it when there is none. */
int gate_open(enum store_access access, struct store *ret_store, struct error *error);

/* The same under the lock of changes; close *ret_lock when done. */
int gate_open_locked(enum store_access access, struct store *ret_store, int *ret_lock,
		     struct error *error);

/*
 * Tidies up after a change that nobody confirmed in time, unless another command is at work.
 * -ENOENT when there was no gate before that change: then there is none now.
 */
int gate_settle(struct store *store);

/*
 * Keeps the bans over a reboot, where they are to be kept, when guards have made some since
 * `made`, which is brought up to date; NULL: in any case.
 */
void gate_save_bans(const struct store *store, uint64_t *made);

/* Makes the change that waits for it final. -ENOENT when none does, or it was taken back. */
int gate_confirm(struct error *error);

/* Tries a configuration beside the policy in force, until the next change. The gate is up. */
int gate_try(const struct gate_options *options, struct store *ret_store, struct error *error);

/*
 * Takes a ring of events that nobody reads: its number, and *ret_lock, which keeps it until
 * closed. -EBUSY when all are taken.
 */
int gate_take_ring(const struct store *store, int *ret_lock, struct error *error);

/*
 * Says that a `run` watches this gate, by a shared lock, for as long as *ret_presence is
 * open. To be called under the lock of changes, so that no other `run` that ends takes the
 * gate away in between.
 */
int gate_watch(const struct store *store, int *ret_presence, struct error *error);

/* -EBUSY while a change waits to be confirmed: there is one policy to go back to. */
int gate_refuse_pending(const struct store *store, struct error *error);

/* ---- for gate_raise.c; under the lock of changes */

/* Opens the store, and tidies up as gate_settle() does. */
int gate_open_settled(const char *parent, enum store_access access, struct store *ret_store,
		      struct error *error);

/* No interface waits to be confirmed or left any more. */
void gate_forget_interfaces(struct store *store);

/* ---- taking it down */

/* Bans that were written to a file, for the next gate. */
struct gate_remains {
	size_t bans;
	char bans_path[BANS_PATH_SIZE];
};

/* Detaches from every interface and forgets all but those. -ENOENT when there is no gate. */
int gate_remove(struct gate_remains *ret_remains, struct error *error);

/* Detaches from one interface. */
int gate_detach(const struct store *store, unsigned ifindex);

/* Whether `up` made it last. */
bool gate_is_kept(const struct store *store);

/* The interfaces that the gate stands on; at most `size`. Returns how many. */
size_t gate_interfaces(const struct store *store, struct gate_interface *interfaces, size_t size);
