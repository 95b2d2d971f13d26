/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of gate.h that is about a gate that stands; gate_raise.c is about raising it. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "modules/filter/bans_file.h"
#include "modules/filter/gate.h"
#include "modules/filter/list_store.h"

/* What was banned is kept over a reboot; that it could not be is no reason to stop. */
static bool save_bans(const struct store *store)
{
	const char *path = store->tables.state->bans_path;
	struct error error = { "" };

	if (!*path)
		return false;
	if (bans_file_write(store, path, &error) < 0) {
		log_warning("the bans are not kept: %s", error.text);
		return false;
	}
	return true;
}

static int say_not_up(int r, struct error *error)
{
	if (r == -ENOENT)
		return error_set(error, r,
				 "the filter is not up here; 'sumun up' or 'sumun run' "
				 "raises it");
	return r;
}

int gate_open(enum store_access access, struct store *ret_store, struct error *error)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	char parent[PINS_PATH];
	int r = pins_directory(false, parent, error);

	if (r == 0)
		r = store_open(parent, access, &store, error);
	if (r < 0)
		return say_not_up(r, error);
	/* The next command that changes something takes it away. */
	if (store_is_overdue(&store) && store.tables.state->was_down)
		return error_set(error, -ENOENT,
				 "the filter is not up any more: nobody confirmed it in time");
	*ret_store = store;
	store = STORE_NONE;
	return 0;
}

void gate_forget_interfaces(struct store *store)
{
	struct filter_state *state = store->tables.state;

	memset(state->new_interfaces, 0, sizeof(state->new_interfaces));
	memset(state->old_interfaces, 0, sizeof(state->old_interfaces));
	state->was_down = 0;
}

static void detach_all(const struct store *store, const uint32_t ifindexes[NEW_INTERFACES_MAX])
{
	for (size_t i = 0; i < NEW_INTERFACES_MAX; i++)
		if (ifindexes[i])
			gate_detach(store, ifindexes[i]);
}

/*
 * Packets went back to the former policy when nobody confirmed in time; here the rest
 * follows. Under the lock of changes. -ENOENT when there was no gate before: then it is gone.
 */
static int settle(struct store *store)
{
	if (!store_is_overdue(store))
		return 0;
	log_warning("nobody confirmed the last change in time: it was taken back");
	if (store->tables.state->was_down) {
		save_bans(store);
		pins_remove(store->directory);
		return -ENOENT;
	}
	detach_all(store, store->tables.state->new_interfaces);
	store_take_back(store);
	gate_forget_interfaces(store);
	list_store_tidy(store);
	return 0;
}

int gate_settle(struct store *store)
{
	CLEANUP_CLOSE int lock = -1;
	char parent[PINS_PATH];

	if (pins_directory(false, parent, NULL) < 0 ||
	    pins_lock(parent, PINS_LOCK_EXCLUSIVE, false, &lock, NULL) < 0)
		return 0;
	return settle(store);
}

void gate_save_bans(const struct store *store, uint64_t *made)
{
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < store->tables.state->cpus; cpu++)
		sum += store->tallies[cpu].bans;
	if (made && *made == sum)
		return;
	if (made)
		*made = sum;
	save_bans(store);
}

int gate_open_settled(const char *parent, enum store_access access, struct store *ret_store,
		      struct error *error)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	int r = store_open(parent, access, &store, error);

	if (r == 0 && access == STORE_WRITE)
		r = settle(&store);
	if (r < 0)
		return r;
	*ret_store = store;
	store = STORE_NONE;
	return 0;
}

int gate_open_locked(enum store_access access, struct store *ret_store, int *ret_lock,
		     struct error *error)
{
	CLEANUP_CLOSE int lock = -1;
	char parent[PINS_PATH];
	int r = pins_directory(false, parent, error);

	if (r == 0)
		r = pins_lock(parent, PINS_LOCK_EXCLUSIVE, true, &lock, error);
	if (r == 0)
		r = gate_open_settled(parent, access, ret_store, error);
	if (r < 0)
		return say_not_up(r, error);
	*ret_lock = TAKE_FD(lock);
	return 0;
}

int gate_confirm(struct error *error)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	CLEANUP_CLOSE int lock = -1;
	int r = gate_open_locked(STORE_WRITE, &store, &lock, error);

	if (r < 0)
		return r;
	if (!store_pending(&store))
		return error_set(error, -ENOENT, "there is no change that waits to be confirmed");
	store_confirm(&store);
	detach_all(&store, store.tables.state->old_interfaces);
	gate_forget_interfaces(&store);
	list_store_tidy(&store);
	return 0;
}

int gate_take_ring(const struct store *store, int *ret_lock, struct error *error)
{
	int permitted = 0;

	for (int ring = 0; ring < EVENT_RINGS; ring++) {
		char name[32], path[PINS_PATH];
		int r;

		snprintf(name, sizeof(name), "reader%d", ring);
		if (store->fds[STORE_EVENTS0 + ring] < 0 ||
		    pins_path(path, store->directory, name) < 0)
			continue;
		permitted++;
		r = pins_lock(path, PINS_LOCK_EXCLUSIVE, false, ret_lock, error);
		if (r == 0)
			return ring;
		if (r != -EWOULDBLOCK)
			return r;
	}
	return error_set(error, -EBUSY,
			 "%d others read the events of this filter, and there is a ring for no "
			 "more; end one of them",
			 permitted);
}

int gate_watch(const struct store *store, int *ret_presence, struct error *error)
{
	return pins_lock(store->directory, PINS_LOCK_SHARED, true, ret_presence, error);
}

bool gate_is_kept(const struct store *store)
{
	char path[PINS_PATH];

	return pins_path(path, store->directory, "kept") == 0 && access(path, F_OK) == 0;
}

int gate_remove(struct gate_remains *ret_remains, struct error *error)
{
	struct gate_remains remains = { .bans = 0 };
	CLEANUP_STORE struct store store = STORE_NONE;
	CLEANUP_CLOSE int lock = -1;
	char parent[PINS_PATH], directory[PINS_PATH];
	int r = pins_directory(false, parent, error);

	if (r == 0)
		r = pins_lock(parent, PINS_LOCK_EXCLUSIVE, true, &lock, error);
	if (r < 0)
		return say_not_up(r, error);
	store_directory(parent, directory);
	if (access(directory, F_OK) < 0) {
		r = -errno;
		pins_remove_empty(parent);
		return say_not_up(r, error);
	}
	/* Also one that cannot be opened any more goes away. */
	if (store_open(parent, STORE_READ, &store, NULL) == 0 && save_bans(&store)) {
		remains.bans = ban_count(&store.tables, store_now(&store));
		strcpy(remains.bans_path, store.tables.state->bans_path);
	}
	r = pins_remove(directory);
	if (r < 0)
		return error_set(error, r, "cannot remove '%s': %s", directory, strerror(-r));
	pins_remove_empty(parent);
	*ret_remains = remains;
	return 0;
}

int gate_refuse_pending(const struct store *store, struct error *error)
{
	char left[DURATION_TEXT];

	if (!store_pending(store))
		return 0;
	duration_format_short(
		ticks_boottime(&store->ticks, store_pending(store)) - timestamp_boottime(), left);
	return error_set(error, -EBUSY,
			 "a change waits for 'sumun confirm'; confirm it, or wait %s until it is "
			 "taken back",
			 left);
}
