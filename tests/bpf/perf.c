/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The performance monitor in the running kernel: every hook that it can use counts the same. */
#include "../unit/unit.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/grace.h"
#include "modules/perf/monitor.h"

enum { ROUNDS = 3000, PAGES = 700, CALLS_MADE = 5000 };

static const enum hook hooks[] = { HOOK_TP_BTF, HOOK_RAW_TP };

static void free_monitor(struct monitor **monitor)
{
	perf_monitor_free(*monitor);
}
#define CLEANUP_MONITOR __attribute__((cleanup(free_monitor)))

/* Two processes on one CPU that wait for each other: so many times each. */
static void play(unsigned rounds)
{
	int to[2], back[2], status;
	cpu_set_t one;
	char byte = 0;
	pid_t child;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	assert_ok(pipe(to));
	assert_ok(pipe(back));
	child = fork();
	sched_setaffinity(0, sizeof(one), &one);
	if (child == 0) {
		for (unsigned i = 0; i < rounds; i++)
			if (read(to[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1)
				_exit(1);
		_exit(0);
	}
	for (unsigned i = 0; i < rounds; i++)
		if (write(to[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			fail();
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	for (size_t i = 0; i < 2; i++) {
		close(to[i]);
		close(back[i]);
	}
}

static struct monitor *watch(enum hook hook, bool follow, struct error *error)
{
	const struct monitor_options options = { .switch_hook = hook,
						 .self = true,
						 .attribute = follow,
						 .attribution_needed = follow,
						 .waits = follow,
						 .selection.follow = follow };

	return perf_monitor_new(&options, error);
}

/* Over all CPUs, from one sample to another; frees both. */
static uint64_t difference(struct sample *before, struct sample *after, enum metric metric)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < after->cpu_count; i++)
		sum += after->cpus[i].counts[metric] - before->cpus[i].counts[metric];
	return sum;
}

/* What is measured from before to after another cannot be less than that other. */
static void nest(struct monitor *outer, struct monitor *inner)
{
	static const enum metric kinds[] = { METRIC_SWITCHES, METRIC_VOLUNTARY };
	struct sample samples[4] = { 0 };

	assert_ok(perf_monitor_sample(outer, &samples[0]));
	assert_ok(perf_monitor_sample(inner, &samples[1]));
	play(ROUNDS);
	assert_ok(perf_monitor_sample(inner, &samples[2]));
	assert_ok(perf_monitor_sample(outer, &samples[3]));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint64_t more = difference(&samples[0], &samples[3], kinds[i]),
			 less = difference(&samples[1], &samples[2], kinds[i]);

		print_message("# %s: %llu, %llu\n", metrics[kinds[i]].name,
			      (unsigned long long)more, (unsigned long long)less);
		/* Who is woken may go first: then the other leaves against its will. */
		assert_in_range(less, kinds[i] == METRIC_SWITCHES ? 2 * ROUNDS : ROUNDS, more);
	}
	for (size_t i = 0; i < 4; i++)
		sample_free(&samples[i]);
}

static void every_tracepoint_counts_the_same_switches(void **state)
{
	CLEANUP_MONITOR struct monitor *first = NULL;
	struct error error = { "" };

	first = watch(HOOK_TP_BTF, false, &error);
	if (!first)
		print_message("# %s\n", error.text);
	assert_non_null(first);
	for (size_t i = 1; i < ARRAY_SIZE(hooks); i++) {
		CLEANUP_MONITOR struct monitor *other = watch(hooks[i], false, &error);

		assert_non_null(other);
		print_message("# %s\n", perf_monitor_hooks(other));
		nest(first, other);
		nest(other, first);
	}
}

/* Where the kernel has kprobes at all, that rung is one, and by the name that it really has there.
 */
static void kprobe_of_finish_task_switch_counts_the_same(void **state)
{
	CLEANUP_MONITOR struct monitor *tracepoint = NULL, *kprobe = NULL;
	struct error error = { "" };

	if (access("/sys/bus/event_source/devices/kprobe", F_OK) != 0) {
		print_message("# this kernel has no kprobes\n");
		skip();
	}
	kprobe = watch(HOOK_KPROBE, false, &error);
	if (!kprobe)
		print_message("# %s\n", error.text);
	assert_non_null(kprobe);
	print_message("# %s\n", perf_monitor_hooks(kprobe));
	assert_non_null(strstr(perf_monitor_hooks(kprobe), "kprobe finish_task_switch"));
	assert_null(strstr(perf_monitor_hooks(kprobe), ".cold"));
	tracepoint = watch(HOOK_TP_BTF, false, &error);
	assert_non_null(tracepoint);
	nest(tracepoint, kprobe);
	nest(kprobe, tracepoint);
}

static void work(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	volatile char *memory = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		_exit(1);
	madvise((void *)memory, PAGES * page, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < PAGES; i++)
		memory[i * page] = 1;
	for (unsigned i = 0; i < CALLS_MADE; i++)
		syscall(SYS_getppid);
	play(ROUNDS);
	_exit(0);
}

/* The child, with its own child, as the kernel's books have them in the end. */
static void compare(struct monitor *monitor)
{
	struct perf_ledger before;
	struct books *books = perf_books_new(100);
	struct tally tally;
	struct rusage usage;
	siginfo_t ended;
	pid_t child;

	assert_non_null(books);
	assert_ok(perf_monitor_turn(monitor, books));
	before = *perf_books_ledger(books);
	child = fork();
	if (child == 0) {
		if (perf_monitor_follow_me(monitor) < 0)
			_exit(1);
		work();
	}
	assert_ok(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT));
	grace_period();
	assert_int_equal(wait4(child, NULL, 0, &usage), child);
	assert_int_equal(ended.si_status, 0);
	assert_ok(perf_monitor_turn(monitor, books));
	assert_ok(tally_make(books, BY_COMMAND, SPAN_ALL, &tally));
	assert_int_equal(tally.count, 1);
	assert_int_equal(tally.sum.counts[COUNT_MINOR], usage.ru_minflt);
	assert_int_equal(tally.sum.counts[COUNT_MAJOR], usage.ru_majflt);
	assert_int_equal(tally.sum.counts[COUNT_VOLUNTARY], usage.ru_nvcsw);
	assert_int_equal(tally.sum.counts[COUNT_INVOLUNTARY], usage.ru_nivcsw);
	assert_true(usage.ru_minflt >= PAGES);
	assert_true(usage.ru_nvcsw + usage.ru_nivcsw >= 2 * ROUNDS);
	assert_in_range(tally.sum.counts[COUNT_CALLS], CALLS_MADE + 4 * ROUNDS,
			CALLS_MADE + 4 * ROUNDS + 100);
	assert_int_equal(perf_books_ledger(books)->missed, before.missed);
	tally_free(&tally);
	perf_books_free(books);
}

static void every_hook_attributes_the_same(void **state)
{
	struct error why = { "" };

	/* It comes too late for that: the next runs already. */
	assert_null(watch(HOOK_KPROBE, true, &why));
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		struct error error = { "" };
		CLEANUP_MONITOR struct monitor *monitor = watch(hooks[i], true, &error);

		if (!monitor)
			print_message("# %s\n", error.text);
		assert_non_null(monitor);
		compare(monitor);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_tracepoint_counts_the_same_switches),
		cmocka_unit_test(kprobe_of_finish_task_switch_counts_the_same),
		cmocka_unit_test(every_hook_attributes_the_same),
	};

	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
