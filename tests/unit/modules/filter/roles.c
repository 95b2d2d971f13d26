// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include "plain.h"

static int make(void **state)
{
	static struct plain plain;

	plain_make(&plain);
	*state = &plain;
	return 0;
}

static int destroy(void **state)
{
	plain_free(*state);
	return 0;
}

static int add(struct plain *plain, const char *text, uint64_t role)
{
	struct prefix wanted = prefix(text);

	return policy_add_role(&plain->tables, &plain->globals->policies[1], &wanted, role, NULL);
}

static uint64_t role_of(const struct plain *plain, const char *text)
{
	struct address wanted = address(text);

	return policy_role(&plain->globals->policies[1], &wanted);
}

/* As the packet path asks: is this address near an entry of the policy? */
static bool near_entry(const struct plain *plain, const char *text)
{
	struct address wanted = address(text);
	uint32_t family = address_is_v4(&wanted) ? FAMILY_V4 : FAMILY_V6;
	uint32_t hint = filter_allow_hint(family, key_of(&wanted), plain->globals->state.seed) %
			ALLOW_HINT_BITS;

	return plain->globals->policies[1].allow_hints[family][hint / 64] >> (hint % 64) & 1;
}

/* ---- entries ---------------------------------------------------------------------- */

static void roles_of_all_entries_add_up(void **state)
{
	struct plain *plain = *state;

	assert_ok(add(plain, "192.0.2.0/24", ROLE_ALLOW));
	assert_ok(add(plain, "192.0.2.7", ROLE_GUARDED));
	assert_ok(add(plain, "192.0.2.7", 53ULL << ROLE_SOURCE_PORT_SHIFT));
	assert_ok(add(plain, "2001:db8::/32", ROLE_GUARDED));
	assert_ok(add(plain, "::/0", ROLE_ALLOW));
	assert_int_equal(role_of(plain, "192.0.2.8"), ROLE_ALLOW);
	assert_int_equal(role_of(plain, "192.0.2.7"),
			 ROLE_ALLOW | ROLE_GUARDED | 53ULL << ROLE_SOURCE_PORT_SHIFT);
	assert_int_equal(role_of(plain, "192.0.3.1"), 0);
	assert_int_equal(role_of(plain, "2001:db8::1"), ROLE_ALLOW | ROLE_GUARDED);
	assert_int_equal(role_of(plain, "2001:db9::1"), ROLE_ALLOW);
}

static void entries_are_gone_through_once_each(void **state)
{
	static const char *const texts[] = { "192.0.2.0/24", "10.0.0.0/8", "2001:db8::/48",
					     "192.0.2.7" };
	struct plain *plain = *state;
	unsigned seen = 0, count = 0;
	size_t position = 0;
	struct prefix entry;
	uint64_t role;

	assert_false(policy_next(&plain->globals->policies[1], &position, &entry, &role));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_ok(add(plain, texts[i], ROLE_ALLOW));
		assert_ok(add(plain, texts[i], 1ULL << (20 + i)));
	}
	position = 0;
	while (policy_next(&plain->globals->policies[1], &position, &entry, &role)) {
		for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
			struct prefix wanted = prefix(texts[i]);

			if (!prefix_equal(&entry, &wanted))
				continue;
			assert_int_equal(role, ROLE_ALLOW | 1ULL << (20 + i));
			seen |= 1u << i;
		}
		count++;
	}
	assert_int_equal(count, ARRAY_SIZE(texts));
	assert_int_equal(seen, 0xf);
}

static void both_kinds_of_hints_are_set(void **state)
{
	static const struct {
		const char *prefix, *inside[3];
	} rows[] = {
		{ "192.0.2.7", { "192.0.2.7" } },
		{ "10.16.0.0/12", { "10.16.0.0", "10.31.255.255" } },
		{ "10.0.0.0/8", { "10.0.0.0", "10.255.255.255", "10.99.1.1" } },
		{ "64.0.0.0/2", { "64.0.0.0", "127.255.255.255", "100.99.1.1" } },
		{ "0.0.0.0/0", { "0.0.0.1", "255.255.255.255", "100.99.1.1" } },
		{ "2001:db8::1", { "2001:db8::1" } },
		{ "2001:db8::/32", { "2001:db8::", "2001:db8:ffff::", "2001:db8:77:1::" } },
		{ "2001:d00::/28", { "2001:d00::", "2001:d0f:ffff::", "2001:d07:77:1::" } },
		{ "2000::/3", { "2000::", "3fff:ffff::", "2a00::" } },
		{ "::/0", { "::1", "ffff::", "2a00::" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct plain plain;

		plain_make(&plain);
		assert_ok(add(&plain, rows[i].prefix, ROLE_ALLOW));
		for (size_t j = 0; j < 3 && rows[i].inside[j]; j++) {
			assert_row(near_entry(&plain, rows[i].inside[j]), rows[i].prefix);
			assert_row(hinted(&plain.tables, address(rows[i].inside[j])),
				   rows[i].prefix);
		}
		if (i < 3) {
			assert_false(near_entry(&plain, "11.0.0.1"));
			assert_false(hinted(&plain.tables, address("11.0.0.1")));
		}
		/* The other family's are not touched. */
		assert_row(!near_entry(&plain, i < 5 ? "2a00::" : "192.0.2.7"), rows[i].prefix);
		assert_row(!hinted(&plain.tables, address(i < 5 ? "2a00::" : "192.0.2.7")),
			   rows[i].prefix);
		plain_free(&plain);
	}
}

static void as_many_entries_fit_as_are_said(void **state)
{
	struct plain *plain = *state;
	struct error error = {};
	struct prefix host;
	uint64_t seed = 31;

	for (int i = 0; i <= ALLOW_CAPACITY; i++) {
		host = prefix_of(&(struct address){ { 0x20, 1 } }, ADDRESS_BITS);
		for (size_t b = 2; b < 16; b++)
			host.address.bytes[b] = (uint8_t)random_next(&seed);
		assert_int_equal(policy_add_role(&plain->tables, &plain->globals->policies[1],
						 &host, ROLE_ALLOW, &error),
				 i < ALLOW_CAPACITY ? 0 : -ENOSPC);
	}
	assert_error_contains(&error, "more than 1024 entries");
	assert_error_contains(&error, "deny-list");
	assert_int_equal(policy_role(&plain->globals->policies[1], &host.address), 0);
}

static void as_many_lengths_fit_as_are_said(void **state)
{
	struct plain *plain = *state;
	struct error error = {};

	for (uint8_t length = 0; length <= LENGTHS_MAX; length++) {
		struct prefix wanted = network("2001:db8::", 40 + length);

		assert_int_equal(policy_add_role(&plain->tables, &plain->globals->policies[1],
						 &wanted, ROLE_ALLOW, &error),
				 length < LENGTHS_MAX ? 0 : -ENOSPC);
	}
	assert_error_contains(&error, "more than 24 different prefix lengths");
	assert_error_contains(&error, "deny-list");
}

/* ---- bans of the configuration ------------------------------------------------------ */

static void bans_are_roles_too(void **state)
{
	struct plain *plain = *state;
	const struct filter_policy *policy = &plain->globals->policies[1];
	size_t position = 0, forced = 0, count = 0;
	struct ban ban;

	assert_ok(add(plain, "192.0.2.0/24", ROLE_BAN));
	assert_ok(add(plain, "192.0.2.7", ROLE_GUARDED));
	assert_ok(add(plain, "192.0.2.8", ROLE_ALLOW));
	assert_ok(add(plain, "192.0.2.9", ROLE_BAN_FORCED));
	assert_ok(add(plain, "2001:db8::/32", ROLE_BAN));
	/* Who wins is for those to say who read them. */
	assert_int_equal(role_of(plain, "192.0.2.1"), ROLE_BAN);
	assert_int_equal(role_of(plain, "192.0.2.7"), ROLE_BAN | ROLE_GUARDED);
	assert_int_equal(role_of(plain, "192.0.2.8"), ROLE_BAN | ROLE_ALLOW);
	assert_int_equal(role_of(plain, "192.0.2.9"), ROLE_BAN | ROLE_BAN_FORCED);
	assert_int_equal(role_of(plain, "2001:db8:7::1"), ROLE_BAN);
	assert_true(near_entry(plain, "192.0.2.1") && near_entry(plain, "2001:db8:7::1"));
	assert_true(hinted(&plain->tables, address("2001:db8:7::1")));

	while (policy_next_ban(policy, &position, &ban)) {
		assert_int_equal(ban.end, BAN_FOREVER);
		forced += ban.forced;
		count++;
	}
	assert_int_equal(count, 3);
	assert_int_equal(forced, 1);
	assert_int_equal(policy_ban_count(policy), 3);
	assert_int_equal(ban_count(&plain->tables, 1), 0);
}

static void bans_that_are_too_wide_are_refused(void **state)
{
	static const struct {
		const char *text;
		int code;
	} rows[] = { { "10.0.0.0/8", 0 },    { "12.0.0.0/7", -EINVAL },    { "0.0.0.0", -EINVAL },
		     { "2001:db8::/32", 0 }, { "2001:db8::/31", -EINVAL }, { "::/0", -EINVAL } };
	struct plain *plain = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_row(add(plain, rows[i].text, ROLE_BAN) == rows[i].code, rows[i].text);
		assert_row(add(plain, rows[i].text, ROLE_BAN_FORCED) == rows[i].code, rows[i].text);
		assert_row((role_of(plain, "12.1.1.1") | role_of(plain, "2001:db7::1")) == 0,
			   rows[i].text);
		assert_row(add(plain, rows[i].text, ROLE_GUARDED) == 0, rows[i].text);
		memset(&plain->globals->policies[1], 0, sizeof(plain->globals->policies[1]));
	}
}

/* ---- taking away ---------------------------------------------------------------------- */

static int take(struct plain *plain, const char *text, uint64_t role)
{
	struct prefix wanted = prefix(text);

	return policy_remove_role(&plain->tables, &plain->globals->policies[1], &wanted, role);
}

static uint64_t exactly(const struct plain *plain, const char *text)
{
	struct prefix wanted = prefix(text);

	return policy_role_of(&plain->tables, &plain->globals->policies[1], &wanted);
}

static void roles_are_taken_away(void **state)
{
	struct plain *plain = *state;
	const struct filter_policy *policy = &plain->globals->policies[1];

	assert_ok(add(plain, "192.0.2.0/24", ROLE_BAN));
	assert_ok(add(plain, "192.0.2.7", ROLE_GUARDED | ROLE_BAN | ROLE_BAN_FORCED));
	assert_ok(add(plain, "2001:db8::/48", ROLE_BAN));
	assert_int_equal(exactly(plain, "192.0.2.0/24"), ROLE_BAN);
	assert_int_equal(exactly(plain, "192.0.2.1"), 0);
	assert_int_equal(exactly(plain, "192.0.2.0/25"), 0);

	assert_int_equal(take(plain, "192.0.2.1", ROLE_BAN), -ENOENT);
	assert_int_equal(take(plain, "192.0.2.0/25", ROLE_BAN), -ENOENT);
	assert_int_equal(take(plain, "192.0.2.0/24", ROLE_BAN_FORCED), -ENOENT);
	assert_int_equal(policy_ban_count(policy), 3);

	assert_ok(take(plain, "192.0.2.7", ROLE_BAN | ROLE_BAN_FORCED));
	assert_int_equal(exactly(plain, "192.0.2.7"), ROLE_GUARDED);
	assert_int_equal(role_of(plain, "192.0.2.7"), ROLE_GUARDED | ROLE_BAN);
	assert_int_equal(policy->allow_lengths[FAMILY_V4].count, 2);

	assert_ok(take(plain, "192.0.2.0/24", ROLE_BAN | ROLE_BAN_FORCED));
	assert_int_equal(role_of(plain, "192.0.2.7"), ROLE_GUARDED);
	assert_int_equal(take(plain, "192.0.2.0/24", ROLE_BAN), -ENOENT);
	/* A length that nobody has any more costs packets nothing. */
	assert_int_equal(policy->allow_lengths[FAMILY_V4].count, 1);
	assert_int_equal(policy->allow_lengths[FAMILY_V4].length[0], 128);
	assert_int_equal(policy->allow_lengths[FAMILY_V6].count, 1);

	assert_ok(add(plain, "192.0.2.0/24", ROLE_ALLOW));
	assert_int_equal(exactly(plain, "192.0.2.0/24"), ROLE_ALLOW);
	assert_int_equal(policy->allow_lengths[FAMILY_V4].count, 2);
}

/* In one bucket and behind it: what is left stays where readers find it. */
static void an_entry_that_is_gone_hides_no_other(void **state)
{
	enum { MANY = WIDE_PROBES * WIDE_SLOTS };
	struct plain *plain = *state;
	struct tables *tables = &plain->tables;
	struct filter_policy *policy = &plain->globals->policies[1];
	struct filter_key key = { 0x20010db800000000, 0 };
	struct prefix hosts[MANY + 1];
	struct error error = {};

	for (size_t i = 0; i <= MANY; i++) {
		do
			key.low++;
		while (filter_wide_hash(key, 128, tables->state->seed) % ALLOW_BUCKETS !=
		       ALLOW_BUCKETS - 1);
		hosts[i] = (struct prefix){ address_of(key), 128 };
		assert_int_equal(policy_add_role(tables, policy, &hosts[i], ROLE_BAN, &error),
				 i < MANY ? 0 : -ENOSPC);
	}
	for (size_t i = 0; i < MANY; i += 2)
		assert_ok(policy_remove_role(tables, policy, &hosts[i], ROLE_BAN));
	assert_int_equal(policy_ban_count(policy), MANY / 2);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(policy_role_of(tables, policy, &hosts[i]), i % 2 ? ROLE_BAN : 0);
	for (size_t i = 0; i < MANY; i++)
		assert_true(policy->allow[(ALLOW_BUCKETS - 1 + i / WIDE_SLOTS) % ALLOW_BUCKETS]
				    .slot[i % WIDE_SLOTS]
				    .word);
	/* Its slot is taken again, with nothing of what it was. */
	assert_ok(policy_add_role(tables, policy, &hosts[MANY], ROLE_GUARDED, NULL));
	assert_int_equal(policy_role_of(tables, policy, &hosts[MANY]), ROLE_GUARDED);
	assert_int_equal(policy_role_of(tables, policy, &hosts[0]), 0);
	assert_int_equal(policy_ban_count(policy), MANY / 2);
}

#define on_tables(test) cmocka_unit_test_setup_teardown(test, make, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_tables(roles_of_all_entries_add_up),
		on_tables(entries_are_gone_through_once_each),
		cmocka_unit_test(both_kinds_of_hints_are_set),
		on_tables(as_many_entries_fit_as_are_said),
		on_tables(as_many_lengths_fit_as_are_said),
		on_tables(bans_are_roles_too),
		on_tables(bans_that_are_too_wide_are_refused),
		on_tables(roles_are_taken_away),
		on_tables(an_entry_that_is_gone_hides_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
