/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../unit.h"

#include "modules/perf/kernel_files.h"

enum { CPUS = 4 };

static struct sample make(struct cpu_sample cpus[CPUS])
{
	memset(cpus, 0, CPUS * sizeof(*cpus));
	return (struct sample){ .cpu_count = CPUS, .cpus = cpus };
}

static void stat_of_online_cpus(void **state)
{
	static const char text[] = "cpu  100 0 0 0 0 0 0 0 0 0\n"
				   "cpu0 1 2 3 4 5 6 7 8 9 10\n"
				   "cpu2 10 0 0 0 0 0 0 0 0 0\n"
				   "cpu9 1 1 1 1 1 1 1 1 1 1\n"
				   "intr 5 4 1\nctxt 77\n";
	struct cpu_sample cpus[CPUS];
	struct sample sample = make(cpus);

	kernel_files_parse_stat(text, 1000, &sample);
	assert_true(cpus[0].online && !cpus[1].online && cpus[2].online && !cpus[3].online);
	/* Users' with the nice; guests' is in it. */
	assert_int_equal(cpus[0].counts[METRIC_USER], 3000);
	assert_int_equal(cpus[0].counts[METRIC_SYSTEM], 3000);
	assert_int_equal(cpus[0].counts[METRIC_INTERRUPT_TIME], 13000);
	assert_int_equal(cpus[0].counts[METRIC_STOLEN], 8000);
	assert_int_equal(cpus[2].counts[METRIC_USER], 10000);
	assert_false(cpus[1].known[METRIC_USER]);
}

static void interrupts_of_columns(void **state)
{
	/* CPU1 is off; of the rows some are of no CPU, or count what others do. */
	static const char text[] =
		"           CPU0       CPU2       CPU3\n"
		"  0:         10         20         30   IO-APIC   2-edge  timer\n"
		" 24:          1          2          3   PCI-MSI 512-edge  4 eth0\n"
		"LOC:        100        200        300   Local timer interrupts\n"
		"TLB:          9          9          9   TLB shootdowns\n"
		"ERR:          5\n"
		"MIS:          5\n";
	struct cpu_sample cpus[CPUS];
	struct sample sample = make(cpus);

	kernel_files_parse_table(text, METRIC_INTERRUPTS, &sample);
	assert_int_equal(cpus[0].counts[METRIC_INTERRUPTS], 111);
	assert_false(cpus[1].known[METRIC_INTERRUPTS]);
	assert_int_equal(cpus[2].counts[METRIC_INTERRUPTS], 222);
	assert_int_equal(cpus[3].counts[METRIC_INTERRUPTS], 333);
}

static void softirqs_of_cpus_beyond_what_is_known(void **state)
{
	static const char text[] = "                    CPU0       CPU1       CPU7\n"
				   "          HI:          1          2        100\n"
				   "       TIMER:         10         20        100\n"
				   "         RCU:         10\n";
	struct cpu_sample cpus[CPUS];
	struct sample sample = make(cpus);

	kernel_files_parse_table(text, METRIC_SOFTIRQS, &sample);
	assert_int_equal(cpus[0].counts[METRIC_SOFTIRQS], 21);
	assert_int_equal(cpus[1].counts[METRIC_SOFTIRQS], 22);
}

static void nothing_is_made_of_rubbish(void **state)
{
	static const char *const texts[] = { "",
					     "\n\n",
					     "cpu",
					     "cpu0",
					     "cpu0 1 2 3\n",
					     "CPU0",
					     "CPU0\nA:",
					     "CPU99999999999999999999\nA: 1\n",
					     "0: 5 5 5\n" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct cpu_sample cpus[CPUS];
		struct sample sample = make(cpus);

		kernel_files_parse_stat(texts[i], 1, &sample);
		kernel_files_parse_table(texts[i], METRIC_INTERRUPTS, &sample);
		assert_row(!cpus[0].online, texts[i]);
		assert_row(!cpus[0].counts[METRIC_INTERRUPTS], texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_of_online_cpus),
		cmocka_unit_test(interrupts_of_columns),
		cmocka_unit_test(softirqs_of_cpus_beyond_what_is_known),
		cmocka_unit_test(nothing_is_made_of_rubbish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
