/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "core/arguments.h"
#include "core/privilege.h"
#include "core/host.h"
#include "core/module.h"
#include "modules/filter/command_list.h"
#include "modules/filter/gate.h"
#include "modules/filter/list_file.h"
#include "modules/filter/list_store.h"
#include "modules/filter/range_sets.h"

enum { OVERLAPS_TOLD = 10 };

struct change {
	bool add; /* else take away */
	bool force;
	const char *name;
	char **words; /* the entries as typed */
	struct list_entry *entries;
	size_t count;
	struct ranges ranges; /* all of them, merged */
};

static void free_change(struct change *change)
{
	free(change->entries);
	ranges_free(&change->ranges);
}

/* ---- what was typed ------------------------------------------------------------------- */

static void note_problem(void *context, const char *path, unsigned line, const char *text)
{
	error_set(context, -EINVAL, "%s", text);
}

/* As a file would be refused that has this line. */
static int check_as_line(const char *word, struct error *error)
{
	const struct list_rules rules = { .strict = true,
					  .problem = note_problem,
					  .context = error };
	CLEANUP_RANGES struct ranges ranges = { .v4 = NULL };

	return list_file_parse(word, strlen(word), "", &rules, &ranges, NULL, NULL);
}

static int parse_entry(struct change *change, const char *word, struct error *error)
{
	struct list_entry *entry = &change->entries[change->count];
	char quoted[QUOTE_TEXT];
	int r;

	if (strlen(word) >= LIST_ENTRY_SIZE)
		return error_set(error, -EINVAL, "%s: longer than any entry",
				 text_quote(word, quoted));
	r = list_entry_read(word, entry, error);
	if (r == 0 && change->add)
		r = check_as_line(word, error);
	if (r == 0)
		r = ranges_add(&change->ranges, entry);
	if (r == 0)
		change->count++;
	return r;
}

static int parse_entries(struct change *change, size_t count, struct error *error)
{
	int r = 0;

	change->entries = calloc(count, sizeof(*change->entries));
	if (!change->entries)
		return error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; r == 0 && i < count; i++)
		r = parse_entry(change, change->words[i], error);
	return r < 0 ? r : ranges_merge(&change->ranges);
}

/* ---- may it be ------------------------------------------------------------------------ */

/* A deny list must not hold whom this host needs, just as no ban may. */
static int check_peers(const struct change *change, struct error *error)
{
	struct peers peers;

	host_peers(&peers);
	for (size_t i = 0; i < peers.count; i++) {
		struct prefix host = prefix_of(&peers.peers[i].address, ADDRESS_BITS);
		struct list_entry entry = list_entry_of(&host);
		struct ranges_view view = ranges_view(&change->ranges);
		char text[PREFIX_TEXT];

		if (ranges_cover(&view, &entry))
			return error_set(error, -EADDRINUSE,
					 "refusing to put %s on the list '%s': it is %s; --force "
					 "does it all the same",
					 prefix_format(&host, text), change->name,
					 peer_role_name(peers.peers[i].role));
	}
	return 0;
}

/* One that is not there is a slip; and whoever types several wants all of them or none. */
static int check_present(const struct change *change, const struct list_source *list,
			 struct error *error)
{
	char quoted[QUOTE_TEXT];

	for (size_t i = 0; i < change->count; i++)
		if (!ranges_touch(&list->ranges, &change->entries[i]))
			return error_set(error, -ENOENT, "%s is not on the list '%s'",
					 text_quote(change->words[i], quoted), change->name);
	return 0;
}

static int check_change(const struct store *store, const struct change *change,
			const struct list_source *list, struct error *error)
{
	int r = gate_refuse_pending(store, error);

	if (r < 0)
		return r;
	if (!change->add)
		return check_present(change, list, error);
	if (change->force || list->label & LABEL_ALLOW)
		return 0;
	return check_peers(change, error);
}

/* ---- the change ----------------------------------------------------------------------- */

/* False when everything is as it is wanted already. */
static bool is_needed(const struct change *change, const struct list_source *list)
{
	if (!change->add)
		return true;
	for (size_t i = 0; i < change->count; i++)
		if (!ranges_cover(&list->ranges, &change->entries[i]))
			return true;
	return false;
}

static int edit(const struct change *change, struct list_source *list, struct error *error)
{
	struct ranges_view view = ranges_view(&change->ranges);
	struct ranges ranges;
	int r = (change->add ? ranges_join : ranges_subtract)(&list->ranges, &view, &ranges);

	if (r < 0)
		return error_set(error, r, "out of memory");
	ranges_free(&list->own);
	list->own = ranges;
	list->ranges = ranges_view(&list->own);
	/* The map that holds the former ranges is not the one of this list any more. */
	cleanup_close(&list->fd);
	list->fd = -1;
	list->edited = true;
	return 0;
}

static int apply(struct store *store, const struct list_set *set, struct error *error)
{
	struct filter_policy *policy = store_copy_policy(store);
	int r = privilege_explain(PRIVILEGE_LISTS, list_store_put(store, policy, set, error),
				  error);

	if (r < 0)
		return r;
	store_put_in_force(store, policy, 0);
	list_store_tidy(store);
	return 0;
}

/* ---- telling -------------------------------------------------------------------------- */

/* Other lists may have it too: then less has changed than somebody may think. */
static void tell_overlap(const struct change *change, const struct list_source *changed,
			 const struct list_source *other, const struct list_entry *entry,
			 const char *word)
{
	bool allows = other->label & LABEL_ALLOW, same = allows == !!(changed->label & LABEL_ALLOW);
	char quoted[QUOTE_TEXT];

	if (change->add && !same && allows)
		log_info("%s: the list '%s' allows %s of it, and wins", text_quote(word, quoted),
			 other->name, ranges_cover(&other->ranges, entry) ? "all" : "some");
	else if (!change->add && same)
		log_info("%s: %s of it is on the list '%s' as well", text_quote(word, quoted),
			 ranges_cover(&other->ranges, entry) ? "all" : "some", other->name);
}

static void tell_overlaps(const struct change *change, const struct list_set *set, size_t item)
{
	size_t told = 0;

	for (size_t i = 0; i < change->count; i++) {
		for (size_t j = 0; j < set->count && told < OVERLAPS_TOLD; j++) {
			const struct list_source *other = &set->items[j];

			if (j == item || !ranges_touch(&other->ranges, &change->entries[i]))
				continue;
			tell_overlap(change, &set->items[item], other, &change->entries[i],
				     change->words[i]);
			told++;
		}
	}
}

static void tell(const struct store *store, const struct change *change, const struct list_set *set,
		 size_t item)
{
	const struct list_source *list = &set->items[item];
	char ranges[NUMBER_TEXT];

	printf("%s %zu %s %s the list '%s' (ranges now: %s), until the next 'sumun up' reads its "
	       "file again\n",
	       change->add ? "added" : "took", change->count,
	       change->count == 1 ? "entry" : "entries", change->add ? "to" : "from", list->name,
	       number_format(list->ranges.count4 + list->ranges.count6, ranges));
	tell_overlaps(change, set, item);
	if (store_policy(store)->mode == MODE_OBSERVE && !(list->label & LABEL_ALLOW))
		log_info("the filter observes: packets of listed sources are counted, not dropped");
}

/* ---- the commands --------------------------------------------------------------------- */

static int run_change(const struct change *change, struct error *error)
{
	CLEANUP_LIST_SET struct list_set set = { .count = 0 };
	CLEANUP_STORE struct store store = STORE_NONE;
	CLEANUP_CLOSE int lock = -1;
	size_t item = 0;
	int r = gate_open_locked(STORE_WRITE, &store, &lock, error);

	if (r == 0)
		r = list_store_load(&store, store_policy(&store), &set, error);
	if (r == 0)
		r = list_store_find(&store, &set, change->name, &item, error);
	if (r == 0)
		r = check_change(&store, change, &set.items[item], error);
	if (r < 0)
		return r;
	if (!is_needed(change, &set.items[item])) {
		printf("the list '%s' has all of that already\n", change->name);
		return 0;
	}
	r = edit(change, &set.items[item], error);
	if (r == 0)
		r = apply(&store, &set, error);
	if (r == 0)
		tell(&store, change, &set, item);
	return r;
}

static int run(const struct arguments *arguments, bool add)
{
	__attribute__((cleanup(free_change))) struct change change = {
		.add = add,
		.force = arguments->force,
		.name = arguments->operands[0],
		.words = arguments->operands + 1,
	};
	struct error error = { "" };
	int r = parse_entries(&change, arguments->operand_count - 1, &error);

	if (r == 0)
		r = run_change(&change, &error);
	if (r < 0)
		log_error("%s", *error.text ? error.text : strerror(-r));
	return status_of(r);
}

int command_list_add(int argc, char **argv)
{
	struct arguments arguments;

	arguments_read(
		argc, argv, ACCEPT_FORCE, "NAME ADDR[/LEN]|FIRST-LAST...", 2, OPERANDS_MAX,
		"Put addresses on a list that is in force, at once. The file of the list stays "
		"as it is, and the next 'sumun up' reads it again.",
		&arguments);
	return run(&arguments, true);
}

int command_list_del(int argc, char **argv)
{
	struct arguments arguments;

	arguments_read(argc, argv, 0, "NAME ADDR[/LEN]|FIRST-LAST...", 2, OPERANDS_MAX,
		       "Take addresses from a list that is in force, at once; from the middle of "
		       "what it has, too. The file of the list stays as it is, and the next 'sumun "
		       "up' reads it again.",
		       &arguments);
	return run(&arguments, false);
}
