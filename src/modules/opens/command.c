/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

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
#include "observe/selection.h"
#include "observe/session.h"

/* How long an open waits until it is shown; the kernel does not wake us for each. */
#define DRAIN_INTERVAL (50 * NSEC_PER_MSEC)

struct watcher {
	struct session session;
	const struct arguments *arguments;
	struct opens_reader *reader;
	struct ring *ring;
	struct teller *teller;
	struct open_show show;
	uint64_t left; /* lines; 0: no limit */
	uint64_t lost; /* that were told of */
};

/* ---- showing ---------------------------------------------------------------------------- */

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
	if (watcher->left && --watcher->left == 0) {
		teller_end(watcher->teller);
		loop_stop(watcher->session.loop);
	}
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

/* Where nobody reads it any more, what still comes is only counted. */
static int flush(struct watcher *watcher)
{
	int r = session_flush(&watcher->session);

	if (watcher->session.unread)
		teller_end(watcher->teller);
	return r;
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

/* ---- beginning and end ------------------------------------------------------------------ */

static int add_sources(struct watcher *watcher)
{
	const struct arguments *arguments = watcher->arguments;
	uint64_t interval = arguments->interval ? arguments->interval : 5 * NSEC_PER_SEC;
	struct loop *loop = watcher->session.loop;
	int r = loop_add_fd(loop, ring_fd(watcher->ring), on_ring, watcher);

	if (r == 0)
		r = loop_add_timer(loop, DRAIN_INTERVAL, on_ring, watcher);
	if (r == 0 && arguments->fold)
		r = loop_add_timer(loop, interval, on_interval, watcher);
	return r;
}

static int start(struct watcher *watcher, const struct opens_options *options, struct error *error)
{
	const struct arguments *arguments = watcher->arguments;
	int r;

	watcher->show.out = watcher->session.out;
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
		r = session_run_command(&watcher->session, arguments->operands,
					opens_reader_follow_me, watcher->reader, error);
		if (r < 0)
			return r;
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
	ring_free(watcher->ring);
	opens_reader_free(watcher->reader);
	teller_free(watcher->teller);
}

static int watch(struct watcher *watcher)
{
	int r, finished;

	session_give_up_privileges();
	say_what_is_watched(watcher);
	open_show_measure(&watcher->show);
	show_head(watcher);
	r = flush(watcher);
	if (r == 0)
		r = session_watch(&watcher->session);
	if (watcher->session.unread)
		teller_end(watcher->teller);
	finished = finish(watcher);
	return r < 0 ? r : finished;
}

int command_opens(int argc, char **argv)
{
	struct arguments arguments;
	struct watcher watcher = { .session = SESSION_NONE, .arguments = &arguments };
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
	r = session_start(&watcher.session, &arguments, arguments.operand_count > 0, &error);
	if (r == 0)
		r = start(&watcher, &options, &error);
	if (r == 0)
		r = watch(&watcher);
	release(&watcher);
	return session_end(&watcher.session, r, &error);
}
