/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/duration.h"
#include "modules/perf/show.h"

enum { CPUS = 64, WIDTH = 80 };

static struct source sources[METRICS];
static struct cpu_change cpus[CPUS];

static void know(struct change *change, enum metric metric, uint64_t each)
{
	change->all.known[metric] = true;
	for (size_t i = 0; i < change->cpu_count; i++) {
		change->cpus[i].known[metric] = true;
		change->cpus[i].counts[metric] = each + i;
		change->all.counts[metric] += each + i;
	}
}

/* Two seconds of so many CPUs. */
static struct report make(size_t cpu_count)
{
	struct report report = { .change = { .elapsed = 2 * NSEC_PER_SEC,
					     .cpu_count = cpu_count,
					     .cpus = cpus,
					     .scale = { 1, 1 } } };

	memset(cpus, 0, sizeof(cpus));
	memset(sources, 0, sizeof(sources));
	for (enum metric metric = 0; metric < METRICS; metric++)
		strcpy(sources[metric].by, "tp_btf sched_switch");
	know(&report.change, METRIC_CALLS, 123456789);
	know(&report.change, METRIC_BUSY, NSEC_PER_SEC);
	return report;
}

static char *text_of(const struct report *report, size_t width)
{
	struct show show = { .hooks = "tp_btf sys_enter, tp_btf sched_switch",
			     .sources = sources,
			     .totals = true,
			     .waits = report->waits != NULL,
			     .top = 10,
			     .width = width };
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	perf_show_text(&show, report, out);
	fclose(out);
	return text;
}

static void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in:\n%s", part, text);
}

static void assert_fits(const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n"), shown = 0;

		for (size_t i = 0; i < length; i++)
			shown += ((unsigned char)text[i] & 0xc0) != 0x80;
		assert_in_range(shown, 0, WIDTH);
		text += length + 1;
	}
}

static void what_is_not_known_is_no_number(void **state)
{
	struct report report = make(2);
	CLEANUP_FREE char *text = NULL;

	sources[METRIC_CYCLES].absent = true;
	strcpy(sources[METRIC_CYCLES].by, "no PMU here (ENOENT)");
	text = text_of(&report, WIDTH);
	assert_contains(text, "performance in 2.00 s\n");
	assert_contains(text, "CPU cycles                 -       -       -  no PMU here (ENOENT)");
	assert_contains(text, "CPU time, of tasks    50.0 %  50.0 %  50.0 %  tp_btf sched_switch");
	assert_null(strstr(text, "not shown"));
	assert_fits(text);
}

static void scale_is_said(void **state)
{
	struct report report = make(2);
	CLEANUP_FREE char *text = NULL;

	know(&report.change, METRIC_CYCLES, 1000);
	report.change.scale[0] = 0.25;
	strcpy(sources[METRIC_CYCLES].by, "PMU cycles");
	text = text_of(&report, WIDTH);
	assert_contains(text, "PMU cycles, scaled from 25 %");
}

static void of_many_cpus_the_least_and_the_most(void **state)
{
	struct report report = make(CPUS), few = make(4);
	CLEANUP_FREE char *text = text_of(&few, WIDTH), *wide = text_of(&few, 0);

	assert_contains(text, "LEAST");
	assert_null(strstr(wide, "LEAST"));
	free(text);
	report = make(CPUS);
	cpus[7].counts[METRIC_CALLS] = 2;
	cpus[63].counts[METRIC_CALLS] = 400000000;
	text = text_of(&report, WIDTH);
	assert_contains(text, "LEAST");
	assert_contains(text, "1.0 CPU7");
	assert_contains(text, "200 M CPU63");
	assert_fits(text);
}

static void cpus_that_come_and_go_are_told(void **state)
{
	struct report report = make(3);
	CLEANUP_FREE char *text = NULL;

	cpus[0].state = CPU_OFFLINE;
	cpus[1].state = CPU_CAME;
	cpus[2].state = CPU_WENT;
	text = text_of(&report, 0);
	assert_null(strstr(text, "CPU0"));
	assert_contains(text, "CPU1 (came)");
	assert_contains(text, "CPU2 (went)");
}

static void waits_fit_and_have_their_bars(void **state)
{
	static struct wait_account account = { .command = "tar" };
	const struct wait_account *accounts[] = { &account };
	struct report report = make(2);
	CLEANUP_FREE char *text = NULL;

	for (enum wait_kind kind = 0; kind < WAIT_KINDS; kind++) {
		struct wait_sum *sum = &account.interval[kind];

		sum->buckets[10] = 1000000;
		sum->buckets[12] = 10;
		sum->count = 1000010;
		sum->total = 2000ULL * sum->count;
		sum->max = 5000;
	}
	report.waits = accounts;
	report.wait_count = 1;
	text = text_of(&report, WIDTH);
	assert_contains(text, "1.02 us  1,000,000  ##########");
	assert_contains(text, "2.05 us");
	assert_contains(text, "4.10 us         10  #");
	assert_contains(text, "2.00 us  2.05 us  5.00 us");
	assert_contains(text, "tar      1,000,010");
	/* Nothing is cut. */
	assert_null(strstr(text, "\u2026"));
	assert_fits(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_known_is_no_number),
		cmocka_unit_test(scale_is_said),
		cmocka_unit_test(of_many_cpus_the_least_and_the_most),
		cmocka_unit_test(cpus_that_come_and_go_are_told),
		cmocka_unit_test(waits_fit_and_have_their_bars),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
