/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "core/arguments.h"
#include "core/loop.h"
#include "core/ring.h"
#include "modules/opens/describe.h"
#include "modules/opens/module.h"
#include "modules/opens/path.h"
#include "modules/opens/reader.h"
#include "modules/opens/show.h"
#include "modules/opens/teller.h"
#include "observe/child.h"
#include "observe/report_file.h"
#include "observe/selection.h"

/* How long an open waits until it is shown; the kernel does not wake us for each. */
#define DRAIN_INTERVAL (50 * NSEC_PER_MSEC)

struct watcher {
	const struct arguments *arguments;
	struct loop *loop;
	struct opens_reader *reader;
	struct ring *ring;
	struct teller *teller;
	struct child child;
	struct open_show show;
	uint64_t left; /* lines; 0: no limit */
	uint64_t lost; /* that were told of */
	int status;    /* of a command that could not be started; 0 */
};

/* ---- showing ---------------------------------------------------------------------------- */

static void stop(struct watcher *watcher)
{
	teller_end(watcher->teller);
	loop_stop(watcher->loop);
}

static bool show(void *context, const struct open_view *view, const struct open_names *names)
{
	struct watcher *watcher = context;
	const struct arguments *arguments = watcher->arguments;
	struct record record;

	if (arguments->json || arguments->csv)
		open_describe(view, names, &record);
	if (arguments->json)
		record_write_json(&record, watcher->show.out);
	else if (arguments->csv)
		record_write_csv(&record, watcher->show.out);
	else if (!open_show_line(&watcher->show, view, names))
		return false;
	if (watcher->left && --watcher->left == 0)
		stop(watcher);
	return true;
}

static void show_page(void *context, size_t rows, uint64_t opens, uint64_t elapsed)
{
	struct watcher *watcher = context;

	if (!watcher->arguments->json && !watcher->arguments->csv)
		open_show_page(&watcher->show, rows, opens, elapsed);
}

/* Every page has its own. */
static void show_head(const struct watcher *watcher)
{
	if (watcher->arguments->csv)
		record_write_csv_head(&open_record_type, watcher->show.out);
	else if (!watcher->arguments->json && !watcher->arguments->fold)
		open_show_head(&watcher->show);
}

/* A pipe that nobody reads any more is a wish to end; a disk that is full is a failure. */
static int flush(struct watcher *watcher)
{
	if (fflush(watcher->show.out) == 0 && !ferror(watcher->show.out))
		return 0;
	if (errno != EPIPE)
		return -errno;
	/* What cannot be written would be tried once more at exit. */
	if (!freopen("/dev/null", "w", watcher->show.out))
		return -errno;
	stop(watcher);
	return 0;
}

static void on_event(void *argument, const struct event_header *event)
{
	struct watcher *watcher = argument;

	if (event->module == EVENT_OPENS)
		teller_tell(watcher->teller, event);
}

static void warn_of_losses(struct watcher *watcher)
{
	uint64_t lost = opens_reader_counters(watcher->reader).lost;
	char number[NUMBER_TEXT];

	if (lost == watcher->lost)
		return;
	log_warning("%s opens are missing here: they came faster than they were read",
		    number_format(lost - watcher->lost, number));
	watcher->lost = lost;
}

static int on_ring(void *argument)
{
	struct watcher *watcher = argument;

	open_show_measure(&watcher->show);
	ring_drain(watcher->ring);
	teller_expire(watcher->teller);
	warn_of_losses(watcher);
	return flush(watcher);
}

static int on_interval(void *argument)
{
	struct watcher *watcher = argument;

	open_show_measure(&watcher->show);
	ring_drain(watcher->ring);
	teller_unfold(watcher->teller);
	return flush(watcher);
}

static int on_child(void *argument)
{
	struct watcher *watcher = argument;

	if (child_has_ended(&watcher->child))
		loop_stop(watcher->loop);
	return 0;
}

/* A terminal sends SIGINT to the command as well, which may make something of it. */
static int on_signal(void *argument, int signal)
{
	struct watcher *watcher = argument;

	if (watcher->child.pid <= 0)
		loop_stop(watcher->loop);
	else if (signal != SIGINT)
		child_signal(&watcher->child, signal);
	return 0;
}

static int on_reader_gone(void *argument)
{
	stop(argument);
	return 0;
}

/* ---- beginning and end ------------------------------------------------------------------ */

static int add_sources(struct watcher *watcher)
{
	uint64_t interval = watcher->arguments->interval;
	struct stat st;
	int r = loop_add_fd(watcher->loop, ring_fd(watcher->ring), on_ring, watcher);

	if (r == 0)
		r = loop_add_timer(watcher->loop, DRAIN_INTERVAL, on_ring, watcher);
	if (r == 0 && watcher->arguments->fold)
		r = loop_add_timer(watcher->loop, interval ? interval : 5 * NSEC_PER_SEC,
				   on_interval, watcher);
	if (r == 0 && watcher->child.pidfd >= 0)
		r = loop_add_fd(watcher->loop, watcher->child.pidfd, on_child, watcher);
	if (r == 0 && watcher->child.pidfd < 0 && fstat(fileno(watcher->show.out), &st) == 0 &&
	    S_ISFIFO(st.st_mode))
		r = loop_add_fd(watcher->loop, fileno(watcher->show.out), on_reader_gone, watcher);
	return r;
}

static int start(struct watcher *watcher, const struct opens_options *options, struct error *error)
{
	const struct arguments *arguments = watcher->arguments;
	int r;

	watcher->loop = loop_new(on_signal, watcher, error);
	if (!watcher->loop)
		return -EIO;
	watcher->teller = teller_new(arguments->path, arguments->fold, arguments->failed, show,
				     show_page, watcher);
	if (!watcher->teller)
		return error_set(error, -ENOMEM, "out of memory");
	watcher->reader = opens_reader_new(options, &r, error);
	if (!watcher->reader)
		return r;
	watcher->ring = ring_new(opens_reader_ring(watcher->reader), on_event, watcher, error);
	if (!watcher->ring)
		return -EIO;
	if (arguments->operand_count) {
		r = child_start(arguments->operands, opens_reader_follow_me, watcher->reader,
				&watcher->child, error);
		if (r < 0) {
			watcher->status = child_failure_status(r);
			return r;
		}
	}
	r = add_sources(watcher);
	return r < 0 ? error_set(error, r, "cannot wait for opens: %s", strerror(-r)) : 0;
}

static void say_what_is_watched(const struct watcher *watcher)
{
	char selected[SELECTION_TEXT];

	if (!watcher->arguments->operand_count)
		log_info("watching opens of %s by %s%s; Ctrl-C ends it",
			 selection_text(watcher->arguments, selected),
			 opens_reader_hook(watcher->reader),
			 opens_reader_sees_rings(watcher->reader) ? "" : ", not of io_uring");
}

/* What came until now is shown, and the books are closed. */
static int finish(struct watcher *watcher)
{
	struct open_counters kernel;
	char ledger[LEDGER_TEXT];
	int r;

	opens_reader_detach(watcher->reader);
	r = on_ring(watcher);
	teller_settle(watcher->teller);
	teller_unfold(watcher->teller);
	if (r == 0)
		r = flush(watcher);
	kernel = opens_reader_counters(watcher->reader);
	log_info("%s", teller_ledger(watcher->teller, &kernel, ledger));
	if (opens_reader_not_followed(watcher->reader))
		log_warning("%llu processes of the command were not looked at: they were too many",
			    (unsigned long long)opens_reader_not_followed(watcher->reader));
	return r;
}

static void release(struct watcher *watcher)
{
	child_close(&watcher->child);
	ring_free(watcher->ring);
	opens_reader_free(watcher->reader);
	teller_free(watcher->teller);
	loop_free(watcher->loop);
}

static int watch(struct watcher *watcher, const struct opens_options *options)
{
	struct error error = { "" };
	int r, finished;

	watcher->show.out = report_file_open(watcher->arguments, &r, &error);
	if (watcher->show.out)
		r = start(watcher, options, &error);
	if (r < 0) {
		log_error("%s", error.text);
		return r;
	}
	say_what_is_watched(watcher);
	open_show_measure(&watcher->show);
	show_head(watcher);
	r = flush(watcher);
	if (r == 0)
		r = loop_run(watcher->loop);
	finished = finish(watcher);
	return r < 0 ? r : finished;
}

int command_opens(int argc, char **argv)
{
	struct arguments arguments;
	struct watcher watcher = { .arguments = &arguments, .child = CHILD_NONE };
	struct opens_options options = { 0 };
	struct error error = { "" };
	int r;

	arguments_read(
		argc, argv, ACCEPT_JSON | ACCEPT_INTERVAL | ACCEPT_PROCESSES | ACCEPT_OPENS,
		"[-- COMMAND...]", 0, SIZE_MAX,
		"Show which process opens which file, until Ctrl-C, or while a command runs: "
		"what it asked for, and what it got where that lies elsewhere.",
		&arguments);
	r = selection_read(&arguments, &options.selection, &error);
	if (r == 0 && arguments.top && !arguments.fold)
		r = error_set(&error, -EINVAL, "-T is of folded lines: give --fold as well");
	if (r == 0 && arguments.path)
		r = path_check_pattern(arguments.path, &error);
	if (r < 0) {
		log_error("%s", error.text);
		return STATUS_USAGE;
	}
	options.pattern = arguments.path;
	options.self = arguments.self;
	options.failed = arguments.failed;
	options.writes = arguments.writes;
	watcher.left = arguments.count;
	watcher.show.folded = arguments.fold;
	watcher.show.top = arguments.top ? arguments.top : OPENS_TOP;
	signal(SIGPIPE, SIG_IGN);
	r = watch(&watcher, &options);
	release(&watcher);
	if (r == 0 && arguments.operand_count)
		return child_exit_status(&watcher.child);
	if (watcher.status)
		return watcher.status;
	return status_of(r);
}
