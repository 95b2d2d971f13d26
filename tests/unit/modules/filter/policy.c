// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include "base/duration.h"
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

static uint64_t role_of(const struct plain *plain, const char *text)
{
	struct address wanted = address(text);

	return policy_role(&plain->globals->policies[1], &wanted);
}

/* ---- limits ------------------------------------------------------------------------- */

/* The token bucket that the kernel keeps, as guards.bpf.h has it. */
static bool spend(uint64_t *due, const struct filter_limit *limit, uint64_t units, uint64_t now)
{
	uint64_t cost = units * limit->interval >> PRICE_SHIFT,
		 next = (*due > now ? *due : now) + cost;

	if (next - now > limit->burst)
		return false;
	*due = next;
	return true;
}

static uint64_t spend_all(uint64_t *due, const struct filter_limit *limit, uint64_t now)
{
	uint64_t count = 0;

	while (count < 10000000 && spend(due, limit, 1, now))
		count++;
	return count;
}

/* So many at once, and after a period as many as the rate says; never more. */
static void a_limit_lets_through_what_its_rate_says(void **state)
{
	static const struct {
		struct rate rate;
		uint64_t burst;
		uint32_t hz;
	} rows[] = {
		{ { 20, 60 * NSEC_PER_SEC }, 0, 250 },
		{ { 20, 60 * NSEC_PER_SEC }, 5, 1000 },
		{ { 1000, 60 * NSEC_PER_SEC }, 0, 100 },
		{ { 50000, NSEC_PER_SEC }, 0, 250 },
		{ { 50000, NSEC_PER_SEC }, 60000, 1000 },
		{ { 1, 86400 * NSEC_PER_SEC }, 3, 1000 },
		{ { 1000000, NSEC_PER_SEC }, 100000, 250 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct filter_limit limit = policy_limit(&rows[i].rate, rows[i].burst, rows[i].hz);
		uint64_t burst = rows[i].burst ? rows[i].burst : rows[i].rate.count;
		uint64_t period = rows[i].rate.period / NSEC_PER_SEC * rows[i].hz << METER_SHIFT;
		uint64_t now = 1ULL << 50, due = 0, most;

		assert_in_range(spend_all(&due, &limit, now), burst, burst + burst / 2000);
		assert_int_equal(spend_all(&due, &limit, now), 0);
		/* A tenth of the period gives a tenth of the rate. */
		most = rows[i].rate.count / 10 < burst ? rows[i].rate.count / 10 : burst;
		assert_in_range(spend_all(&due, &limit, now + period / 10), most - most / 500,
				most + most / 500 + 1);
		/* However long nothing came, no more than the burst. */
		assert_in_range(spend_all(&due, &limit, now + 1000 * period), burst,
				burst + burst / 2000);
	}
}

static void a_burst_of_less_than_a_jiffy_is_one(void **state)
{
	struct rate rate = { 1000000, NSEC_PER_SEC };
	struct filter_limit limit = policy_limit(&rate, 1, 100);
	uint64_t due = 0;

	/* 100 jiffies a second: what is due within one comes at once. */
	assert_in_range(spend_all(&due, &limit, 1ULL << 50), 9990, 10010);
}

static void no_rate_is_no_limit(void **state)
{
	struct rate rate = { 0, 0 };

	assert_int_equal(policy_limit(&rate, 7, 250).interval, 0);
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

	plain->globals->state.jiffies_hz = 250;
	assert_ok(policy_fill(&plain->tables, policy, &config, &peers, false, NULL));
	assert_int_equal(policy->mode, MODE_ENFORCE);
	assert_int_equal(policy->ports[FILTER_TCP][8079], 0);
	assert_int_equal(policy->ports[FILTER_TCP][8080], PORT_BLOCKED);
	assert_int_equal(policy->ports[FILTER_TCP][8081], PORT_BLOCKED);
	assert_int_equal(policy->ports[FILTER_TCP][8082], 0);
	assert_int_equal(policy->ports[FILTER_UDP][53], PORT_BLOCKED);
	assert_int_equal(policy->list_table, LIST_TABLES);
	assert_int_equal(role_of(plain, "198.51.100.3"), ROLE_ALLOW);
	assert_int_equal(role_of(plain, "2001:db8:1::3"), ROLE_ALLOW);
	assert_int_equal(role_of(plain, "192.0.2.1"),
			 ROLE_GUARDED | 53ULL << ROLE_SOURCE_PORT_SHIFT);
	assert_int_equal(role_of(plain, "192.0.2.53"),
			 ROLE_GUARDED | 53ULL << ROLE_SOURCE_PORT_SHIFT);
	assert_int_equal(role_of(plain, "203.0.113.9"), ROLE_GUARDED);
	assert_int_equal(role_of(plain, "192.0.2.100"), 0);
}

static struct guard_config guard(const char *name, uint16_t first, uint16_t last)
{
	struct guard_config guard = { .mode = MODE_ENFORCE,
				      .connections = { 20, 60 * NSEC_PER_SEC } };

	snprintf(guard.name, sizeof(guard.name), "%s", name);
	if (first)
		port_set_add(&guard.ports, &(struct port_range){ PORT_TCP, first, last });
	return guard;
}

static void guards_have_their_ports_and_keep_their_numbers(void **state)
{
	struct guard_config guards[] = { guard("ssh", 22, 22), guard("rest", 0, 0),
					 guard("web", 80, 81) };
	struct filter_config config = { .guards = { guards, 3 } };
	struct plain *plain = *state;
	struct filter_policy *policy = &plain->globals->policies[1];
	static struct peers peers;

	plain->globals->state.jiffies_hz = 250;
	port_set_add(&config.blocked, &(struct port_range){ PORT_TCP, 81, 81 });
	port_set_add(&config.watched, &(struct port_range){ PORT_TCP, 22, 23 });
	assert_ok(policy_fill(&plain->tables, policy, &config, &peers, false, NULL));
	assert_int_equal(policy->ports[FILTER_TCP][22], 1 | PORT_WATCHED);
	assert_int_equal(policy->ports[FILTER_TCP][23], 2 | PORT_WATCHED);
	assert_int_equal(policy->ports[FILTER_TCP][80], 3);
	assert_int_equal(policy->ports[FILTER_TCP][81], 3 | PORT_BLOCKED);
	assert_int_equal(policy->ports[FILTER_UDP][22], 2);
	assert_int_equal(policy->other_guard, 2);
	assert_string_equal(policy->guards[3].name, "web");
	assert_string_equal(policy->guards[3].why, "guard web");
	assert_true(policy->flags & POLICY_SOURCES);

	/* In another order, and with one fewer. */
	config.guards = (struct guard_list){ &guards[2], 1 };
	memset(policy, 0, sizeof(*policy));
	assert_ok(policy_fill(&plain->tables, policy, &config, &peers, false, NULL));
	assert_int_equal(policy->ports[FILTER_TCP][80], 3);
	assert_int_equal(policy->ports[FILTER_TCP][22], PORT_WATCHED);
	assert_int_equal(policy->other_guard, 0);
}

static void too_many_names_of_guards_are_refused(void **state)
{
	struct filter_config config = {};
	struct plain *plain = *state;
	struct error error = {};
	static struct peers peers;

	plain->globals->state.jiffies_hz = 250;
	for (int i = 0; i <= GUARDS_MAX; i++) {
		struct guard_config one;
		char name[GUARD_NAME_SIZE];

		snprintf(name, sizeof(name), "g%d", i);
		one = guard(name, 80, 80);
		config.guards = (struct guard_list){ &one, 1 };
		assert_int_equal(policy_fill(&plain->tables, &plain->globals->policies[1], &config,
					     &peers, false, &error),
				 i < GUARDS_MAX ? 0 : -ENOSPC);
	}
	assert_error_contains(&error, "more than 63 different names");
}

/* Ten different ports within the window, and the tenth tells. */
static void the_last_of_so_many_ports_is_a_scan(void **state)
{
	struct filter_config config = {
		.scan = { .on = true, .ports = 10, .window = 3600 * NSEC_PER_SEC }
	};
	struct plain *plain = *state;
	struct filter_policy *policy = &plain->globals->policies[1];
	uint64_t due = 0, minute = 60ULL * 250 << METER_SHIFT, now = 1ULL << 50;
	static struct peers peers;

	plain->globals->state.jiffies_hz = 250;
	assert_ok(policy_fill(&plain->tables, policy, &config, &peers, false, NULL));
	assert_true(policy->flags & POLICY_SCAN);
	assert_int_equal(spend_all(&due, &policy->scan.limit, now), 9);
	/* One is forgiven every six minutes. */
	assert_int_equal(spend_all(&due, &policy->scan.limit, now + 5 * minute), 0);
	assert_int_equal(spend_all(&due, &policy->scan.limit, now + 6 * minute), 1);
}

static void bans_of_the_configuration_are_roles(void **state)
{
	struct prefix banned[] = { prefix("198.51.100.0/24") };
	struct filter_config config = { .ban = { banned, 1 } };
	struct plain *plain = *state;
	struct filter_policy *policy = &plain->globals->policies[1];
	static struct peers peers;

	plain->globals->state.jiffies_hz = 250;
	assert_ok(policy_fill(&plain->tables, policy, &config, &peers, false, NULL));
	assert_int_equal(role_of(plain, "198.51.100.3"), ROLE_BAN);
	assert_ok(policy_fill(&plain->tables, policy, &config, &peers, true, NULL));
	assert_int_equal(role_of(plain, "198.51.100.3"), ROLE_BAN | ROLE_BAN_FORCED);
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
		cmocka_unit_test(a_limit_lets_through_what_its_rate_says),
		cmocka_unit_test(a_burst_of_less_than_a_jiffy_is_one),
		cmocka_unit_test(no_rate_is_no_limit),
		on_tables(a_policy_is_filled_from_configuration_and_peers),
		on_tables(guards_have_their_ports_and_keep_their_numbers),
		on_tables(too_many_names_of_guards_are_refused),
		on_tables(the_last_of_so_many_ports_is_a_scan),
		on_tables(bans_of_the_configuration_are_roles),
		cmocka_unit_test(a_configuration_that_locks_out_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
