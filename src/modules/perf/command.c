/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
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
#include "core/loop.h"
#include "core/module.h"
#include "core/ring.h"
#include "modules/perf/module.h"
#include "modules/perf/watcher.h"
#include "observe/child.h"
#include "observe/report_file.h"
#include "observe/selection.h"

enum { TOP = 10, INTERVAL_SECONDS = 5 };

struct session {
	struct watcher watcher;
	struct child child;
	struct loop *loop;
	struct ring *ring; /* of the bell */
	bool rung;
	struct arguments arguments;
	FILE *out;      /* where reports go: beside the output of a command, not into it */
	uint64_t left;  /* reports; 0: no limit */
	bool unread;    /* nobody reads what is written */
	bool told_head; /* of CSV */
	int status;     /* of a command that could not be started; 0 */
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

/* One kind of row: of the CPUs, or of processes where these are asked for. */
static void write_csv(void *context, const struct record *record)
{
	struct session *session = context;
	const struct record_type *type =
		session->watcher.by ? &perf_row_record : &perf_metric_record;

	if (record->type != type)
		return;
	if (!session->told_head)
		record_write_csv_head(type, session->out);
	session->told_head = true;
	record_write_csv(record, session->out);
}

/* As lines of 80 characters: nothing of a cause is cut. */
static void write_wrapped(const struct record *record, FILE *out)
{
	CLEANUP_FREE char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		return;
	record_write_text(record, memory);
	fclose(memory);
	text_wrap(text, 0, 2, out);
	fputs("\n", out);
}

static void write_warning(void *context, const struct record *record)
{
	struct session *session = context;

	if (session->arguments.json) {
		record_write_json(record, session->out);
	} else if (session->arguments.csv) {
		record_write_text(record, stderr);
		fputc('\n', stderr);
	} else {
		write_wrapped(record, session->out);
	}
}

static int flush(struct session *session)
{
	FILE *nowhere;

	if (fflush(session->out) == 0)
		return 0;
	if (errno != EPIPE)
		return -errno;
	session->unread = true;
	/* What cannot be written would be tried once more at exit. */
	nowhere = freopen("/dev/null", "w", session->out);
	loop_stop(session->loop);
	return nowhere ? 0 : -errno;
}

static int report(struct session *session, enum books_span span)
{
	struct watcher *watcher = &session->watcher;
	struct report made;
	int r = perf_watcher_report(watcher, span, &made);

	if (r < 0)
		return r;
	watcher->show.width = width_of(session->out);
	if (session->arguments.json)
		perf_show_records(&watcher->show, &made, write_json, session);
	else if (session->arguments.csv)
		perf_show_records(&watcher->show, &made, write_csv, session);
	else
		perf_show_text(&watcher->show, &made, session->out);
	if (span == SPAN_INTERVAL)
		r = perf_watcher_warn(watcher, &made, write_warning, session);
	perf_report_free(&made);
	if (r == 0)
		r = flush(session);
	return r < 0 || span == SPAN_ALL ? r : perf_watcher_next(watcher);
}

/* ---- the loop ----------------------------------------------------------------------------- */

static int on_interval(void *argument)
{
	struct session *session = argument;
	int r = report(session, SPAN_INTERVAL);

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
	return session->rung ? perf_watcher_turn(&session->watcher) : 0;
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

static bool is_selection(const struct arguments *arguments)
{
	return arguments->pids || arguments->commands || arguments->users || arguments->cgroups ||
	       arguments->operand_count;
}

static int read_by(const struct arguments *arguments, unsigned *ret_by, struct error *error)
{
	int r;

	*ret_by = is_selection(arguments) ? BY_PROCESS : 0;
	if (!arguments->by)
		return 0;
	r = owner_by_parse(arguments->by, ret_by, error);
	if (r == 0 && *ret_by & BY_CALL)
		r = error_set(error, -EINVAL,
			      "--by call: 'sumun syscalls' tells of each system call");
	return r;
}

static int read_limits(const struct arguments *arguments, struct watcher_options *options,
		       struct error *error)
{
	if (!is_selection(arguments)) {
		memcpy(options->limits, alarm_defaults, sizeof(alarm_defaults));
		return arguments->warn ? alarm_limits_parse(arguments->warn, options->limits, error)
				       : 0;
	}
	if (!arguments->warn)
		return 0;
	return error_set(error, -EINVAL,
			 "--warn looks at the whole host: leave out which processes, or --warn");
}

static int read_options(const struct arguments *arguments, struct watcher_options *options,
			struct error *error)
{
	bool selection = is_selection(arguments);
	int r = selection_read(arguments, &options->monitor.selection, error);

	if (r == 0)
		r = read_by(arguments, &options->by, error);
	if (r == 0)
		r = read_limits(arguments, options, error);
	if (r < 0)
		return r;
	options->top = arguments->top ? arguments->top : TOP;
	options->monitor.switch_hook = HOOKS;
	options->monitor.self = arguments->self;
	options->monitor.totals = !selection;
	options->monitor.waits = arguments->latency;
	options->monitor.attribution_needed = options->by != 0;
	options->monitor.attribute = options->by || alarm_limits_any(options->limits);
	options->monitor.by_call = options->limits[ALARM_CALLS].rate.count > 0;
	return 0;
}

static int start(struct session *session, const struct watcher_options *options,
		 struct error *error)
{
	int r = perf_watcher_start(options, &session->watcher, error);

	if (r < 0)
		return r;
	session->ring =
		ring_new(perf_monitor_bell(session->watcher.monitor), on_bell, session, error);
	session->loop = session->ring ? loop_new(on_signal, session, error) : NULL;
	if (!session->loop)
		return -EIO;
	if (session->arguments.operand_count) {
		r = child_start(session->arguments.operands, perf_monitor_follow_me,
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
	if (!session->arguments.json && !session->arguments.csv && !session->child.pid &&
	    isatty(fileno(session->out)))
		log_info("measuring %s; Ctrl-C ends it", selection_text(&session->arguments, what));
	r = loop_run(session->loop);
	/* The last switch of a command comes after it is known to have ended, and soon. */
	if (session->arguments.operand_count)
		perf_watcher_settle(&session->watcher);
	if (r == 0 && !session->unread)
		r = report(session, SPAN_ALL);
	if (perf_monitor_not_followed(session->watcher.monitor))
		log_warning(
			"%llu processes of the command were not followed: there are too many",
			(unsigned long long)perf_monitor_not_followed(session->watcher.monitor));
	return r;
}

static void release(struct session *session)
{
	loop_free(session->loop);
	ring_free(session->ring);
	perf_watcher_stop(&session->watcher);
	child_close(&session->child);
}

int command_perf(int argc, char **argv)
{
	/* Not on the stack: a watcher is large. */
	static struct session session = { .child = CHILD_NONE };
	struct watcher_options options = { .by = 0 };
	struct error error = { "" };
	int r;

	arguments_read(argc, argv,
		       ACCEPT_JSON | ACCEPT_INTERVAL | ACCEPT_COUNT | ACCEPT_PROCESSES |
			       ACCEPT_PERF,
		       "[-- COMMAND [ARGUMENT...]]", 0, SIZE_MAX,
		       "Measure what this host does: system calls, page faults, context switches, "
		       "interrupts, CPU time, of each CPU and of processes; and warn, with the "
		       "cause, when one of them passes its limit. Of a command that is run, or of "
		       "chosen processes, only what they do.",
		       &session.arguments);
	r = read_options(&session.arguments, &options, &error);
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
