/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sections as a whole: the guards and their names, and whether all values agree. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/text.h"
#include "modules/filter/settings.h"
#include "modules/filter/settings_value.h"

/* ---- [filter] ------------------------------------------------------------------------- */

static const char *list_path(const struct filter_config *config, size_t index)
{
	const struct name_list *deny = &config->deny_lists, *allow = &config->allow_lists;

	return index < deny->count ? deny->items[index] : allow->items[index - deny->count];
}

static int check_list_names(const struct filter_config *config, struct error *error)
{
	size_t count = config->deny_lists.count + config->allow_lists.count;
	char names[LISTS_MAX][LIST_NAME_SIZE];
	char first[QUOTE_TEXT], second[QUOTE_TEXT];

	if (count > LISTS_MAX)
		return error_set(error, -EINVAL,
				 "%zu lists in 'deny-list' and 'allow-list', but at most %d are "
				 "possible; join some files",
				 count, LISTS_MAX);
	for (size_t i = 0; i < count; i++) {
		int r = filter_list_name(list_path(config, i), names[i], error);

		if (r < 0)
			return r;
		for (size_t j = 0; j < i; j++)
			if (strcmp(names[i], names[j]) == 0)
				return error_set(error, -EINVAL,
						 "%s and %s would both be the list '%s'; rename "
						 "one of the files",
						 text_quote(list_path(config, j), first),
						 text_quote(list_path(config, i), second),
						 names[i]);
	}
	return 0;
}

static int check_filter(const void *target, const void *item, struct error *error)
{
	const struct filter_config *config = target;
	const struct rate *above = &config->syn_cookies_above;
	char rate[RATE_TEXT];

	/* The default is printed, and so it must be read. */
	if (!config->syn_cookies &&
	    (above->count != COOKIES_ABOVE || above->period != NSEC_PER_SEC))
		return error_set(error, -EINVAL,
				 "'syn-cookies-above = %s' does nothing without 'syn-cookies = on'",
				 rate_text(above, rate));
	return check_list_names(config, error);
}

/* ---- [guard NAME] --------------------------------------------------------------------- */

_Static_assert((int)GUARD_NAME_SIZE == (int)SECTION_NAME_SIZE, "a guard is named by its section");

static int make_guard(void *target, const char *name, void **ret_item, struct error *error)
{
	struct guard_list *list = &((struct filter_config *)target)->guards;
	struct guard_config *items;

	if (list->count == GUARDS_MAX)
		return error_set(error, -EINVAL,
				 "more than %d guards; one guard can have many ports", GUARDS_MAX);
	items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->count] = (struct guard_config){ .mode = MODE_ENFORCE };
	snprintf(items[list->count].name, GUARD_NAME_SIZE, "%s", name);
	*ret_item = &items[list->count++];
	return 0;
}

static const void *guard_at(const void *target, size_t index, const char **ret_name)
{
	const struct guard_list *list = &((const struct filter_config *)target)->guards;

	if (index >= list->count)
		return NULL;
	*ret_name = list->items[index].name;
	return &list->items[index];
}

static const struct rate *first_limit(const struct guard_config *guard)
{
	const struct rate *const limits[] = { &guard->connections, &guard->packets, &guard->bytes,
					      &guard->total };

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (limits[i]->count)
			return limits[i];
	return NULL;
}

uint64_t filter_guard_burst(const struct guard_config *guard, const struct rate *limit)
{
	return limit == first_limit(guard) ? guard->burst : 0;
}

static int check_limits(const struct guard_config *guard, struct error *error)
{
	const struct rate *first = first_limit(guard);

	if (!first)
		return error_set(error, -EINVAL,
				 "it limits nothing: give 'per-source', 'packets-per-source', "
				 "'bytes-per-source' or 'total'");
	if (guard->burst / first->count > DURATION_MAX / first->period)
		return error_set(error, -EINVAL,
				 "'burst' is so large that it would take more than 100 years to "
				 "come back");
	return 0;
}

static int check_ban(const struct guard_config *guard, struct error *error)
{
	char ban[DURATION_TEXT], most[DURATION_TEXT];

	if (guard->ban && !guard->connections.count && !guard->packets.count && !guard->bytes.count)
		return error_set(
			error, -EINVAL,
			"'ban' wants a limit of one source ('per-source', "
			"'packets-per-source' or 'bytes-per-source'); 'total' bans nobody");
	if (guard->ban_max && !guard->ban)
		return error_set(error, -EINVAL,
				 "'ban-max' wants 'ban', which says how long the first ban is");
	if (guard->ban_max && guard->ban_max < guard->ban)
		return error_set(error, -EINVAL, "'ban-max = %s' is shorter than 'ban = %s'",
				 duration_format(guard->ban_max, most),
				 duration_format(guard->ban, ban));
	return 0;
}

/* The lowest port that is in both. */
static bool common_port(const struct port_set *a, const struct port_set *b,
			struct port_range *ret_port)
{
	for (int protocol = 0; protocol < PORT_PROTOCOLS; protocol++) {
		for (uint32_t word = 0; word < PORT_COUNT / 64; word++) {
			uint64_t both = a->bits[protocol][word] & b->bits[protocol][word];

			if (both) {
				uint16_t port =
					(uint16_t)(word * 64 + (uint32_t)__builtin_ctzll(both));

				*ret_port = (struct port_range){ protocol, port, port };
				return true;
			}
		}
	}
	return false;
}

static bool has_ports(const struct guard_config *guard)
{
	enum port_protocol protocol = 0;
	struct port_range range;
	uint32_t port = 0;

	return port_set_next(&guard->ports, &protocol, &port, &range);
}

/* A packet has one guard, so no two may claim the same. */
static int check_claims(const struct guard_config *guard, const struct guard_config *other,
			struct error *error)
{
	char port[PORT_RANGE_TEXT];
	struct port_range range;

	if (common_port(&guard->ports, &other->ports, &range))
		return error_set(error, -EINVAL,
				 "%s is a port of [guard %s] too; a port has one guard",
				 port_range_format(&range, port), other->name);
	if (!has_ports(guard) && !has_ports(other))
		return error_set(error, -EINVAL,
				 "it has no 'ports', and neither has [guard %s]; one guard may "
				 "have the packets that no other has",
				 other->name);
	return 0;
}

static int check_guard(const void *target, const void *item, struct error *error)
{
	const struct filter_config *config = target;
	const struct guard_config *guard = item;
	int r = check_limits(guard, error);

	if (r == 0)
		r = check_ban(guard, error);
	for (const struct guard_config *other = config->guards.items; r == 0 && other < guard;
	     other++)
		r = check_claims(guard, other, error);
	return r;
}

const struct section filter_sections[] = {
	{ .name = "filter", .check = check_filter },
	{ .name = "guard", .make = make_guard, .item = guard_at, .check = check_guard },
	{ .name = NULL },
};
