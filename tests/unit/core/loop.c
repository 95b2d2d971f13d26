// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/duration.h"
#include "core/loop.h"

struct counts {
	struct loop *loop;
	int timer, other, fd, signals[65];
	bool in_handler;
	int stop_at; /* timer calls */
	int result;  /* what handlers return */
	int pipe[2];
};

static int on_signal(void *argument, int signal)
{
	struct counts *counts = argument;

	assert_false(counts->in_handler);
	counts->signals[signal]++;
	if (signal == SIGTERM)
		loop_stop(counts->loop);
	return counts->result;
}

static struct loop *make(struct counts *counts)
{
	struct error error = {};

	counts->loop = loop_new(on_signal, counts, &error);
	if (!counts->loop)
		fail_msg("%s", error.text);
	return counts->loop;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * NSEC_PER_SEC + (uint64_t)time.tv_nsec;
}

static int on_timer(void *argument)
{
	struct counts *counts = argument;

	if (++counts->timer == counts->stop_at)
		loop_stop(counts->loop);
	return counts->result;
}

static int on_other(void *argument)
{
	((struct counts *)argument)->other++;
	return 0;
}

static void timers_come_every_interval(void **state)
{
	struct counts counts = { .stop_at = 10 };
	struct loop *loop = make(&counts);
	uint64_t start = now();

	assert_ok(loop_add_timer(loop, 5 * NSEC_PER_MSEC, on_timer, &counts));
	assert_ok(loop_add_timer(loop, 20 * NSEC_PER_MSEC, on_other, &counts));
	assert_ok(loop_run(loop));
	assert_int_equal(counts.timer, 10);
	/* Not early, however slow this machine is. */
	assert_in_range(counts.other, 1, (now() - start) / (20 * NSEC_PER_MSEC));
	assert_true(now() - start >= 50 * NSEC_PER_MSEC);
	assert_null(loop_free(loop));
}

static int slow(void *argument)
{
	struct counts *counts = argument;

	if (counts->timer == 0)
		usleep(60000); /* longer than several intervals */
	return on_timer(counts);
}

static void what_was_missed_is_not_made_up_for(void **state)
{
	struct counts counts = { .stop_at = 4 };
	struct loop *loop = make(&counts);
	uint64_t start = now();

	assert_ok(loop_add_timer(loop, 10 * NSEC_PER_MSEC, slow, &counts));
	assert_ok(loop_run(loop));
	/* 10 + 60 for the first, the second at once, two more intervals but for a part. */
	assert_true(now() - start >= 80 * NSEC_PER_MSEC);
	loop_free(loop);
}

static int send_signals(void *argument)
{
	struct counts *counts = argument;

	counts->in_handler = true;
	raise(SIGHUP);
	raise(SIGINT);
	usleep(2000); /* a handler of sigaction(2) would run now */
	counts->in_handler = false;
	raise(SIGTERM);
	return 0;
}

static void signals_arrive_between_handlers(void **state)
{
	struct counts counts = {};
	struct loop *loop = make(&counts);

	assert_ok(loop_add_timer(loop, NSEC_PER_MSEC, send_signals, &counts));
	assert_ok(loop_run(loop));
	assert_int_equal(counts.signals[SIGHUP], 1);
	assert_int_equal(counts.signals[SIGINT], 1);
	assert_int_equal(counts.signals[SIGTERM], 1);
	loop_free(loop);
}

static void a_signal_sent_before_the_run_is_not_lost(void **state)
{
	struct counts counts = {};
	struct loop *loop = make(&counts);

	raise(SIGTERM);
	assert_ok(loop_run(loop));
	assert_int_equal(counts.signals[SIGTERM], 1);
	loop_free(loop);
}

static void the_signals_are_given_back(void **state)
{
	struct counts counts = {};
	sigset_t before, during, after;
	struct loop *loop;

	sigprocmask(SIG_SETMASK, NULL, &before);
	loop = make(&counts);
	sigprocmask(SIG_SETMASK, NULL, &during);
	loop_free(loop);
	sigprocmask(SIG_SETMASK, NULL, &after);
	assert_true(sigismember(&during, SIGINT) && sigismember(&during, SIGTERM) &&
		    sigismember(&during, SIGHUP));
	for (int signal = 1; signal < 32; signal++)
		assert_int_equal(sigismember(&before, signal), sigismember(&after, signal));
	assert_false(sigismember(&after, SIGINT));
}

static int read_byte(void *argument)
{
	struct counts *counts = argument;
	char byte;

	assert_int_equal(read(counts->pipe[0], &byte, 1), 1);
	if (++counts->fd == 3)
		loop_stop(counts->loop);
	return 0;
}

static void descriptors_are_handled_while_readable(void **state)
{
	struct counts counts = {};
	struct loop *loop = make(&counts);

	assert_ok(pipe(counts.pipe));
	assert_int_equal(write(counts.pipe[1], "abcd", 4), 4);
	assert_ok(loop_add_fd(loop, counts.pipe[0], read_byte, &counts));
	assert_ok(loop_run(loop));
	assert_int_equal(counts.fd, 3);
	loop_free(loop);
	/* The descriptor stays ours. */
	assert_int_equal(read(counts.pipe[0], &(char){ 0 }, 1), 1);
	close(counts.pipe[0]);
	close(counts.pipe[1]);
}

static void an_error_of_a_handler_ends_the_run(void **state)
{
	struct counts counts = { .result = -ECANCELED };
	struct loop *loop = make(&counts);

	assert_ok(loop_add_timer(loop, NSEC_PER_MSEC, on_timer, &counts));
	assert_int_equal(loop_run(loop), -ECANCELED);
	assert_int_equal(counts.timer, 1);
	counts.result = 0;
	counts.stop_at = 3;
	assert_ok(loop_run(loop)); /* and it can be run again */
	assert_int_equal(counts.timer, 3);
	loop_free(loop);
}

static void an_error_of_the_signal_handler_ends_the_run(void **state)
{
	struct counts counts = { .result = -EINTR };
	struct loop *loop = make(&counts);

	raise(SIGHUP);
	assert_int_equal(loop_run(loop), -EINTR);
	assert_int_equal(counts.signals[SIGHUP], 1);
	loop_free(loop);
}

static void nothing_is_handled_after_stop(void **state)
{
	struct counts counts = { .stop_at = 1 };
	struct loop *loop = make(&counts);

	/* All three are due in the same wait. */
	for (int i = 0; i < 3; i++)
		assert_ok(loop_add_timer(loop, NSEC_PER_MSEC, on_timer, &counts));
	usleep(5000);
	assert_ok(loop_run(loop));
	assert_int_equal(counts.timer, 1);
	loop_free(loop);
}

static void bad_sources_are_refused(void **state)
{
	struct counts counts = {};
	struct loop *loop = make(&counts);
	int added = 0;

	assert_int_equal(loop_add_fd(loop, -1, on_other, &counts), -EBADF);
	while (loop_add_timer(loop, NSEC_PER_SEC, on_other, &counts) == 0)
		added++;
	assert_in_range(added, 8, 64);
	assert_int_equal(loop_add_timer(loop, NSEC_PER_SEC, on_other, &counts), -ENOSPC);
	assert_null(loop_free(loop));
	assert_null(loop_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_come_every_interval),
		cmocka_unit_test(what_was_missed_is_not_made_up_for),
		cmocka_unit_test(signals_arrive_between_handlers),
		cmocka_unit_test(a_signal_sent_before_the_run_is_not_lost),
		cmocka_unit_test(the_signals_are_given_back),
		cmocka_unit_test(descriptors_are_handled_while_readable),
		cmocka_unit_test(an_error_of_a_handler_ends_the_run),
		cmocka_unit_test(an_error_of_the_signal_handler_ends_the_run),
		cmocka_unit_test(nothing_is_handled_after_stop),
		cmocka_unit_test(bad_sources_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
