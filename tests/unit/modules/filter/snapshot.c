// SPDX-License-Identifier: GPL-2.0-or-later
#include "../../unit.h"

#include "modules/filter/snapshot.h"
#include "plain.h"

enum { CPUS = 2, BANKS = 2 };

struct memory {
	struct plain plain;
	struct store store;
	struct filter_counter *counters;
	struct filter_tally tallies[CPUS];
	struct filter_guard_counters guards[CPUS];
	struct filter_list_counters lists[CPUS];
	struct filter_shadow_counters shadow[CPUS];
	uint64_t *ports;
};

static int make(void **state)
{
	static struct memory memory;

	memset(&memory, 0, sizeof(memory));
	plain_make(&memory.plain);
	memory.counters =
		calloc(CPUS * COUNTERS_PER_CPU * PROTOCOL_ROOM, sizeof(struct filter_counter));
	memory.ports = calloc(BANKS * FILTER_PORT_PROTOCOLS * FILTER_PORTS, sizeof(uint64_t));
	memory.store = STORE_NONE;
	memory.store.tables = memory.plain.tables;
	memory.store.counters = memory.counters;
	memory.store.tallies = memory.tallies;
	memory.store.guard_counters = memory.guards;
	memory.store.list_counters = memory.lists;
	memory.store.shadow_counters = memory.shadow;
	memory.store.ports = memory.ports;
	*state = &memory;
	return 0;
}

static int destroy(void **state)
{
	struct memory *memory = *state;

	plain_free(&memory->plain);
	free(memory->counters);
	free(memory->ports);
	return 0;
}

static uint64_t *port(struct memory *memory, int bank, int protocol, int number)
{
	return &memory->ports[(bank * FILTER_PORT_PROTOCOLS + protocol) * FILTER_PORTS + number];
}

/* ---- counters ----------------------------------------------------------------------- */

static void sums_are_over_cpus(void **state)
{
	struct memory *memory = *state;
	uint64_t reasons[REASON_COUNT][VERDICT_COUNT] = {}, rows[PROTOCOL_ROWS] = {}, total = 0;
	uint64_t verdicts[VERDICT_COUNT] = {};
	struct filter_counter dropped;
	struct snapshot *snapshot;
	uint64_t seed = 41;

	for (int i = 0; i < 5000; i++) {
		uint32_t cpu = random_next(&seed) % CPUS,
			 reason = random_next(&seed) % REASON_COUNT;
		uint32_t verdict = random_next(&seed) % VERDICT_COUNT;
		uint32_t row = random_next(&seed) % PROTOCOL_ROWS;
		struct filter_counter *counter =
			&memory->counters[filter_counter_index(cpu, reason, verdict, row)];

		counter->packets += i;
		counter->bytes += 64 * i;
		reasons[reason][verdict] += i;
		rows[row] += i;
		total += i;
		verdicts[verdict] += i;
	}
	*port(memory, 0, FILTER_TCP, 80) = 3;
	*port(memory, 1, FILTER_TCP, 80) = 4;
	*port(memory, 1, FILTER_UDP, 65535) = 9;

	snapshot = snapshot_take(&memory->store);
	assert_int_equal(snapshot->total.packets, total);
	assert_int_equal(snapshot->total.bytes, 64 * total);
	for (int reason = 0; reason < REASON_COUNT; reason++) {
		struct filter_counter sum = snapshot_reason(snapshot, reason);

		assert_int_equal(sum.packets,
				 reasons[reason][0] + reasons[reason][1] + reasons[reason][2]);
		assert_int_equal(sum.bytes, 64 * sum.packets);
		for (int verdict = 0; verdict < VERDICT_COUNT; verdict++)
			assert_int_equal(snapshot->reasons[reason][verdict].packets,
					 reasons[reason][verdict]);
	}
	for (int row = 0; row < PROTOCOL_ROWS; row++)
		assert_int_equal(snapshot->protocols[row].packets, rows[row]);
	dropped = snapshot_dropped(snapshot);
	assert_int_equal(dropped.packets, verdicts[VERDICT_DROPPED]);
	assert_int_equal(dropped.bytes, 64 * verdicts[VERDICT_DROPPED]);
	/* Passed, dropped and answered are all there is. */
	for (int verdict = 0; verdict < VERDICT_COUNT; verdict++) {
		assert_int_equal(snapshot->verdicts[verdict].packets, verdicts[verdict]);
		assert_int_equal(snapshot->verdicts[verdict].bytes, 64 * verdicts[verdict]);
		total -= verdicts[verdict];
	}
	assert_int_equal(total, 0);
	assert_int_equal(snapshot->attempts[FILTER_TCP][80], 7);
	assert_int_equal(snapshot->attempts[FILTER_UDP][65535], 9);
	assert_int_equal(snapshot->attempts[FILTER_UDP][80], 0);
	free(snapshot);
}

static void what_each_cpu_did_is_added_up(void **state)
{
	struct memory *memory = *state;
	struct snapshot *snapshot;

	memory->tallies[0] =
		(struct filter_tally){ .events_sent = 5, .events_lost = { 1, [3] = 4 } };
	memory->tallies[1] = (struct filter_tally){
		.events_sent = 7, .events_lost = { 2 }, .bans_refused = 9, .cookies_passed = 3
	};
	memory->guards[0].guards[1] = (struct filter_guard_counter){ 10, 4, 3, 2 };
	memory->guards[1].guards[1] = (struct filter_guard_counter){ 100, 40, 30, 20 };
	memory->guards[1].guards[GUARDS_MAX].bans = 6;
	memory->lists[0].lists[LISTS_MAX] = (struct filter_counter){ 2, 120 };
	memory->lists[1].lists[LISTS_MAX] = (struct filter_counter){ 3, 180 };
	memory->shadow[0].pairs[REASON_PASS][REASON_LIMITED] = (struct filter_counter){ 4, 240 };
	memory->shadow[1].pairs[REASON_PASS][REASON_LIMITED] = (struct filter_counter){ 5, 300 };
	memory->shadow[1].pairs[REASON_COUNT - 1][0].packets = 7;

	snapshot = snapshot_take(&memory->store);
	assert_int_equal(snapshot->tally.events_sent, 12);
	assert_int_equal(snapshot->tally.events_lost[0], 3);
	assert_int_equal(snapshot->tally.events_lost[3], 4);
	assert_int_equal(snapshot->tally.bans_refused, 9);
	assert_int_equal(snapshot->tally.cookies_passed, 3);
	assert_int_equal(snapshot->guards[1].connections, 110);
	assert_int_equal(snapshot->guards[1].limited, 44);
	assert_int_equal(snapshot->guards[1].shed, 33);
	assert_int_equal(snapshot->guards[1].bans, 22);
	assert_int_equal(snapshot->guards[GUARDS_MAX].bans, 6);
	assert_int_equal(snapshot->lists[LISTS_MAX].packets, 5);
	assert_int_equal(snapshot->lists[LISTS_MAX].bytes, 300);
	assert_int_equal(snapshot->shadow[REASON_PASS][REASON_LIMITED].packets, 9);
	assert_int_equal(snapshot->shadow[REASON_PASS][REASON_LIMITED].bytes, 540);
	assert_int_equal(snapshot->shadow[REASON_LIMITED][REASON_PASS].packets, 0);
	assert_int_equal(snapshot->shadow[REASON_COUNT - 1][0].packets, 7);
	free(snapshot);
}

/* ---- ports ------------------------------------------------------------------------------ */

static void top_ports_come_most_first(void **state)
{
	struct memory *memory = *state;
	struct snapshot *before = snapshot_take(&memory->store), *now;
	struct port_count ports[6];

	assert_int_equal(snapshot_top_ports(before, NULL, ports, 6), 0);
	before->attempts[FILTER_TCP][443] = 1000;
	before->attempts[FILTER_TCP][22] = 5;
	*port(memory, 0, FILTER_TCP, 443) = 1001;
	*port(memory, 0, FILTER_TCP, 22) = 5;
	*port(memory, 0, FILTER_TCP, 0) = 7;
	*port(memory, 0, FILTER_UDP, 53) = 50;
	*port(memory, 0, FILTER_UDP, 65535) = 7;
	now = snapshot_take(&memory->store);

	assert_int_equal(snapshot_top_ports(now, NULL, ports, 6), 5);
	assert_int_equal(ports[0].port, 443);
	assert_int_equal(ports[0].attempts, 1001);
	assert_int_equal(ports[1].protocol, PORT_UDP);
	assert_int_equal(ports[1].port, 53);
	/* Equal ones in the order of protocol and port. */
	assert_true(ports[2].protocol == PORT_TCP && ports[2].port == 0 && ports[2].attempts == 7);
	assert_true(ports[3].protocol == PORT_UDP && ports[3].port == 65535);
	assert_int_equal(ports[4].port, 22);

	/* Since `before`: ports without an attempt are left out. */
	assert_int_equal(snapshot_top_ports(now, before, ports, 6), 4);
	assert_int_equal(ports[0].port, 53);
	assert_int_equal(ports[3].port, 443);
	assert_int_equal(ports[3].attempts, 1);
	assert_int_equal(ports[3].total, 1001);
	free(before);
	free(now);
}

static void top_ports_are_cut_to_what_fits(void **state)
{
	struct memory *memory = *state;
	uint64_t seed = 42, limit = UINT64_MAX;
	struct port_count all[2000], ports[10];
	struct snapshot *now;
	size_t count;

	for (int i = 0; i < 1500; i++)
		*port(memory, 0, (int)(random_next(&seed) % 2), (int)(random_next(&seed) % 65536)) =
			1 + random_next(&seed) % 300;
	now = snapshot_take(&memory->store);
	count = snapshot_top_ports(now, NULL, all, 2000);
	for (int i = 0; i < FILTER_PORT_PROTOCOLS * FILTER_PORTS; i++)
		count -= (&now->attempts[0][0])[i] != 0;
	assert_int_equal(count, 0);
	for (size_t size = 0; size <= 10; size++) {
		memset(&ports[size < 10 ? size : 9], 0x55, sizeof(ports[0]));
		assert_int_equal(snapshot_top_ports(now, NULL, ports, size), size);
		for (size_t i = 0; i < size; i++)
			assert_true(ports[i].protocol == all[i].protocol &&
				    ports[i].port == all[i].port &&
				    ports[i].attempts == all[i].attempts);
		if (size < 10)
			assert_int_equal(ports[size].port, 0x5555);
	}
	for (size_t i = 0; i < 1400; i++) {
		assert_true(all[i].attempts <= limit);
		limit = all[i].attempts;
	}
	free(now);
}

/* ---- names ------------------------------------------------------------------------------ */

static void everything_has_a_name(void **state)
{
	char name[16];

	for (int reason = 0; reason < REASON_COUNT; reason++)
		for (int other = 0; other < reason; other++)
			assert_string_not_equal(reason_name(reason), reason_name(other));
	assert_string_equal(reason_name(REASON_PASS), "pass");
	assert_string_equal(reason_name(REASON_BANNED), "banned");
	assert_string_equal(reason_name(REASON_BLOCKED_PORT), "blocked-port");
	assert_string_equal(reason_name(REASON_LISTED), "listed");
	assert_string_equal(reason_name(REASON_LIMITED), "limited");
	assert_string_equal(reason_name(REASON_SHED), "shed");
	assert_string_equal(reason_name(REASON_COOKIE), "syn-cookie");
	assert_string_equal(reason_name(REASON_COUNT), "?");
	assert_true(reason_drops(REASON_BANNED) && reason_drops(REASON_SHED));
	assert_false(reason_drops(REASON_PASS) || reason_drops(REASON_FRAGMENT));
	assert_false(reason_drops(REASON_COOKIE) || reason_drops(SIGHT_WATCHED));
	assert_string_equal(protocol_row_name(6, name), "tcp");
	assert_string_equal(protocol_row_name(17, name), "udp");
	assert_string_equal(protocol_row_name(PROTOCOL_ARP, name), "arp");
	assert_string_equal(protocol_row_name(PROTOCOL_NON_IP, name), "non-ip");
	assert_string_equal(protocol_row_name(PROTOCOL_UNKNOWN, name), "unknown");
}

#define on_memory(test) cmocka_unit_test_setup_teardown(test, make, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_memory(sums_are_over_cpus),           on_memory(what_each_cpu_did_is_added_up),
		on_memory(top_ports_come_most_first),    on_memory(top_ports_are_cut_to_what_fits),
		cmocka_unit_test(everything_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
