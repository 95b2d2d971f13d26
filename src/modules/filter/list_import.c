/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the files that a configuration names into a policy. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "modules/filter/config_text.h"
#include "modules/filter/list_file.h"
#include "modules/filter/list_store.h"
#include "modules/filter/terms.h"

static void warn(void *context, const char *path, unsigned line, const char *text)
{
	if (line)
		log_warning("%s:%u: %s", path, line, text);
	else
		log_warning("%s: %s", path, text);
}

/* The number that this name has, or one that no list of a policy has. */
static int number_of(struct store *store, const char *name, uint8_t *ret_number,
		     struct error *error)
{
	struct filter_list_info *lists = store->tables.state->lists;
	uint8_t number = 1;

	while (number <= LISTS_MAX && *lists[number].name && strcmp(lists[number].name, name) != 0)
		number++;
	if (number > LISTS_MAX)
		return error_set(error, -ENOSPC,
				 "more than %d different names of lists since the filter came up; "
				 "'sumun down' forgets the former ones",
				 LISTS_MAX);
	snprintf(lists[number].name, LIST_NAME_SIZE, "%s", name);
	*ret_number = number;
	return 0;
}

static bool same_ranges(const struct ranges_view *a, const struct ranges_view *b)
{
	/* Where there are none, there need be no memory. */
	return a->count4 == b->count4 && a->count6 == b->count6 &&
	       (!a->count4 || memcmp(a->v4, b->v4, a->count4 * sizeof(*a->v4)) == 0) &&
	       (!a->count6 || memcmp(a->v6, b->v6, a->count6 * sizeof(*a->v6)) == 0);
}

/* A list that is in the kernel already goes on to live there. */
static void share(struct list_source *source, const struct list_set *present)
{
	for (size_t i = 0; i < present->count && source->fd < 0; i++) {
		const struct list_source *other = &present->items[i];

		if (LABEL_LIST(other->label) != LABEL_LIST(source->label))
			continue;
		if (same_ranges(&other->ranges, &source->ranges)) {
			source->fd = fcntl(other->fd, F_DUPFD_CLOEXEC, 3);
			source->edited = other->edited;
		} else {
			source->undoes = other->edited;
		}
	}
}

/* The file has come to say the same as was done by hand. */
static void forget_edit(const struct list_source *source)
{
	size_t size = sizeof(struct list_ranges);
	struct list_ranges *head =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, source->fd, 0);

	if (head == MAP_FAILED)
		return;
	head->edited = 0;
	munmap(head, size);
}

void list_store_end_edits(struct list_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct list_source *source = &set->items[i];

		if (source->undoes)
			log_info("list %s: what 'sumun list add' and 'sumun list del' changed "
				 "since is undone: its file has been read again",
				 source->name);
		else if (source->edited && source->fd >= 0)
			forget_edit(source);
	}
}

static bool same_set(const struct list_set *a, const struct list_set *b)
{
	for (size_t i = 0; a->count == b->count && i < a->count; i++)
		if (a->items[i].label != b->items[i].label || b->items[i].fd < 0)
			return false;
	return a->count == b->count;
}

/* A list of a configuration; it has no number yet. */
static int read_one(const char *path, uint8_t kind, const struct list_rules *rules,
		    struct list_set *set, struct error *error)
{
	struct list_source source = { .label = kind, .fd = -1 };
	struct list_tally tally;
	int r;

	r = filter_list_name(path, source.name, error);
	if (r == 0)
		r = list_file_read(path, rules, &source.own, &tally, error);
	if (r < 0)
		return r;
	log_debug("%s: %zu entries, %zu lines left out", path, tally.entries, tally.left_out);
	source.ranges = ranges_view(&source.own);
	set->items[set->count++] = source;
	return 0;
}

/*
 * A deny list that cannot be opened must not leave a host without any filter, as after a boot
 * at which a file was not there yet; so the first policy goes without it. The same of an allow
 * list would shut out whoever is on it. What a file says (-EINVAL) is somebody's mistake.
 */
static int read_deny(const char *path, const struct list_rules *rules, bool first,
		     struct list_set *set, struct error *error)
{
	struct error why = { "" };
	int r = read_one(path, 0, rules, set, &why);

	if (r < 0 && r != -ENOMEM && r != -EINVAL && first && !rules->strict) {
		log_warning("%s: the filter goes up WITHOUT this list; 'sumun up' once more when "
			    "it can be read",
			    why.text);
		return 0;
	}
	return r < 0 ? error_set(error, r, "%s", why.text) : 0;
}

static int read_all(const struct filter_config *config, const struct list_rules *deny, bool first,
		    struct list_set *set, struct error *error)
{
	struct list_rules allow = *deny;
	int r = 0;

	allow.protected_count = 0; /* allowing a peer shuts nobody out */
	if (config->allow_lists.count + config->deny_lists.count > LISTS_MAX)
		return error_set(error, -E2BIG, "more than %d lists", LISTS_MAX);
	for (size_t i = 0; r == 0 && i < config->allow_lists.count; i++)
		r = read_one(config->allow_lists.items[i], LABEL_ALLOW, &allow, set, error);
	for (size_t i = 0; r == 0 && i < config->deny_lists.count; i++)
		r = read_deny(config->deny_lists.items[i], deny, first, set, error);
	return r;
}

int list_store_read(const struct filter_config *config, const struct peers *peers, bool first,
		    struct list_set *ret_set, struct error *error)
{
	CLEANUP_FREE struct prefix *guarded = calloc(peers->count + 1, sizeof(*guarded));
	struct list_rules rules = { .strict = config->strict_lists,
				    .protected = guarded,
				    .protected_count = peers->count,
				    .problem = warn };
	struct list_set set = { .count = 0 };
	int r;

	if (!guarded)
		return error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < peers->count; i++)
		guarded[i] = prefix_of(&peers->peers[i].address, ADDRESS_BITS);
	r = read_all(config, &rules, first, &set, error);
	if (r < 0) {
		list_set_free(&set);
		return r;
	}
	*ret_set = set;
	return 0;
}

void list_store_missing(const struct store *store, list_missing *visit, void *context)
{
	const struct filter_policy *policy = store_policy(store);
	const char *value;
	size_t length = config_text_value(config_in_force(store), "filter", "deny-list", &value);
	CLEANUP_FREE char *paths = strndup(value, length);
	char name[LIST_NAME_SIZE], *next = paths, *path;

	while ((path = strsep(&next, ", "))) {
		uint32_t number = 1;

		if (!*path || filter_list_name(path, name, NULL) < 0)
			continue;
		while (number <= LISTS_MAX &&
		       (!list_kind(policy, number) || strcmp(list_name(store, number), name) != 0))
			number++;
		if (number > LISTS_MAX)
			visit(context, path);
	}
}

static int number_all(struct store *store, struct list_set *set, struct error *error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->count; i++) {
		uint8_t number = 0;

		r = number_of(store, set->items[i].name, &number, error);
		set->items[i].label |= number;
	}
	return r;
}

int list_store_import(struct store *store, struct filter_policy *policy, struct list_set *set,
		      struct error *error)
{
	CLEANUP_LIST_SET struct list_set present = { .count = 0 };
	int r = 0;

	if (set->count)
		r = number_all(store, set, error);
	if (r == 0)
		r = list_store_load(store, store_policy(store), &present, error);
	if (r < 0)
		return r;
	for (size_t i = 0; i < set->count; i++)
		share(&set->items[i], &present);
	if (same_set(&present, set)) {
		policy->list_table = store_policy(store)->list_table;
		policy->flags |= store_policy(store)->flags & (POLICY_LISTS4 | POLICY_LISTS6);
		policy->deny_lists = store_policy(store)->deny_lists;
		policy->allow_lists = store_policy(store)->allow_lists;
		return 0;
	}
	return list_store_put(store, policy, set, error);
}
