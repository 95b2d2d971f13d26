/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ladder in the running kernel: what it says works counts exactly, the rest has a reason. */
#include "../unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "core/ladder.h"

enum { EVENTS = 17 };

/* Where more of them can happen than were provoked: the scheduler and the CPU do as they like. */
static bool can_be_more(enum thing thing)
{
	return thing == THING_SWITCH || thing == THING_CYCLES;
}

static void check(enum thing thing, unsigned events)
{
	struct rung_result results[RUNGS_MAX];
	int taken = ladder_try(thing, events, results);
	char name[RUNG_TEXT];

	for (size_t i = 0; i < ladders[thing].rung_count; i++) {
		const struct rung_result *result = &results[i];

		rung_name(&ladders[thing].rungs[i], name);
		print_message("# %s: %s: %s %s\n", ladders[thing].name, name,
			      rung_state_name(result->state), result->reason.text);
		assert_row((result->state == RUNG_TAKEN) == ((int)i == taken), name);
		if (result->state == RUNG_NO) {
			assert_row(result->reason.text[0], name);
			continue;
		}
		assert_row(result->provoked == events * (ladders[thing].rungs[i].pair ? 2 : 1),
			   name);
		assert_row(can_be_more(thing) ? result->counted >= result->provoked
					      : result->counted == result->provoked,
			   name);
	}
}

static void what_works_counts_every_event(void **state)
{
	for (enum thing thing = 0; thing < THINGS; thing++)
		check(thing, EVENTS);
}

static void one_event_is_one(void **state)
{
	for (enum thing thing = 0; thing < THINGS; thing++)
		check(thing, 1);
}

/* On every kernel that sumun runs on; without them the test would prove little. */
static void tracepoints_and_packets_work(void **state)
{
	static const enum thing things[] = { THING_SYSCALL_ENTER, THING_SYSCALL_EXIT, THING_FORK,
					     THING_EXEC,          THING_EXIT,         THING_SWITCH,
					     THING_PACKET };
	struct rung_result results[RUNGS_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(things); i++)
		assert_row(ladder_try(things[i], 3, results) == 0, ladders[things[i]].name);
}

/* What another process does meanwhile is not counted, nor what is done while not armed. */
static void a_counter_counts_this_thread_alone(void **state)
{
	struct error error = { "" };
	CLEANUP_RUNG_COUNTER struct rung_counter *counter =
		rung_counter_new(THING_SYSCALL_ENTER, &error);
	pid_t child;

	assert_row(counter, error.text);
	child = fork();
	if (child == 0)
		for (;;)
			syscall(SYS_getppid);
	for (int round = 0; round < 10; round++) {
		rung_counter_arm(counter);
		for (int i = 0; i < EVENTS; i++)
			syscall(SYS_getppid);
		assert_int_equal(rung_counter_disarm(counter), EVENTS);
		syscall(SYS_getppid);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* Runs in a child, as nobody: every reason says what is missing. */
static int nobody(void)
{
	struct rung_result results[RUNGS_MAX];

	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 1;
	for (enum thing thing = 0; thing < THINGS; thing++)
		if (thing != THING_CYCLES &&
		    (ladder_try(thing, 3, results) != -1 ||
		     !strstr(results[0].reason.text, "CAP_BPF and CAP_"))) {
			fprintf(stderr, "# %s: %s\n", ladders[thing].name, results[0].reason.text);
			return 1;
		}
	return 0;
}

static void without_capabilities_they_are_named(void **state)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0)
		_exit(nobody());
	assert_true(waitpid(child, &status, 0) == child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_works_counts_every_event),
		cmocka_unit_test(one_event_is_one),
		cmocka_unit_test(tracepoints_and_packets_work),
		cmocka_unit_test(a_counter_counts_this_thread_alone),
		cmocka_unit_test(without_capabilities_they_are_named),
	};

	if (geteuid() != 0) {
		fprintf(stderr, "ladder: cannot run: not root\n");
		return 77;
	}
	libbpf_set_print(NULL); /* it complains of what is expected */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
