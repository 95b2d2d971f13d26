/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <stdlib.h>

#include "modules/perf/metrics.h"

static void counters_that_took_turns_are_scaled(void **state)
{
	assert_int_equal(scale_count(1000, 50, 50), 1000);
	assert_int_equal(scale_count(1000, 100, 25), 4000);
	assert_int_equal(scale_count(1000, 100, 0), 0);
	assert_int_equal(scale_count(1000, 0, 0), 0);
	/* Neither product fits into 64 bits. */
	assert_int_equal(scale_count(1ULL << 60, 1ULL << 40, 1ULL << 39), 1ULL << 61);
}

static struct sample make(struct cpu_sample cpus[2], uint64_t time)
{
	memset(cpus, 0, 2 * sizeof(*cpus));
	for (size_t i = 0; i < 2; i++) {
		cpus[i].online = true;
		cpus[i].begun = 1;
	}
	return (struct sample){ .time = time, .cpu_count = 2, .cpus = cpus };
}

static void set(struct cpu_sample *cpu, enum metric metric, uint64_t count)
{
	cpu->known[metric] = true;
	cpu->counts[metric] = count;
}

static void differences_and_their_sum(void **state)
{
	struct cpu_sample first[2], second[2];
	struct sample before = make(first, 100), now = make(second, 350);
	CLEANUP_CHANGE struct change change = CHANGE_NONE;

	for (size_t i = 0; i < 2; i++) {
		set(&first[i], METRIC_CALLS, 10);
		set(&second[i], METRIC_CALLS, 15 + i);
	}
	assert_ok(change_make(&before, &now, &change));
	assert_int_equal(change.elapsed, 250);
	assert_int_equal(change.cpus[0].counts[METRIC_CALLS], 5);
	assert_int_equal(change.cpus[1].counts[METRIC_CALLS], 6);
	assert_int_equal(change.all.counts[METRIC_CALLS], 11);
	assert_true(change.all.known[METRIC_CALLS]);
	assert_false(change.all.known[METRIC_MINOR]);
}

static void cpu_that_comes_counts_from_then_on(void **state)
{
	struct cpu_sample first[2], second[2];
	struct sample before = make(first, 100), now = make(second, 200);
	CLEANUP_CHANGE struct change change = CHANGE_NONE;

	/* One was away and came back, whose counters of perf begin at 0; the other went. */
	first[0].online = false;
	second[0].begun = 2;
	second[1].online = false;
	for (size_t i = 0; i < 2; i++) {
		set(&first[i], METRIC_MINOR, 1000);
		set(&first[i], METRIC_CALLS, 1000);
	}
	set(&second[0], METRIC_MINOR, 7);
	set(&second[0], METRIC_CALLS, 1003);
	assert_ok(change_make(&before, &now, &change));
	assert_int_equal(change.cpus[0].state, CPU_CAME);
	assert_int_equal(change.cpus[1].state, CPU_WENT);
	assert_int_equal(change.cpus[0].counts[METRIC_MINOR], 7);
	assert_int_equal(change.cpus[0].counts[METRIC_CALLS], 3);
	/* What is not known is not 0. */
	assert_false(change.cpus[1].known[METRIC_MINOR]);
	assert_int_equal(change.all.counts[METRIC_MINOR], 7);
}

static void number_that_shrinks_is_not_known(void **state)
{
	struct cpu_sample first[2], second[2];
	struct sample before = make(first, 100), now = make(second, 200);
	CLEANUP_CHANGE struct change change = CHANGE_NONE;

	set(&first[0], METRIC_INTERRUPTS, 10);
	set(&second[0], METRIC_INTERRUPTS, 9);
	assert_ok(change_make(&before, &now, &change));
	assert_false(change.cpus[0].known[METRIC_INTERRUPTS]);
	assert_false(change.all.known[METRIC_INTERRUPTS]);
}

static void scale_is_of_the_counter_that_ran_least(void **state)
{
	struct cpu_sample first[2], second[2];
	struct sample before = make(first, 100), now = make(second, 200);
	CLEANUP_CHANGE struct change change = CHANGE_NONE;

	for (size_t i = 0; i < 2; i++) {
		set(&first[i], METRIC_CYCLES, 0);
		set(&second[i], METRIC_CYCLES, 100);
		set(&first[i], METRIC_INSTRUCTIONS, 0);
		set(&second[i], METRIC_INSTRUCTIONS, 100);
		second[i].enabled[0] = second[i].enabled[1] = 100;
	}
	second[0].running[0] = 100;
	second[1].running[0] = 50;
	second[0].running[1] = 100; /* of the other CPU it never ran */
	assert_ok(change_make(&before, &now, &change));
	assert_int_equal(change.all.counts[METRIC_CYCLES], 300);
	assert_int_equal(change.scale[0] * 100, 50);
	assert_int_equal(change.all.counts[METRIC_INSTRUCTIONS], 100);
	assert_false(change.cpus[1].known[METRIC_INSTRUCTIONS]);
	assert_int_equal(change.scale[1] * 100, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_that_took_turns_are_scaled),
		cmocka_unit_test(differences_and_their_sum),
		cmocka_unit_test(cpu_that_comes_counts_from_then_on),
		cmocka_unit_test(number_that_shrinks_is_not_known),
		cmocka_unit_test(scale_is_of_the_counter_that_ran_least),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
