/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "core/arguments.h"
#include "core/ladder.h"
#include "core/loop.h"
#include "core/module.h"
#include "core/ring.h"
#include "modules/syscalls/module.h"
#include "modules/syscalls/watcher.h"
#include "observe/calls.h"
#include "observe/child.h"
#include "observe/report_file.h"
#include "observe/selection.h"

enum { TOP = 20, INTERVAL_SECONDS = 5 };

struct session {
	struct watcher watcher;
	struct child child;
	struct loop *loop;
	struct ring *ring; /* of the bell */
	bool rung;
	struct arguments arguments;
	unsigned by;
	enum view_sort sort;
	FILE *out;      /* where reports go: beside the output of a command, not into it */
	uint64_t left;  /* reports; 0: no limit */
	bool unread;    /* nobody reads what is written */
	bool told_head; /* of CSV */
	int status;     /* of a command that could not be started; 0: none */
};

/* ---- reports ------------------------------------------------------------------------------ */

static size_t width_of(FILE *out)
{
	struct winsize size;

	if (ioctl(fileno(out), TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col;
}

static void write_json(void *context, const struct record *record)
{
	record_write_json(record, ((struct session *)context)->out);
}

static void write_csv(void *context, const struct record *record)
{
	struct session *session = context;

	if (record->type == &call_record)
		record_write_csv(record, session->out);
}

/* The head stands there also when nothing happens. */
static void show_csv(struct session *session, const struct report *report)
{
	if (!session->told_head)
		record_write_csv_head(&call_record, session->out);
	session->told_head = true;
	show_records(&session->watcher.show, report, write_csv, session);
}

static int flush(struct session *session)
{
	if (fflush(session->out) == 0)
		return 0;
	if (errno != EPIPE)
		return -errno;
	session->unread = true;
	/* What cannot be written would be tried once more at exit. */
	if (!freopen("/dev/null", "w", session->out))
		return -errno;
	loop_stop(session->loop);
	return 0;
}

static int report(struct session *session, enum view_span span)
{
	const struct show *show = &session->watcher.show;
	bool flights_wanted = show->latency && span == SPAN_INTERVAL;
	CLEANUP_VIEW struct view view = VIEW_NONE;
	struct call_ledger ledger;
	struct flights flights;
	struct report made;
	int r = watcher_report(&session->watcher, session->by, span, &view,
			       flights_wanted ? &flights : NULL, &ledger, &made);

	if (r < 0)
		return r;
	if (session->arguments.json)
		show_records(show, &made, write_json, session);
	else if (session->arguments.csv)
		show_csv(session, &made);
	else
		show_text(show, &made, width_of(session->out), session->out);
	r = flush(session);
	return r < 0 || span == SPAN_ALL ? r : watcher_next(&session->watcher);
}

/* ---- the loop ----------------------------------------------------------------------------- */

static int on_interval(void *argument)
{
	struct session *session = argument;
	bool records = session->arguments.json || session->arguments.csv;
	int r = 0;

	/* People need not read the same twice: here the whole time is one interval. */
	if (records || session->arguments.count != 1)
		r = report(session, SPAN_INTERVAL);
	if (session->left && --session->left == 0)
		loop_stop(session->loop);
	return r;
}

static void on_bell(void *argument, const struct event_header *event)
{
	((struct session *)argument)->rung = true;
}

static int on_ring(void *argument)
{
	struct session *session = argument;

	session->rung = false;
	ring_drain(session->ring);
	return session->rung ? watcher_turn(&session->watcher) : 0;
}

static int on_child(void *argument)
{
	struct session *session = argument;

	if (child_has_ended(&session->child))
		loop_stop(session->loop);
	return 0;
}

/* A terminal sends SIGINT to the command as well, which may make something of it. */
static int on_signal(void *argument, int signal)
{
	struct session *session = argument;

	if (session->child.pid <= 0)
		loop_stop(session->loop);
	else if (signal != SIGINT)
		child_signal(&session->child, signal);
	return 0;
}

/* Only an error can happen to our end of a pipe: the reader went away. */
static int on_reader_gone(void *argument)
{
	struct session *session = argument;

	session->unread = true;
	loop_stop(session->loop);
	return 0;
}

static int add_sources(struct session *session)
{
	uint64_t interval = session->arguments.interval;
	struct loop *loop = session->loop;
	struct stat st;
	int r = loop_add_fd(loop, ring_fd(session->ring), on_ring, session);

	/* A command is told of at its end, unless somebody wants more. */
	if (!interval && !session->child.pid)
		interval = INTERVAL_SECONDS * NSEC_PER_SEC;
	if (r == 0 && interval)
		r = loop_add_timer(loop, interval, on_interval, session);
	if (r == 0 && session->child.pid)
		r = loop_add_fd(loop, session->child.pidfd, on_child, session);
	if (r == 0 && !session->child.pid && fstat(fileno(session->out), &st) == 0 &&
	    S_ISFIFO(st.st_mode))
		r = loop_add_fd(loop, fileno(session->out), on_reader_gone, session);
	return r;
}

/* ---- beginning and end -------------------------------------------------------------------- */

static int read_calls(const char *list, struct monitor_options *options, struct error *error)
{
	CLEANUP_FREE char *copy = strdup(list);
	char *cursor = copy, *word, quoted[QUOTE_TEXT];

	if (!copy)
		return error_set(error, -ENOMEM, "out of memory");
	while ((word = text_next_word(&cursor))) {
		enum call_abi abi;
		uint32_t number, call;
		int r = call_find(word, &abi, &number, error);

		if (r < 0)
			return r;
		if (number >= CALL_UNKNOWN)
			return error_set(error, -EINVAL, "--syscall %s: there is no such number",
					 text_quote(word, quoted));
		call = (uint32_t)abi << CALL_ABI_SHIFT | number;
		options->calls[call / 64] |= 1ULL << (call % 64);
		options->select_calls = true;
	}
	if (!options->select_calls)
		return error_set(error, -EINVAL, "--syscall: give the names of system calls");
	return 0;
}

static int read_options(const struct arguments *arguments, struct monitor_options *ret_options,
			unsigned *ret_by, struct error *error)
{
	bool command = arguments->operand_count > 0;
	int r = selection_read(arguments, &ret_options->selection, error);

	if (r == 0 && arguments->calls)
		r = read_calls(arguments->calls, ret_options, error);
	if (r == 0)
		r = owner_by_parse(arguments->by ? arguments->by
				   : command     ? "call"
						 : "process,call",
				   ret_by, error);
	if (r == 0 && arguments->failed && arguments->latency)
		r = error_set(error, -EINVAL,
			      "-x counts calls when they fail, -L measures all: give one of them");
	if (r < 0)
		return r;
	ret_options->self = arguments->self;
	ret_options->failed = arguments->failed;
	ret_options->errors = arguments->errors || (command && !arguments->failed);
	ret_options->latency = arguments->latency || (command && !arguments->failed);
	return 0;
}

/* What is not measured cannot be sorted by. */
static int read_sort(const struct arguments *arguments, const struct monitor_options *options,
		     enum view_sort *ret_sort, struct error *error)
{
	int r = view_sort_parse(arguments->sort, ret_sort, error);
	bool times;

	if (r < 0)
		return r;
	times = *ret_sort == SORT_TIME || *ret_sort == SORT_MAX;
	if (times && !options->latency)
		return error_set(error, -EINVAL, "--sort %s: times are measured with -L",
				 arguments->sort);
	if (*ret_sort == SORT_ERRORS && !options->errors && !options->failed)
		return error_set(error, -EINVAL, "--sort errors: they are counted with -e or -x");
	return 0;
}

static int start(struct session *session, const struct monitor_options *options,
		 struct error *error)
{
	uint64_t usual = session->arguments.operand_count ? UINT32_MAX : TOP;
	uint64_t top = session->arguments.top ? session->arguments.top : usual;
	int r = watcher_start(options, top, &session->watcher, error);

	if (r < 0)
		return r;
	if (session->arguments.sort)
		session->watcher.show.sort = session->sort;
	session->watcher.show.histogram = session->arguments.histogram;
	session->ring = ring_new(monitor_bell(session->watcher.monitor), on_bell, session, error);
	session->loop = session->ring ? loop_new(on_signal, session, error) : NULL;
	if (!session->loop)
		return -EIO;
	if (session->arguments.operand_count) {
		r = child_start(session->arguments.operands, monitor_follow_me,
				session->watcher.monitor, &session->child, error);
		if (r < 0) {
			session->status = child_failure_status(r);
			return r;
		}
	}
	r = add_sources(session);
	return r < 0 ? error_set(error, r, "cannot wait for reports: %s", strerror(-r)) : 0;
}

static void give_up_privileges(void)
{
	struct confinement confinement;
	struct error error = { "" };
	bool files;

	confine_begin(&confinement);
	if (confine_enter(&confinement, &files, &error) < 0)
		log_warning("%s, ignoring", error.text);
}

static int watch(struct session *session)
{
	char what[SELECTION_TEXT];
	int r;

	give_up_privileges();
	/* Loading programs took megabytes that are not needed again. */
	ladder_forget();
	malloc_trim(0);
	if (!session->arguments.json && !session->arguments.csv && !session->child.pid &&
	    isatty(fileno(session->out)))
		log_info("counting system calls of %s; Ctrl-C ends it",
			 selection_text(&session->arguments, what));
	r = loop_run(session->loop);
	if (r == 0 && !session->unread)
		r = report(session, SPAN_ALL);
	if (monitor_not_followed(session->watcher.monitor))
		log_warning("%llu processes of the command were not followed: there are too many",
			    (unsigned long long)monitor_not_followed(session->watcher.monitor));
	return r;
}

static void release(struct session *session)
{
	loop_free(session->loop);
	ring_free(session->ring);
	watcher_stop(&session->watcher);
	child_close(&session->child);
}

int command_syscalls(int argc, char **argv)
{
	struct session session = { .watcher = WATCHER_NONE, .child = CHILD_NONE };
	struct monitor_options options = { .self = false };
	struct error error = { "" };
	int r;

	arguments_read(argc, argv,
		       ACCEPT_JSON | ACCEPT_INTERVAL | ACCEPT_COUNT | ACCEPT_PROCESSES |
			       ACCEPT_CALLS,
		       "[-- COMMAND [ARGUMENT...]]", 0, SIZE_MAX,
		       "Count system calls, of all processes or of some, or of a command that is "
		       "run and whose children are followed: which process makes which calls, how "
		       "often, with which errors, and how long they take.",
		       &session.arguments);
	r = read_options(&session.arguments, &options, &session.by, &error);
	if (r == 0 && session.arguments.sort)
		r = read_sort(&session.arguments, &options, &session.sort, &error);
	if (r < 0) {
		log_error("%s", error.text);
		return r == -ENOMEM ? STATUS_FAILED : STATUS_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	session.left = session.arguments.count;
	session.out = report_file_open(&session.arguments, &r, &error);
	if (session.out)
		r = start(&session, &options, &error);
	if (r < 0)
		log_error("%s", error.text);
	else
		r = watch(&session);
	release(&session);
	if (r == 0 && session.arguments.operand_count)
		return child_exit_status(&session.child);
	if (session.status)
		return session.status;
	return status_of(r);
}
