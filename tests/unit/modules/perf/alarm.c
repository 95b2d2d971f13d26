/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include "base/duration.h"
#include "modules/perf/alarm.h"

enum { CPUS = 2, EVENTS_MAX = 8 };

static struct alarm_event told[EVENTS_MAX];
static size_t told_count;

static void tell(void *context, const struct alarm_event *event)
{
	assert_true(told_count < EVENTS_MAX);
	told[told_count++] = *event;
}

static void clean(struct alarms **alarms)
{
	alarms_free(*alarms);
}
#define CLEANUP_ALARMS __attribute__((cleanup(clean)))

/* Alarms with one limit of a kind, and no other. */
static struct alarms *with_limit(enum alarm_kind kind, const char *text)
{
	struct alarm_limit limits[ALARMS] = { 0 };
	struct error error;
	struct alarms *alarms;

	assert_ok(alarm_limit_parse(text, &limits[kind], &error));
	alarms = alarms_new(limits, CPUS);
	assert_non_null(alarms);
	told_count = 0;
	return alarms;
}

/* An interval of two seconds, of which the `number`th ends, with so much on each CPU. */
static void pass(struct alarms *alarms, uint64_t number, enum metric metric, uint64_t first,
		 uint64_t second)
{
	struct cpu_change cpus[CPUS] = { 0 };
	struct change change = { .elapsed = 2 * NSEC_PER_SEC, .cpu_count = CPUS, .cpus = cpus };

	for (enum metric i = 0; i < METRICS; i++)
		cpus[0].known[i] = cpus[1].known[i] = change.all.known[i] = true;
	cpus[0].counts[metric] = first;
	cpus[1].counts[metric] = second;
	change.all.counts[metric] = first + second;
	alarms_judge(alarms, &change, number * 2 * NSEC_PER_SEC, tell, NULL);
}

static void begins_above_and_ends_when_calm(void **state)
{
	CLEANUP_ALARMS struct alarms *alarms = with_limit(ALARM_CALLS, "1000/s");

	pass(alarms, 1, METRIC_CALLS, 1000, 1000); /* just the limit */
	assert_int_equal(told_count, 0);
	pass(alarms, 2, METRIC_CALLS, 1001, 1000);
	assert_int_equal(told_count, 1);
	assert_true(told[0].begins);
	assert_int_equal(told[0].cpu, ALARM_ALL_CPUS);
	assert_int_equal(told[0].rate * 10, 10005);
	assert_int_equal(told[0].elapsed, 2 * NSEC_PER_SEC);
	pass(alarms, 3, METRIC_CALLS, 4000, 2000); /* told once */
	pass(alarms, 4, METRIC_CALLS, 800, 800);   /* not below 80 % */
	pass(alarms, 5, METRIC_CALLS, 700, 800);
	pass(alarms, 6, METRIC_CALLS, 900, 900); /* not in a row */
	pass(alarms, 7, METRIC_CALLS, 700, 800);
	assert_int_equal(told_count, 1);
	pass(alarms, 8, METRIC_CALLS, 0, 0);
	assert_int_equal(told_count, 2);
	assert_false(told[1].begins);
	assert_int_equal(told[1].peak, 3000);
	/* From the beginning of the second interval to that of the seventh. */
	assert_int_equal(told[1].lasted, 10 * NSEC_PER_SEC);
	pass(alarms, 9, METRIC_CALLS, 5000, 0);
	assert_int_equal(told_count, 3);
	assert_int_equal(told[2].peak, 2500);
}

static void of_each_cpu(void **state)
{
	CLEANUP_ALARMS struct alarms *alarms = with_limit(ALARM_SWITCHES, "1000/s/cpu");

	pass(alarms, 1, METRIC_SWITCHES, 1999, 1999);
	assert_int_equal(told_count, 0);
	pass(alarms, 2, METRIC_SWITCHES, 0, 2001);
	assert_int_equal(told_count, 1);
	assert_int_equal(told[0].cpu, 1);
}

static void faults_are_both_kinds(void **state)
{
	CLEANUP_ALARMS struct alarms *alarms = with_limit(ALARM_FAULTS, "10/s");
	struct cpu_change cpus[CPUS] = { 0 };
	struct change change = { .elapsed = NSEC_PER_SEC, .cpu_count = CPUS, .cpus = cpus };

	change.all.known[METRIC_MINOR] = true;
	change.all.counts[METRIC_MINOR] = 100;
	alarms_judge(alarms, &change, NSEC_PER_SEC, tell, NULL);
	assert_int_equal(told_count, 0); /* the other is not known: nothing is */
	change.all.known[METRIC_MAJOR] = true;
	change.all.counts[METRIC_MINOR] = 6;
	change.all.counts[METRIC_MAJOR] = 5;
	alarms_judge(alarms, &change, 2 * NSEC_PER_SEC, tell, NULL);
	assert_int_equal(told_count, 1);
	assert_int_equal(told[0].rate, 11);
}

static void nothing_in_no_time(void **state)
{
	CLEANUP_ALARMS struct alarms *alarms = with_limit(ALARM_CALLS, "1/s");
	struct change change = { .elapsed = 0 };

	alarms_judge(alarms, &change, 1, tell, NULL);
	assert_int_equal(told_count, 0);
}

static void limits_are_read(void **state)
{
	struct alarm_limit limits[ALARMS];
	struct error error = { "" };
	char text[ALARM_TEXT];

	memcpy(limits, alarm_defaults, sizeof(limits));
	assert_ok(alarm_limits_parse("syscalls=20k/s, faults=none,switches=5/min/cpu", limits,
				     &error));
	assert_string_equal(alarm_limit_text(&limits[ALARM_CALLS], text), "20k/s");
	assert_string_equal(alarm_limit_text(&limits[ALARM_FAULTS], text), "none");
	assert_string_equal(alarm_limit_text(&limits[ALARM_SWITCHES], text), "5/min/cpu");
	assert_ok(alarm_limits_parse("none,faults=7/s", limits, &error));
	assert_int_equal(limits[ALARM_CALLS].rate.count, 0);
	assert_int_equal(limits[ALARM_FAULTS].rate.count, 7);
	assert_true(alarm_limits_any(limits));
	assert_ok(alarm_limits_parse("none", limits, &error));
	assert_false(alarm_limits_any(limits));
}

static void wrong_limits_change_nothing(void **state)
{
	static const char *const wrong[] = { "syscalls", "heat=1/s", "faults=0/s",
					     "faults=1/s/core", "syscalls=5/s,switches=much" };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct alarm_limit limits[ALARMS];
		struct error error = { "" };

		memcpy(limits, alarm_defaults, sizeof(limits));
		assert_row(alarm_limits_parse(wrong[i], limits, &error) < 0, wrong[i]);
		assert_row(error.text[0], wrong[i]);
		assert_memory_equal(limits, alarm_defaults, sizeof(limits));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_above_and_ends_when_calm),
		cmocka_unit_test(of_each_cpu),
		cmocka_unit_test(faults_are_both_kinds),
		cmocka_unit_test(nothing_in_no_time),
		cmocka_unit_test(limits_are_read),
		cmocka_unit_test(wrong_limits_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
