// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include "modules/filter/policy.h"
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
	assert_error_contains(&error, "more than 1024 allow entries");
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
}

/* ---- a whole policy ------------------------------------------------------------------ */

static void a_policy_is_filled_from_configuration_and_peers(void **state)
{
	struct plain *plain = *state;
	struct filter_policy *policy = &plain->globals->policies[1];
	struct prefix allowed[] = { prefix("198.51.100.0/24"), prefix("2001:db8::/32") };
	struct filter_config config = { .mode = MODE_ENFORCE, .allow = { allowed, 2 } };
	static struct peers peers;

	port_set_add(&config.blocked, &(struct port_range){ PORT_TCP, 8080, 8081 });
	port_set_add(&config.blocked, &(struct port_range){ PORT_UDP, 53, 53 });
	peers.peers[0] = (struct peer){ address("192.0.2.1"), PEER_GATEWAY, 0 };
	peers.peers[1] = (struct peer){ address("192.0.2.53"), PEER_RESOLVER, 53 };
	peers.peers[2] = (struct peer){ address("203.0.113.9"), PEER_SSH, 2200 };
	peers.peers[3] = (struct peer){ address("192.0.2.100"), PEER_SELF, 0 };
	peers.peers[4] = (struct peer){ address("192.0.2.1"), PEER_RESOLVER, 53 };
	peers.count = 5;

	assert_ok(policy_fill(&plain->tables, policy, &config, &peers, NULL));
	assert_int_equal(policy->mode, MODE_ENFORCE);
	assert_int_equal(policy->blocked[FILTER_TCP][8080 / 64] >> (8080 % 64), 3);
	assert_int_equal(policy->blocked[FILTER_UDP][0], 1ULL << 53);
	assert_int_equal(role_of(plain, "198.51.100.3"), ROLE_ALLOW);
	assert_int_equal(role_of(plain, "2001:db8:1::3"), ROLE_ALLOW);
	assert_int_equal(role_of(plain, "192.0.2.1"),
			 ROLE_GUARDED | 53ULL << ROLE_SOURCE_PORT_SHIFT);
	assert_int_equal(role_of(plain, "192.0.2.53"),
			 ROLE_GUARDED | 53ULL << ROLE_SOURCE_PORT_SHIFT);
	assert_int_equal(role_of(plain, "203.0.113.9"), ROLE_GUARDED);
	assert_int_equal(role_of(plain, "192.0.2.100"), 0);
}

static void a_configuration_that_locks_out_is_refused(void **state)
{
	struct prefix banned[] = { prefix("198.51.100.0/24"), prefix("203.0.113.0/24") };
	struct filter_config config = { .ban = { banned, 1 } };
	struct error error = {};
	static struct peers peers;

	peers.peers[0] = (struct peer){ address("203.0.113.9"), PEER_SSH, 22 };
	peers.count = 1;
	assert_ok(policy_check_lockout(&config, &peers, &error));
	config.ban.count = 2;
	assert_int_equal(policy_check_lockout(&config, &peers, &error), -EADDRINUSE);
	assert_error_contains(&error, "203.0.113.0/24");
	config.ban.count = 0;
	port_set_add(&config.blocked, &(struct port_range){ PORT_TCP, 1, 100 });
	assert_int_equal(policy_check_lockout(&config, &peers, &error), -EADDRINUSE);
	assert_error_contains(&error, "tcp/22");
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
		on_tables(a_policy_is_filled_from_configuration_and_peers),
		cmocka_unit_test(a_configuration_that_locks_out_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
