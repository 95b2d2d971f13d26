/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ladder in the running kernel: what it says works counts exactly, the rest has a reason. */
#include "../unit/unit.h"

#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "core/ladder_hooks.h"
#include "core/tracefs.h"
#include "ladder.skel.h"

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

static int open_counter(int id)
{
	struct perf_event_attr attributes = { .type = PERF_TYPE_TRACEPOINT,
					      .size = sizeof(attributes),
					      .config = (uint64_t)id };

	return (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* What a program at an event of perf returns says whether others see the event. */
static void others_see_what_a_tracepoint_shows_us(void **state)
{
	const struct ladder *ladder = &ladders[THING_SYSCALL_ENTER];
	CLEANUP_ATTACHMENT struct attachment attachment = ATTACHMENT_NONE;
	struct ladder_bpf *programs = ladder_bpf__open_and_load();
	struct error error = { "" };
	CLEANUP_CLOSE int counter = -1;
	uint64_t before = 0, after = 0;
	size_t i = 0;
	int id;

	while (ladder->rungs[i].hook != HOOK_TRACEPOINT)
		i++;
	assert_non_null(programs);
	assert_int_equal(tracefs_event_id(ladder->rungs[i].target, &id, &error), 0);
	counter = open_counter(id);
	assert_true(counter >= 0);
	assert_int_equal(hook_attach(programs, &ladder->rungs[i], 0, &attachment, &error), 0);
	assert_int_equal(read(counter, &before, sizeof(before)), sizeof(before));
	for (unsigned n = 0; n < EVENTS; n++)
		syscall(SYS_getppid);
	assert_int_equal(read(counter, &after, sizeof(after)), sizeof(after));
	assert_true(after - before >= EVENTS);
	hook_detach(&attachment);
	ladder_bpf__destroy(programs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_see_what_a_tracepoint_shows_us),
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
