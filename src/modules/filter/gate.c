/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "core/host.h"
#include "modules/filter/gate.h"
#include "modules/filter/lockout.h"
#include "modules/filter/policy.h"

enum { INTERFACES_MAX = 64 };

struct wanted {
	unsigned ifindexes[INTERFACES_MAX];
	size_t count;
};

/* ---- interfaces -------------------------------------------------------------------- */

static int add_wanted(struct wanted *wanted, const char *name, struct error *error)
{
	unsigned ifindex = if_nametoindex(name);
	char quoted[QUOTE_TEXT];

	if (!ifindex)
		return error_set(error, -ENODEV,
				 "there is no interface %s in this network namespace; "
				 "'ip -brief link' lists them",
				 text_quote(name, quoted));
	for (size_t i = 0; i < wanted->count; i++)
		if (wanted->ifindexes[i] == ifindex)
			return 0;
	if (wanted->count == INTERFACES_MAX)
		return error_set(error, -ENOSPC, "more than %d interfaces", INTERFACES_MAX);
	wanted->ifindexes[wanted->count++] = ifindex;
	return 0;
}

/* Those on the command line, else those of the configuration, else the default route's. */
static int find_wanted(const struct gate_options *options, struct wanted *wanted,
		       struct error *error)
{
	char *const *names = options->interfaces;
	size_t count = options->interface_count;
	char name[IF_NAMESIZE];
	int r = 0;

	if (!count) {
		names = options->config->interfaces.items;
		count = options->config->interfaces.count;
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_wanted(wanted, names[i], error);
	if (r < 0 || count)
		return r;
	if (host_default_interface(name) < 0)
		return error_set(error, -ENODEV,
				 "there is no default route to take the interface from; name one");
	return add_wanted(wanted, name, error);
}

static int link_path(const struct store *store, unsigned ifindex, char ret_path[PINS_PATH])
{
	char name[32];

	snprintf(name, sizeof(name), "links/%u", ifindex);
	return pins_path(ret_path, store->directory, name);
}

/* Interfaces come and go; a link whose interface is gone is of no use. */
static bool link_is_alive(const struct store *store, unsigned ifindex)
{
	char name[32];
	unsigned now = 0;
	uint32_t id;
	CLEANUP_CLOSE int fd = -1;

	snprintf(name, sizeof(name), "links/%u", ifindex);
	fd = pins_open(store->directory, name, true);
	return fd >= 0 && attach_link_info(fd, &now, &id) == 0 && now == ifindex;
}

int gate_detach(const struct store *store, unsigned ifindex)
{
	char path[PINS_PATH];
	int r = link_path(store, ifindex, path);

	if (r < 0)
		return r;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int attach_one(struct store *store, unsigned ifindex, struct error *error)
{
	struct error why_generic = { "" };
	CLEANUP_CLOSE int fd = -1;
	char name[32], interface[IF_NAMESIZE] = "?";
	enum attach_mode mode;
	int r;

	gate_detach(store, ifindex); /* a dead link's pin */
	r = attach_xdp(store->program_fd, ifindex, &fd, &mode, &why_generic, error);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "links/%u", ifindex);
	r = pins_add(fd, store->directory, name, false, error);
	if (r < 0)
		return r;
	if_indextoname(ifindex, interface);
	if (mode == ATTACH_GENERIC)
		log_warning("%s: attached in generic mode, which is several times slower: %s",
			    interface, why_generic.text);
	else
		log_info("%s: attached, %s mode", interface, attach_mode_name(mode));
	return 0;
}

/* Attaches where the gate does not stand yet. On failure, takes back what was attached. */
static int attach_missing(struct store *store, const struct wanted *wanted,
			  struct gate_report *report, struct error *error)
{
	for (size_t i = 0; i < wanted->count; i++) {
		int r;

		if (link_is_alive(store, wanted->ifindexes[i]))
			continue;
		r = attach_one(store, wanted->ifindexes[i], error);
		if (r < 0) {
			while (report->attached)
				gate_detach(store, report->ifindexes[--report->attached]);
			return r;
		}
		report->ifindexes[report->attached++] = wanted->ifindexes[i];
	}
	return 0;
}

static bool is_wanted(const struct wanted *wanted, unsigned ifindex)
{
	for (size_t i = 0; i < wanted->count; i++)
		if (wanted->ifindexes[i] == ifindex)
			return true;
	return false;
}

/* Calls `visit` with the interface index of every pinned link, alive or not. */
static void for_each_link(const struct store *store,
			  void (*visit)(void *context, const struct store *store, unsigned ifindex),
			  void *context)
{
	CLEANUP_CLOSEDIR DIR *dir = NULL;
	const struct dirent *entry;
	char path[PINS_PATH];

	if (pins_path(path, store->directory, "links") < 0)
		return;
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		unsigned ifindex = (unsigned)strtoul(entry->d_name, NULL, 10);

		if (ifindex)
			visit(context, store, ifindex);
	}
}

struct unwanted {
	const struct wanted *wanted;
	struct gate_report *report;
};

static void detach_unwanted(void *context, const struct store *store, unsigned ifindex)
{
	struct unwanted *unwanted = context;
	char name[IF_NAMESIZE];

	if (is_wanted(unwanted->wanted, ifindex))
		return;
	gate_detach(store, ifindex);
	unwanted->report->detached++;
	if (if_indextoname(ifindex, name))
		log_info("%s: detached", name);
}

struct listing {
	struct gate_interface *interfaces;
	size_t size;
	size_t count;
};

static void list_link(void *context, const struct store *store, unsigned ifindex)
{
	struct listing *listing = context;
	struct gate_interface *interface;
	char path[PINS_PATH];
	struct stat st;
	uint32_t id;

	if (listing->count == listing->size || link_path(store, ifindex, path) < 0 ||
	    stat(path, &st) < 0)
		return;
	interface = &listing->interfaces[listing->count++];
	*interface = (struct gate_interface){ .ifindex = ifindex };
	interface->since =
		(uint64_t)st.st_mtim.tv_sec * NSEC_PER_SEC + (uint64_t)st.st_mtim.tv_nsec;
	if (!if_indextoname(ifindex, interface->name))
		interface->name[0] = '\0';
	else if (attach_query(ifindex, &interface->mode, &id) < 0)
		interface->mode = ATTACH_NONE;
}

static int compare_interfaces(const void *a, const void *b)
{
	return strcmp(((const struct gate_interface *)a)->name,
		      ((const struct gate_interface *)b)->name);
}

size_t gate_interfaces(const struct store *store, struct gate_interface *interfaces, size_t size)
{
	struct listing listing = { .interfaces = interfaces, .size = size };

	for_each_link(store, list_link, &listing);
	qsort(interfaces, listing.count, sizeof(*interfaces), compare_interfaces);
	return listing.count;
}

/* ---- opening -------------------------------------------------------------------------- */

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
	char parent[PINS_PATH];
	int r = pins_directory(false, parent, error);

	if (r == 0)
		r = store_open(parent, access, ret_store, error);
	return say_not_up(r, error);
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
		r = store_open(parent, access, ret_store, error);
	if (r < 0)
		return say_not_up(r, error);
	*ret_lock = TAKE_FD(lock);
	return 0;
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

/* `up`: outlives this command, and stands on the interfaces that were named and no others. */
static int keep_gate(const struct store *store, const struct wanted *wanted,
		     struct gate_report *report, struct error *error)
{
	struct unwanted unwanted = { wanted, report };
	char path[PINS_PATH];
	int r = pins_path(path, store->directory, "kept");

	if (r == 0)
		r = pins_make_directory(path, error);
	if (r == 0)
		for_each_link(store, detach_unwanted, &unwanted);
	return r;
}

/* ---- raising --------------------------------------------------------------------------- */

/* The policy, whole, in a slot that no packet looks at; checked before anything changes. */
static int prepare_policy(const struct gate_options *options, struct store *store,
			  struct filter_policy **ret_policy, struct error *error)
{
	struct peers peers;
	int r = 0;

	host_peers(&peers);
	if (!options->force)
		r = policy_check_lockout(options->config, &peers, error);
	if (r < 0)
		return r;
	*ret_policy = store_spare_policy(store);
	return policy_fill(&store->tables, *ret_policy, options->config, &peers, error);
}

static void put_in_force(struct store *store, struct filter_policy *policy)
{
	store_put_in_force(store, policy);
	policy_settle_bans(store, policy->generation);
}

/* A new gate gets its policy before its first packet. */
static int fill_gate(const struct gate_options *options, struct store *store,
		     const struct wanted *wanted, struct gate_report *report, struct error *error)
{
	struct filter_policy *policy;
	int r = prepare_policy(options, store, &policy, error);

	if (r == 0)
		r = policy_add_bans(store, options, error);
	if (r < 0)
		return r;
	put_in_force(store, policy);
	return attach_missing(store, wanted, report, error);
}

/*
 * An existing gate is extended first and then changed. Bans are added before the policy
 * and taken away after it, so that at no moment a packet passes that both would drop.
 */
static int change_gate(const struct gate_options *options, struct store *store,
		       const struct wanted *wanted, struct gate_report *report, struct error *error)
{
	struct filter_policy *policy = NULL;
	int r = 0;

	if (!options->adopt)
		r = prepare_policy(options, store, &policy, error);
	if (r == 0)
		r = attach_missing(store, wanted, report, error);
	if (r < 0 || !policy)
		return r;
	r = policy_add_bans(store, options, error);
	if (r < 0) {
		while (report->attached)
			gate_detach(store, report->ifindexes[--report->attached]);
		policy_settle_bans(store, store_policy(store)->generation);
		return r;
	}
	put_in_force(store, policy);
	return 0;
}

int gate_raise(const struct gate_options *options, struct store *ret_store,
	       struct gate_report *ret_report, struct error *error)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	struct gate_report report = { .fresh = false };
	struct wanted wanted = { .count = 0 };
	CLEANUP_CLOSE int lock = -1;
	char parent[PINS_PATH];
	int r;

	r = find_wanted(options, &wanted, error);
	if (r == 0)
		r = pins_directory(true, parent, error);
	if (r == 0)
		r = pins_lock(parent, PINS_LOCK_EXCLUSIVE, true, &lock, error);
	if (r < 0)
		return r;
	r = store_open(parent, STORE_WRITE, &store, error);
	if (r == -ENOENT) {
		report.fresh = true;
		r = store_create(&store, error);
		if (r == 0)
			r = store_pin(&store, parent, error);
	}
	if (r == 0)
		r = (report.fresh ? fill_gate : change_gate)(options, &store, &wanted, &report,
							     error);
	if (r == 0 && options->keep)
		r = keep_gate(&store, &wanted, &report, error);
	if (r == 0 && options->presence)
		r = gate_watch(&store, options->presence, error);
	if (r < 0) {
		if (report.fresh && *store.directory)
			pins_remove(store.directory);
		return r;
	}
	*ret_store = store;
	store = STORE_NONE;
	*ret_report = report;
	return 0;
}

int gate_remove(struct error *error)
{
	CLEANUP_CLOSE int lock = -1;
	char parent[PINS_PATH], directory[PINS_PATH];
	int r = pins_directory(false, parent, error);

	if (r == 0)
		r = pins_lock(parent, PINS_LOCK_EXCLUSIVE, true, &lock, error);
	if (r < 0)
		return say_not_up(r, error);
	store_directory(parent, directory);
	if (access(directory, F_OK) < 0)
		return say_not_up(-errno, error);
	r = pins_remove(directory);
	if (r < 0)
		return error_set(error, r, "cannot remove '%s': %s", directory, strerror(-r));
	return 0;
}
