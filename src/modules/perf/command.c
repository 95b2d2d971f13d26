/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
#include "observe/selection.h"
#include "observe/session.h"

enum { TOP = 10, INTERVAL_SECONDS = 5 };

struct measuring {
	struct session session;
	struct watcher watcher;
	struct ring *ring; /* of the bell */
	bool rung;
	struct arguments arguments;
	bool told_head; /* of CSV */
};

/* ---- reports ------------------------------------------------------------------------------ */

static void write_json(void *context, const struct record *record)
{
	record_write_json(record, ((struct measuring *)context)->session.out);
}

/* One kind of row: of the CPUs, or of processes where these are asked for. */
static void write_csv(void *context, const struct record *record)
{
	struct measuring *measuring = context;
	const struct record_type *type =
		measuring->watcher.by ? &perf_row_record : &perf_metric_record;

	if (record->type != type)
		return;
	if (!measuring->told_head)
		record_write_csv_head(type, measuring->session.out);
	measuring->told_head = true;
	record_write_csv(record, measuring->session.out);
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
	struct measuring *measuring = context;

	if (measuring->arguments.json) {
		record_write_json(record, measuring->session.out);
	} else if (measuring->arguments.csv) {
		record_write_text(record, stderr);
		fputc('\n', stderr);
	} else {
		write_wrapped(record, measuring->session.out);
	}
}

static int report(struct measuring *measuring, enum books_span span)
{
	struct watcher *watcher = &measuring->watcher;
	struct report made;
	int r = perf_watcher_report(watcher, span, &made);

	if (r < 0)
		return r;
	watcher->show.width = session_width(&measuring->session);
	if (measuring->arguments.json)
		perf_show_records(&watcher->show, &made, write_json, measuring);
	else if (measuring->arguments.csv)
		perf_show_records(&watcher->show, &made, write_csv, measuring);
	else
		perf_show_text(&watcher->show, &made, measuring->session.out);
	if (span == SPAN_INTERVAL)
		r = perf_watcher_warn(watcher, &made, write_warning, measuring);
	perf_report_free(&made);
	if (r == 0)
		r = session_flush(&measuring->session);
	return r < 0 || span == SPAN_ALL ? r : perf_watcher_next(watcher);
}

/* ---- the loop ----------------------------------------------------------------------------- */

static int on_interval(void *argument)
{
	return report(argument, SPAN_INTERVAL);
}

static void on_bell(void *argument, const struct event_header *event)
{
	((struct measuring *)argument)->rung = true;
}

static int on_ring(void *argument)
{
	struct measuring *measuring = argument;

	measuring->rung = false;
	ring_drain(measuring->ring);
	return measuring->rung ? perf_watcher_turn(&measuring->watcher) : 0;
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

static int start(struct measuring *measuring, const struct watcher_options *options,
		 struct error *error)
{
	const struct arguments *arguments = &measuring->arguments;
	struct session *session = &measuring->session;
	int r = perf_watcher_start(options, &measuring->watcher, error);

	if (r < 0)
		return r;
	measuring->ring =
		ring_new(perf_monitor_bell(measuring->watcher.monitor), on_bell, measuring, error);
	if (!measuring->ring)
		return -EIO;
	if (arguments->operand_count) {
		r = session_run_command(session, arguments->operands, perf_monitor_follow_me,
					measuring->watcher.monitor, error);
		if (r < 0)
			return r;
	}
	r = loop_add_fd(session->loop, ring_fd(measuring->ring), on_ring, measuring);
	if (r == 0)
		r = session_every(session, arguments->interval, INTERVAL_SECONDS * NSEC_PER_SEC,
				  on_interval, measuring);
	return r < 0 ? error_set(error, r, "cannot wait for reports: %s", strerror(-r)) : 0;
}

static int watch(struct measuring *measuring)
{
	const struct arguments *arguments = &measuring->arguments;
	struct session *session = &measuring->session;
	char what[SELECTION_TEXT];
	uint64_t lost;
	int r;

	session_give_up_privileges();
	if (!arguments->json && !arguments->csv && !session->child.pid &&
	    session_has_terminal(session))
		log_info("measuring %s; Ctrl-C ends it", selection_text(arguments, what));
	r = session_watch(session);
	/* The last switch of a command comes after it is known to have ended, and soon. */
	if (arguments->operand_count)
		perf_watcher_settle(&measuring->watcher);
	if (r == 0 && !session->unread)
		r = report(measuring, SPAN_ALL);
	lost = perf_monitor_not_followed(measuring->watcher.monitor);
	if (lost)
		log_warning("%llu processes of the command were not followed: there are too many",
			    (unsigned long long)lost);
	return r;
}

int command_perf(int argc, char **argv)
{
	/* Not on the stack: a watcher is large. */
	static struct measuring measuring = { .session = SESSION_NONE };
	struct arguments *arguments = &measuring.arguments;
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
		       arguments);
	r = read_options(arguments, &options, &error);
	if (r < 0) {
		log_error("%s", error.text);
		return r == -ENOMEM ? STATUS_FAILED : STATUS_USAGE;
	}
	r = session_start(&measuring.session, arguments, arguments->operand_count > 0, &error);
	if (r == 0)
		r = start(&measuring, &options, &error);
	if (r == 0)
		r = watch(&measuring);
	ring_free(measuring.ring);
	perf_watcher_stop(&measuring.watcher);
	return session_end(&measuring.session, r, &error);
}
