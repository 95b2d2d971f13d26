/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "core/host.h"
#include "core/module.h"
#include "modules/filter/cookies.h"
#include "modules/filter/dry_run.h"
#include "modules/filter/links.h"
#include "modules/filter/list_store.h"
#include "modules/filter/policy.h"
#include "modules/filter/range_sets.h"
#include "modules/filter/terms.h"

/* A policy as `up` would make it, but in memory of our own. */
struct trial {
	struct filter_state *state;
	struct filter_policy *policy;
	uint64_t *hints;
	struct tables tables;
};

struct rehearsal {
	const struct gate_options *options;
	struct store store; /* of the gate; its directory is "" when it is not up */
	struct peers peers;
	char names[INTERFACES_MAX][IF_NAMESIZE]; /* that it would stand on */
	size_t name_count;
	struct trial trial;
	struct list_set now;
	struct list_set then;
	char *text;
	int differences;
};

static void end_rehearsal(struct rehearsal *rehearsal)
{
	free(rehearsal->trial.state);
	free(rehearsal->trial.policy);
	free(rehearsal->trial.hints);
	list_set_free(&rehearsal->now);
	list_set_free(&rehearsal->then);
	store_close(&rehearsal->store);
	free(rehearsal->text);
}

static bool is_up(const struct rehearsal *rehearsal)
{
	return *rehearsal->store.directory;
}

/* ---- what `up` would do, as far as that can be done without changing anything ---------- */

static int add_name(struct rehearsal *rehearsal, const char *name, struct error *error)
{
	unsigned ifindex;
	int r = links_find(name, &ifindex, error);

	if (r < 0)
		return r;
	for (size_t i = 0; i < rehearsal->name_count; i++)
		if (strcmp(rehearsal->names[i], name) == 0)
			return 0;
	if (rehearsal->name_count == INTERFACES_MAX)
		return error_set(error, -ENOSPC, "more than %d interfaces", INTERFACES_MAX);
	snprintf(rehearsal->names[rehearsal->name_count++], IF_NAMESIZE, "%s", name);
	return 0;
}

/* Those on the command line, else those of the configuration, else the default route's. */
static int find_interfaces(struct rehearsal *rehearsal, struct error *error)
{
	const struct gate_options *options = rehearsal->options;
	char *const *names = options->interfaces;
	size_t count = options->interface_count;
	char name[IF_NAMESIZE];
	int r = 0;

	if (!count) {
		names = options->config->interfaces.items;
		count = options->config->interfaces.count;
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_name(rehearsal, names[i], error);
	if (r < 0 || count)
		return r;
	if (host_default_interface(name) < 0)
		return error_set(error, -ENODEV,
				 "there is no default route to take the interface from; name one");
	return add_name(rehearsal, name, error);
}

static int open_gate(struct rehearsal *rehearsal, struct error *error)
{
	struct store *store = &rehearsal->store;
	int r = gate_open(STORE_READ, store, error);

	if (r == -ENOENT) {
		*error = (struct error){ "" }; /* else the next would be put before it */
		return 0;
	}
	if (r < 0 || !store_pending(store))
		return r;
	if (!store_is_overdue(store))
		return gate_refuse_pending(store, error);
	/* The next command takes away what nobody confirmed in time. */
	if (store->tables.state->was_down)
		store_close(store);
	return 0;
}

/* Everything that has no room, or contradicts, is found by really making the policy. */
static int fill_trial(struct rehearsal *rehearsal, struct error *error)
{
	const struct gate_options *options = rehearsal->options;
	struct trial *trial = &rehearsal->trial;

	trial->state = calloc(1, sizeof(*trial->state));
	trial->policy = aligned_alloc(64, sizeof(*trial->policy));
	trial->hints = calloc(HINT_WORDS, sizeof(*trial->hints));
	if (!trial->state || !trial->policy || !trial->hints)
		return error_set(error, -ENOMEM, "out of memory");
	memset(trial->policy, 0, sizeof(*trial->policy));
	if (is_up(rehearsal)) {
		*trial->state = *rehearsal->store.tables.state;
	} else {
		trial->state->jiffies_hz = 250;
		trial->state->seed = 1;
	}
	trial->tables = (struct tables){ .state = trial->state,
					 .policies = trial->policy,
					 .hints = trial->hints };
	return policy_fill(&trial->tables, trial->policy, options->config, &rehearsal->peers,
			   options->force, error);
}

static int rehearse(struct rehearsal *rehearsal, struct error *error)
{
	const struct gate_options *options = rehearsal->options;
	int r = find_interfaces(rehearsal, error);

	if (r == 0)
		r = open_gate(rehearsal, error);
	if (r < 0)
		return r;
	host_peers(&rehearsal->peers);
	if (!options->force)
		r = policy_check_lockout(options->config, &rehearsal->peers, error);
	if (r == 0)
		r = fill_trial(rehearsal, error);
	if (r == 0)
		r = list_store_read(options->config, &rehearsal->peers, !is_up(rehearsal),
				    &rehearsal->then, error);
	if (r == 0 && is_up(rehearsal))
		r = list_store_load_in_force(&rehearsal->store, &rehearsal->now, error);
	if (r < 0)
		return r;
	rehearsal->text = filter_config_text(options->config);
	return rehearsal->text ? 0 : error_set(error, -ENOMEM, "out of memory");
}

/* ---- lists ---------------------------------------------------------------------------- */

static const char *kind_of(const struct list_source *list)
{
	return list->label & LABEL_ALLOW ? "allow" : "deny";
}

static size_t size_of(const struct list_source *list)
{
	return list->ranges.count4 + list->ranges.count6;
}

static const struct list_source *find_list(const struct list_set *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->items[i].name, name) == 0)
			return &set->items[i];
	return NULL;
}

static void print_amounts(const char *what, uint64_t added, uint64_t removed)
{
	char number[NUMBER_TEXT];

	if (!added && !removed)
		return;
	printf("; %s: ", what);
	if (added)
		printf("%s added", number_format(added, number));
	if (removed)
		printf("%s%s removed", added ? ", " : "", number_format(removed, number));
}

/* Whole networks of IPv6 come and go, and the number of their addresses says nothing. */
static void print_changes(const struct ranges *added, const struct ranges *removed)
{
	struct ranges_view in = ranges_view(added), out = ranges_view(removed);

	print_amounts("IPv4 addresses", (uint64_t)ranges_addresses(&in, true),
		      (uint64_t)ranges_addresses(&out, true));
	print_amounts("IPv6 ranges", in.count6, out.count6);
}

static int compare_list(struct rehearsal *rehearsal, const struct list_source *now,
			const struct list_source *then)
{
	CLEANUP_RANGES struct ranges added = { .v4 = NULL }, removed = { .v4 = NULL };
	char before[NUMBER_TEXT], after[NUMBER_TEXT];
	bool other_kind = (now->label & LABEL_ALLOW) != (then->label & LABEL_ALLOW);
	int r = ranges_subtract(&then->ranges, &now->ranges, &added);

	if (r == 0)
		r = ranges_subtract(&now->ranges, &then->ranges, &removed);
	if (r < 0)
		return r;
	if (!other_kind && !(added.count4 + added.count6 + removed.count4 + removed.count6))
		return 0;
	printf("list %s: ", then->name);
	if (other_kind)
		printf("%s -> %s, ", kind_of(now), kind_of(then));
	printf("ranges %s -> %s", number_format(size_of(now), before),
	       number_format(size_of(then), after));
	print_changes(&added, &removed);
	printf("%s\n", now->edited
			       ? "; undoes what 'sumun list add' and 'sumun list del' changed since"
			       : "");
	rehearsal->differences++;
	return 0;
}

static void tell_list(struct rehearsal *rehearsal, const struct list_source *list, const char *what)
{
	char number[NUMBER_TEXT];

	printf("list %s: %s, %s, %s range%s\n", list->name, what, kind_of(list),
	       number_format(size_of(list), number), size_of(list) == 1 ? "" : "s");
	rehearsal->differences++;
}

static int compare_lists(struct rehearsal *rehearsal)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < rehearsal->then.count; i++) {
		const struct list_source *then = &rehearsal->then.items[i];
		const struct list_source *now = find_list(&rehearsal->now, then->name);

		if (now)
			r = compare_list(rehearsal, now, then);
		else
			tell_list(rehearsal, then, "new");
	}
	for (size_t i = 0; i < rehearsal->now.count; i++)
		if (!find_list(&rehearsal->then, rehearsal->now.items[i].name))
			tell_list(rehearsal, &rehearsal->now.items[i], "removed");
	return r;
}

/* ---- everything else ------------------------------------------------------------------ */

static bool is_named(const struct rehearsal *rehearsal, const char *name)
{
	for (size_t i = 0; i < rehearsal->name_count; i++)
		if (strcmp(rehearsal->names[i], name) == 0)
			return true;
	return false;
}

static void compare_interfaces(struct rehearsal *rehearsal)
{
	struct gate_interface present[INTERFACES_MAX];
	size_t count = gate_interfaces(&rehearsal->store, present, INTERFACES_MAX);

	for (size_t i = 0; i < rehearsal->name_count; i++) {
		bool stands = false;

		for (size_t j = 0; j < count; j++)
			stands |= strcmp(present[j].name, rehearsal->names[i]) == 0 &&
				  present[j].mode != ATTACH_NONE;
		if (!stands)
			printf("interface %s: would be attached\n", rehearsal->names[i]);
		rehearsal->differences += !stands;
	}
	for (size_t j = 0; j < count; j++) {
		if (!*present[j].name || is_named(rehearsal, present[j].name))
			continue;
		printf("interface %s: would be detached\n", present[j].name);
		rehearsal->differences++;
	}
}

/* The guarded peers of one policy that another does not know. */
static void tell_guarded(struct rehearsal *rehearsal, const struct filter_policy *policy, char sign,
			 const struct tables *other_tables, const struct filter_policy *other)
{
	char text[PREFIX_TEXT];
	struct prefix prefix;
	size_t position = 0;
	uint64_t role;

	while (policy_next(policy, &position, &prefix, &role)) {
		if (!(role & ROLE_GUARDED) ||
		    policy_role_of(other_tables, other, &prefix) & ROLE_GUARDED)
			continue;
		printf("guarded peers: %c %s\n", sign, prefix_format(&prefix, text));
		rehearsal->differences++;
	}
}

/* Bans of the configuration that somebody ended since come back, though no setting changed. */
static void tell_returning_bans(struct rehearsal *rehearsal)
{
	const struct prefix_list *bans = &rehearsal->options->config->ban;
	const struct store *store = &rehearsal->store;
	char text[PREFIX_TEXT];

	for (size_t i = 0; i < bans->count; i++) {
		prefix_format(&bans->items[i], text);
		if (policy_role_of(&store->tables, store_policy(store), &bans->items[i]) &
			    (ROLE_BAN | ROLE_BAN_FORCED) ||
		    !config_text_has(config_in_force(&rehearsal->store), "filter", "ban", text))
			continue;
		printf("ban: + %s, which 'sumun unban' had ended\n", text);
		rehearsal->differences++;
	}
}

static int compare_settings(struct rehearsal *rehearsal)
{
	const char *now = config_in_force(&rehearsal->store);
	int r;

	if (!*now) {
		printf("settings: those in force were too long to be kept and cannot be "
		       "compared\n");
		rehearsal->differences++;
		return 0;
	}
	r = config_text_compare(now, rehearsal->text, stdout);
	if (r < 0)
		return r;
	rehearsal->differences += r;
	return 0;
}

static int compare_all(struct rehearsal *rehearsal)
{
	const struct store *store = &rehearsal->store;
	const struct filter_policy *policy = store_policy(store), *trial = rehearsal->trial.policy;
	int r = compare_settings(rehearsal);

	if (r == 0)
		r = compare_lists(rehearsal);
	if (r < 0)
		return r;
	tell_returning_bans(rehearsal);
	tell_guarded(rehearsal, trial, '+', &store->tables, policy);
	tell_guarded(rehearsal, policy, '-', &rehearsal->trial.tables, trial);
	compare_interfaces(rehearsal);
	if (store_shadow(store)) {
		printf("the shadow policy would end\n");
		rehearsal->differences++;
	}
	if (!rehearsal->differences)
		printf("nothing would change\n");
	return 0;
}

static void tell_raising(struct rehearsal *rehearsal)
{
	printf("the filter is not up; it would be raised on");
	for (size_t i = 0; i < rehearsal->name_count; i++)
		printf("%s %s", i ? "," : "", rehearsal->names[i]);
	printf(", with\n");
	config_text_print_set(rehearsal->text, stdout);
	for (size_t i = 0; i < rehearsal->then.count; i++)
		tell_list(rehearsal, &rehearsal->then.items[i], "new");
}

static void warn_of_cookies(const struct rehearsal *rehearsal)
{
	if (!rehearsal->options->config->syn_cookies)
		return;
	cookies_warn_of_kernel();
	for (size_t i = 0; i < rehearsal->name_count; i++)
		cookies_warn_of_interface(rehearsal->names[i]);
}

int dry_run(const struct gate_options *options)
{
	__attribute__((cleanup(end_rehearsal))) struct rehearsal rehearsal = {
		.options = options,
		.store = STORE_NONE,
	};
	struct error error = { "" };
	int r = rehearse(&rehearsal, &error);

	if (r == 0 && is_up(&rehearsal))
		r = compare_all(&rehearsal);
	else if (r == 0)
		tell_raising(&rehearsal);
	if (r == 0)
		warn_of_cookies(&rehearsal);
	else
		log_error("%s", *error.text ? error.text : strerror(-r));
	return status_of(r);
}
