/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "core/arguments.h"
#include "core/module.h"
#include "core/ring.h"
#include "modules/syscalls/module.h"
#include "modules/syscalls/watcher.h"
#include "observe/selection.h"
#include "observe/session.h"

/* Lines of a report that are no rows of its table, and one for the prompt. */
enum { TOP = 20, OTHER_LINES = 8, INTERVAL_SECONDS = 5 };

struct counting {
	struct session session;
	struct watcher watcher;
	struct ring *ring; /* of the bell */
	bool rung;
	struct arguments arguments;
	unsigned by;
	enum view_sort sort;
	bool told_head; /* of CSV */
};

/* ---- reports ------------------------------------------------------------------------------ */

static bool for_programs(const struct counting *counting)
{
	return counting->arguments.json || counting->arguments.csv;
}

/* Of a table that nobody chose the length of, no row leaves the terminal. */
static uint64_t rows_shown(const struct counting *counting)
{
	uint64_t usual = counting->session.child.pid ? UINT32_MAX : TOP;
	size_t height = session_height(&counting->session);

	if (counting->arguments.top)
		return counting->arguments.top;
	if (for_programs(counting) || !height)
		return usual;
	height = height > OTHER_LINES ? height - OTHER_LINES : 1;
	return height < usual ? height : usual;
}

static void write_json(void *context, const struct record *record)
{
	record_write_json(record, ((struct counting *)context)->session.out);
}

static void write_csv(void *context, const struct record *record)
{
	struct counting *counting = context;

	if (record->type == &call_record)
		record_write_csv(record, counting->session.out);
}

/* The head stands there also when nothing happens. */
static void show_csv(struct counting *counting, const struct report *report)
{
	if (!counting->told_head)
		record_write_csv_head(&call_record, counting->session.out);
	counting->told_head = true;
	show_records(&counting->watcher.show, report, write_csv, counting);
}

static int report(struct counting *counting, enum view_span span)
{
	struct session *session = &counting->session;
	struct show *show = &counting->watcher.show;
	bool flights_wanted = show->latency && span == SPAN_INTERVAL;
	CLEANUP_VIEW struct view view = VIEW_NONE;
	struct call_ledger ledger;
	struct flights flights;
	struct report made;
	int r = watcher_report(&counting->watcher, counting->by, span, &view,
			       flights_wanted ? &flights : NULL, &ledger, &made);

	if (r < 0)
		return r;
	show->top = rows_shown(counting);
	if (counting->arguments.json)
		show_records(show, &made, write_json, counting);
	else if (counting->arguments.csv)
		show_csv(counting, &made);
	else
		show_text(show, &made, session_width(session), session->out);
	r = session_flush(session);
	return r < 0 || span == SPAN_ALL ? r : watcher_next(&counting->watcher);
}

/* People need not read the same twice: with one report the whole time is one interval. */
static int on_interval(void *context)
{
	struct counting *counting = context;

	if (!for_programs(counting) && counting->arguments.count == 1)
		return 0;
	return report(counting, SPAN_INTERVAL);
}

static void on_bell(void *context, const struct event_header *event)
{
	((struct counting *)context)->rung = true;
}

static int on_ring(void *context)
{
	struct counting *counting = context;

	counting->rung = false;
	ring_drain(counting->ring);
	return counting->rung ? watcher_turn(&counting->watcher) : 0;
}

/* ---- beginning and end -------------------------------------------------------------------- */

static int read_options(const struct arguments *arguments, struct monitor_options *ret_options,
			unsigned *ret_by, struct error *error)
{
	bool command = arguments->operand_count > 0;
	int r = selection_read(arguments, &ret_options->selection, error);

	if (r == 0 && arguments->calls)
		r = monitor_select_calls(ret_options, arguments->calls, error);
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

static int run_command(struct counting *counting, struct error *error)
{
	if (!counting->arguments.operand_count)
		return 0;
	return session_run_command(&counting->session, counting->arguments.operands,
				   monitor_follow_me, counting->watcher.monitor, error);
}

static int start(struct counting *counting, const struct monitor_options *options,
		 struct error *error)
{
	struct session *session = &counting->session;
	int r = watcher_start(options, TOP, &counting->watcher, error);

	if (r < 0)
		return r;
	if (counting->arguments.sort)
		counting->watcher.show.sort = counting->sort;
	counting->watcher.show.histogram = counting->arguments.histogram;
	counting->ring =
		ring_new(monitor_bell(counting->watcher.monitor), on_bell, counting, error);
	if (!counting->ring)
		return -EIO;
	r = run_command(counting, error);
	if (r < 0)
		return r;
	r = loop_add_fd(session->loop, ring_fd(counting->ring), on_ring, counting);
	if (r == 0)
		r = session_every(session, counting->arguments.interval,
				  INTERVAL_SECONDS * NSEC_PER_SEC, on_interval, counting);
	return r < 0 ? error_set(error, r, "cannot wait for reports: %s", strerror(-r)) : 0;
}

static int watch(struct counting *counting)
{
	const struct session *session = &counting->session;
	char what[SELECTION_TEXT];
	uint64_t lost;
	int r;

	session_give_up_privileges();
	if (!for_programs(counting) && !session->child.pid && session_has_terminal(session))
		log_info("counting system calls of %s; Ctrl-C ends it",
			 selection_text(&counting->arguments, what));
	r = session_watch(&counting->session);
	if (r == 0 && !session->unread)
		r = report(counting, SPAN_ALL);
	lost = monitor_not_followed(counting->watcher.monitor);
	if (lost)
		log_warning("%llu processes of the command were not followed: there are too many",
			    (unsigned long long)lost);
	return r;
}

int command_syscalls(int argc, char **argv)
{
	struct counting counting = { .session = SESSION_NONE, .watcher = WATCHER_NONE };
	struct arguments *arguments = &counting.arguments;
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
		       arguments);
	r = read_options(arguments, &options, &counting.by, &error);
	if (r == 0 && arguments->sort)
		r = read_sort(arguments, &options, &counting.sort, &error);
	if (r < 0) {
		log_error("%s", error.text);
		return r == -ENOMEM ? STATUS_FAILED : STATUS_USAGE;
	}
	r = session_start(&counting.session, arguments, arguments->operand_count > 0, &error);
	if (r == 0)
		r = start(&counting, &options, &error);
	if (r == 0)
		r = watch(&counting);
	ring_free(counting.ring);
	watcher_stop(&counting.watcher);
	return session_end(&counting.session, r, &error);
}
