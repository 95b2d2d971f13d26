// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a cgroup may send: what is read prints, reads back to the same, and so do its rules. */
#include "fuzz.h"

#include "modules/egress/destination.h"

static bool same(const struct destination *a, const struct destination *b)
{
	return a->anywhere == b->anywhere && a->protocols == b->protocols && a->first == b->first &&
	       a->last == b->last &&
	       (a->anywhere ||
		(a->prefix.length == b->prefix.length &&
		 memcmp(&a->prefix.address, &b->prefix.address, sizeof(a->prefix.address)) == 0));
}

/* What matches, matches within its mask, and IPv4 is never matched by what is for IPv6. */
static void check_rule(const struct egress_rule *rule)
{
	for (int i = 0; i < 2; i++)
		require((rule->address[i] & ~rule->mask[i]) == 0);
	require(!rule->protocols == !rule->last && rule->first <= rule->last);
	require(rule->protocols <= (EGRESS_TCP | EGRESS_UDP));
	require(!rule->v4 || rule->mask[0] == UINT64_MAX);
}

static void fuzz_text(const char *text)
{
	char buffer[DESTINATION_TEXT];
	struct destination destination, again;
	struct egress_rule rules[2];
	struct error error = {};
	int r = destination_parse(text, &destination, &error);
	size_t count;

	if (r < 0) {
		require_refusal(r, &error);
		return;
	}
	require(destination_parse(destination_format(&destination, buffer), &again, NULL) == 0);
	require(same(&destination, &again));
	count = destination_rules(&destination, true, rules);
	require(count == (destination.anywhere ? 2 : 1));
	for (size_t i = 0; i < count; i++) {
		check_rule(&rules[i]);
		require(destination_of_rule(&rules[i], &again) == (i == 0));
		require(i || same(&destination, &again));
	}
}
