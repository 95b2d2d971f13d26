/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../unit.h"

#include <errno.h>
#include <pty.h>
#include <signal.h>
#include <unistd.h>

#include "base/duration.h"
#include "core/module.h"
#include "observe/session.h"

static int join_nothing(void *context)
{
	return 0;
}

static int count(void *context)
{
	++*(int *)context;
	return 0;
}

static int refuse(void *context)
{
	return -EIO;
}

static void start(struct session *session, const struct arguments *arguments)
{
	struct error error = { "" };

	assert_row(session_start(session, arguments, false, &error) == 0, error.text);
}

static int end(struct session *session, int r)
{
	const struct error error = { "" };

	return session_end(session, r, &error);
}

/* Reports go into a pipe; returns the end to read from. */
static int into_a_pipe(struct session *session)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	session->out = fdopen(ends[1], "w");
	assert_non_null(session->out);
	return ends[0];
}

static void ends_after_so_many_reports(void **state)
{
	const struct arguments arguments = { .count = 3 };
	struct session session;
	int reports = 0;

	start(&session, &arguments);
	assert_int_equal(session_every(&session, NSEC_PER_MSEC, 0, count, &reports), 0);
	assert_int_equal(session_watch(&session), 0);
	assert_int_equal(reports, 3);
	assert_false(session.unread);
	assert_int_equal(end(&session, 0), STATUS_OK);
}

static int interrupt(void *context)
{
	return raise(SIGINT);
}

/* A terminal shows ^C where the last report would begin. */
static void ends_the_line_that_ctrl_c_is_on(void **state)
{
	const struct arguments arguments = { 0 };
	struct session session;
	int terminal, program;
	char text[8] = "";

	if (openpty(&terminal, &program, NULL, NULL, NULL) < 0)
		skip();
	start(&session, &arguments);
	session.out = fdopen(program, "w");
	assert_int_equal(session_every(&session, NSEC_PER_MSEC, 0, interrupt, NULL), 0);
	assert_int_equal(session_watch(&session), 0);
	assert_int_equal(session_flush(&session), 0);
	assert_int_equal(end(&session, 0), STATUS_OK);
	assert_int_equal(read(terminal, text, sizeof(text) - 1), 2);
	assert_string_equal(text, "\r\n");
	close(terminal);
}

static void ends_with_the_error_of_a_report(void **state)
{
	const struct arguments arguments = { .count = 0 };
	struct session session;

	start(&session, &arguments);
	assert_int_equal(session_every(&session, 0, NSEC_PER_MSEC, refuse, NULL), 0);
	assert_int_equal(session_watch(&session), -EIO);
	assert_int_equal(end(&session, -EIO), STATUS_FAILED);
}

static void ends_with_its_command(void **state)
{
	char *argv[] = { "sh", "-c", "exit 3", NULL };
	const struct arguments arguments = { .count = 0 };
	struct session session;
	struct error error = { "" };
	int reports = 0;

	start(&session, &arguments);
	assert_int_equal(session_run_command(&session, argv, join_nothing, NULL, &error), 0);
	/* Nobody asked for an interval. */
	assert_int_equal(session_every(&session, 0, NSEC_PER_MSEC, count, &reports), 0);
	assert_int_equal(session_watch(&session), 0);
	assert_int_equal(reports, 0);
	assert_int_equal(end(&session, 0), 3);
}

static void an_error_of_ours_is_no_status_of_the_command(void **state)
{
	char *argv[] = { "true", NULL };
	const struct arguments arguments = { .count = 0 };
	struct session session;
	struct error error = { "" };

	start(&session, &arguments);
	assert_int_equal(session_run_command(&session, argv, join_nothing, NULL, &error), 0);
	assert_int_equal(session_watch(&session), 0);
	assert_int_equal(end(&session, -EOPNOTSUPP), STATUS_UNABLE);
}

static void a_command_that_is_not_there(void **state)
{
	char *argv[] = { "no-such-command-here", NULL };
	const struct arguments arguments = { .count = 0 };
	struct session session;
	struct error error = { "" };
	int r;

	start(&session, &arguments);
	r = session_run_command(&session, argv, join_nothing, NULL, &error);
	assert_int_equal(r, -ENOENT);
	assert_int_equal(end(&session, r), 127);
}

static void a_signal_ends_it(void **state)
{
	const struct arguments arguments = { .count = 0 };
	struct session session;

	start(&session, &arguments);
	kill(getpid(), SIGTERM);
	assert_int_equal(session_watch(&session), 0);
	assert_int_equal(end(&session, 0), STATUS_OK);
}

static void a_signal_goes_to_the_command(void **state)
{
	char *argv[] = { "sleep", "1000", NULL };
	const struct arguments arguments = { .count = 0 };
	struct session session;
	struct error error = { "" };

	start(&session, &arguments);
	assert_int_equal(session_run_command(&session, argv, join_nothing, NULL, &error), 0);
	kill(getpid(), SIGTERM);
	assert_int_equal(session_watch(&session), 0);
	assert_int_equal(end(&session, 0), 128 + SIGTERM);
}

/* Whether anything was to be written or not. */
static void ends_with_its_reader(void **state)
{
	const struct arguments arguments = { .count = 0 };

	for (int written = 0; written < 2; written++) {
		struct session session;
		int reader;

		start(&session, &arguments);
		reader = into_a_pipe(&session);
		close(reader);
		if (written) {
			fputs("a report\n", session.out);
			assert_int_equal(session_flush(&session), 0);
		} else {
			assert_int_equal(session_watch(&session), 0);
		}
		assert_true(session.unread);
		assert_int_equal(end(&session, 0), STATUS_OK);
	}
}

static void a_full_disk_is_an_error(void **state)
{
	const struct arguments arguments = { .count = 0 };
	struct session session;

	start(&session, &arguments);
	session.out = fopen("/dev/full", "w");
	assert_non_null(session.out);
	fputs("a report\n", session.out);
	assert_int_equal(session_flush(&session), -ENOSPC);
	assert_true(session.told);
	assert_int_equal(end(&session, -ENOSPC), STATUS_FAILED);
}

/* A terminal that is gone: every line fails as it is written, and nothing is left to be flushed. */
static void lines_that_failed_are_an_error(void **state)
{
	const struct arguments arguments = { .count = 0 };
	struct session session;

	start(&session, &arguments);
	session.out = fopen("/dev/full", "w");
	assert_non_null(session.out);
	setvbuf(session.out, NULL, _IONBF, 0);
	fputs("a report\n", session.out);
	assert_int_equal(session_flush(&session), -EIO);
	assert_int_equal(end(&session, -EIO), STATUS_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_after_so_many_reports),
		cmocka_unit_test(ends_the_line_that_ctrl_c_is_on),
		cmocka_unit_test(ends_with_the_error_of_a_report),
		cmocka_unit_test(ends_with_its_command),
		cmocka_unit_test(an_error_of_ours_is_no_status_of_the_command),
		cmocka_unit_test(a_command_that_is_not_there),
		cmocka_unit_test(a_signal_ends_it),
		cmocka_unit_test(a_signal_goes_to_the_command),
		cmocka_unit_test(ends_with_its_reader),
		cmocka_unit_test(a_full_disk_is_an_error),
		cmocka_unit_test(lines_that_failed_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
