/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of gate.h that is about raising a gate, and changing its policy. */
#include <stdio.h>
#include <string.h>
#include <net/if.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "core/host.h"
#include "core/privilege.h"
#include "modules/filter/bans_file.h"
#include "modules/filter/dry_run.h"
#include "modules/filter/gate.h"
#include "modules/filter/links.h"
#include "modules/filter/list_store.h"
#include "modules/filter/policy.h"

/* ---- interfaces that come and go ----------------------------------------------------------- */

struct unwanted {
	const struct interface_set *wanted;
	struct gate_report *report;
};

static void detach_unwanted(void *context, const struct store *store, unsigned ifindex)
{
	struct unwanted *unwanted = context;
	char name[IF_NAMESIZE];

	if (interface_set_has(unwanted->wanted, ifindex))
		return;
	gate_detach(store, ifindex);
	unwanted->report->detached++;
	if (if_indextoname(ifindex, name))
		log_info("%s: detached", name);
}

/* Those that the gate stands on and that were not named, to be left once that is confirmed. */
static void remember_unwanted(void *context, const struct store *store, unsigned ifindex)
{
	const struct unwanted *unwanted = context;
	uint32_t *old = store->tables.state->old_interfaces;
	size_t i = 0;

	while (i < NEW_INTERFACES_MAX && old[i])
		i++;
	if (!interface_set_has(unwanted->wanted, ifindex) && i < NEW_INTERFACES_MAX)
		old[i] = ifindex;
}

/* `up`: outlives this command, and stands on the interfaces that were named and no others. */
static int keep_gate(const struct store *store, const struct interface_set *wanted,
		     struct gate_report *report, struct error *error)
{
	struct unwanted unwanted = { wanted, report };
	char path[PINS_PATH];
	int r = pins_path(path, store->directory, "kept");

	report->unchanged = report->unchanged && gate_is_kept(store);
	if (r == 0)
		r = pins_make_directory(path, PINS_GROUP_PASSES, error);
	if (r == 0)
		links_for_each(store, store_pending(store) ? remember_unwanted : detach_unwanted,
			       &unwanted);
	report->unchanged = report->unchanged && !report->attached && !report->detached;
	return r;
}

/* ---- raising --------------------------------------------------------------------------- */

/* For those who want to know what made a policy; without it there is nothing to compare. */
static void note_config(const struct filter_config *config, struct filter_config_text *text)
{
	CLEANUP_FREE char *printed = filter_config_text(config);

	snprintf(text->text, sizeof(text->text), "%s",
		 printed && strlen(printed) < sizeof(text->text) ? printed : "");
}

/* What a policy is made of; gathered and checked before anything changes. */
struct material {
	const struct gate_options *options;
	bool first; /* no other policy is in force */
	struct peers peers;
	struct list_set lists;
};

static void cleanup_material(struct material *material)
{
	list_set_free(&material->lists);
}

#define CLEANUP_MATERIAL __attribute__((cleanup(cleanup_material)))

static int gather(struct material *material, struct error *error)
{
	const struct gate_options *options = material->options;
	int r = 0;

	host_peers(&material->peers);
	if (!options->force)
		r = policy_check_lockout(options->config, &material->peers, error);
	if (r == 0)
		r = list_store_read(options->config, &material->peers, material->first,
				    &material->lists, error);
	return r;
}

/* The policy, whole, in a slot that no packet looks at. */
static int prepare_policy(struct material *material, struct store *store,
			  struct filter_policy **ret_policy, struct error *error)
{
	const struct gate_options *options = material->options;
	struct filter_policy *policy = store_spare_policy(store);
	int r = policy_fill(&store->tables, policy, options->config, &material->peers,
			    options->force, error);

	if (r == 0)
		r = privilege_explain(PRIVILEGE_LISTS,
				      list_store_import(store, policy, &material->lists, error),
				      error);
	if (r < 0)
		return r;
	note_config(options->config, &store->config_text[policy - store->tables.policies]);
	*ret_policy = policy;
	return 0;
}

static uint32_t deadline_of(const struct gate_options *options, const struct store *store)
{
	if (!options->confirm)
		return 0;
	return ticks_not_before(&store->ticks, timestamp_boottime() + options->confirm);
}

static void put_in_force(const struct gate_options *options, struct store *store,
			 struct filter_policy *policy)
{
	store_try(store, NULL);
	store_put_in_force(store, policy, deadline_of(options, store));
	list_store_tidy(store);
}

/* Bans of an earlier life, before the first packet. */
static void restore_bans(const struct material *material, struct store *store)
{
	struct error error = { "" };
	char path[BANS_PATH_SIZE];

	if (!bans_file_path(material->options->config, path))
		return;
	strcpy(store->tables.state->bans_path, path);
	if (bans_file_restore(store, &material->peers, path, &error) < 0) {
		/* Nor written over: somebody may want to look at them. */
		*store->tables.state->bans_path = '\0';
		log_warning("the bans of '%s' are not restored, and none will be kept: %s", path,
			    error.text);
	}
}

/* What is to be undone when nobody confirms. */
static int note_interfaces(const struct gate_options *options, struct store *store,
			   const struct interface_set *wanted, bool was_down, struct error *error)
{
	size_t count = 0;

	gate_forget_interfaces(store);
	if (!options->confirm)
		return 0;
	store->tables.state->was_down = was_down;
	for (size_t i = 0; i < wanted->count; i++) {
		if (links_is_alive(store, wanted->ifindexes[i]))
			continue;
		if (count == NEW_INTERFACES_MAX)
			return error_set(
				error, -ENOSPC,
				"at most %d interfaces can be added by a change that waits "
				"to be confirmed",
				NEW_INTERFACES_MAX);
		store->tables.state->new_interfaces[count++] = wanted->ifindexes[i];
	}
	return 0;
}

/* A new gate gets its policy before its first packet. */
static int fill_gate(struct material *material, struct store *store,
		     const struct interface_set *wanted, struct gate_report *report,
		     struct error *error)
{
	const struct gate_options *options = material->options;
	struct filter_policy *policy;
	int r = prepare_policy(material, store, &policy, error);

	if (r == 0)
		r = note_interfaces(options, store, wanted, true, error);
	if (r < 0)
		return r;
	restore_bans(material, store);
	put_in_force(options, store, policy);
	return links_attach_missing(store, wanted, options->config->require_native, report, error);
}

/* Whether a policy that is ready is the one in force, made of the same configuration. */
static bool is_in_force(const struct store *store, struct filter_policy *policy)
{
	const struct filter_policy *present = store_policy(store);
	const struct filter_config_text *texts = store->config_text;
	const char *text = texts[policy - store->tables.policies].text;

	policy->generation = present->generation;
	policy->applied = present->applied;
	return memcmp(policy, present, sizeof(*policy)) == 0 && *text &&
	       strcmp(text, texts[present - store->tables.policies].text) == 0;
}

/* An existing gate is extended first and then changed. */
static int change_gate(struct material *material, struct store *store,
		       const struct interface_set *wanted, struct gate_report *report,
		       struct error *error)
{
	const struct gate_options *options = material->options;
	struct filter_policy *policy = NULL;
	int r = prepare_policy(material, store, &policy, error);

	if (r == 0)
		r = note_interfaces(options, store, wanted, false, error);
	if (r == 0)
		r = links_attach_missing(store, wanted, options->config->require_native, report,
					 error);
	if (r < 0) {
		list_store_tidy(store);
		return r;
	}
	report->unchanged = !options->confirm && !store_shadow(store) && is_in_force(store, policy);
	if (!report->unchanged)
		put_in_force(options, store, policy);
	list_store_end_edits(&material->lists);
	return 0;
}

int gate_try(const struct gate_options *options, struct store *ret_store, struct error *error)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	CLEANUP_MATERIAL struct material material = { .options = options };
	struct filter_policy *policy = NULL;
	CLEANUP_CLOSE int lock = -1;
	int r = gate_open_locked(STORE_WRITE, &store, &lock, error);

	if (r == 0)
		r = gather(&material, error);
	if (r < 0)
		return r;
	store_try(&store, NULL);
	r = prepare_policy(&material, &store, &policy, error);
	if (r == 0)
		store_try(&store, policy);
	list_store_tidy(&store);
	if (r < 0)
		return r;
	*ret_store = store;
	store = STORE_NONE;
	return 0;
}

/* A gate with room for the lists, pinned, with no policy yet. */
static int make_gate(const struct material *material, const char *parent, struct store *store,
		     struct error *error)
{
	uint32_t pages = 0;
	int r = list_store_room(&material->lists, &pages, error);

	if (r == 0)
		r = store_create_with_room(pages, store, error);
	if (r == 0)
		r = store_pin(store, parent, error);
	if (r == 0 && pins_group_is_out_of_reach())
		log_warning("the group sumun will see nothing of this filter: to give it a share "
			    "takes CAP_CHOWN, or to be a member");
	return r;
}

/* Under the lock of changes. */
static int raise_or_change(struct material *material, const char *parent,
			   const struct interface_set *wanted, struct store *store,
			   struct gate_report *report, struct error *error)
{
	const struct gate_options *options = material->options;
	int r = gate_open_settled(parent, STORE_WRITE, store, error);

	material->first = report->fresh = r == -ENOENT;
	if (r == 0 && options->adopt)
		return links_attach_missing(store, wanted, options->config->require_native, report,
					    error);
	if (r == 0)
		r = gate_refuse_pending(store, error);
	if (r == 0 || report->fresh)
		r = gather(material, error);
	if (r < 0)
		return r;
	if (!report->fresh)
		return change_gate(material, store, wanted, report, error);
	r = make_gate(material, parent, store, error);
	return r < 0 ? r : fill_gate(material, store, wanted, report, error);
}

int gate_raise(const struct gate_options *options, struct store *ret_store,
	       struct gate_report *ret_report, struct error *error)
{
	CLEANUP_MATERIAL struct material material = { .options = options };
	CLEANUP_STORE struct store store = STORE_NONE;
	struct gate_report report = { .fresh = false };
	struct interface_set wanted = { .count = 0 };
	CLEANUP_CLOSE int lock = -1;
	char parent[PINS_PATH];
	int r;

	r = links_find_wanted(options, &wanted, error);
	if (r == 0)
		r = pins_lock_directory(parent, &lock, error);
	if (r < 0)
		return r;
	r = raise_or_change(&material, parent, &wanted, &store, &report, error);
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
