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
#include "modules/filter/commands.h"
#include "modules/filter/gate.h"
#include "modules/filter/report.h"
#include "modules/filter/watch.h"

/* A reader of one ring, beside `sumun run` and others of its kind. */
struct listener {
	struct store store;
	struct loop *loop;
	struct ring *ring;
	struct watch *watch;
	struct output *output;
	int number;  /* of the ring */
	int lock_fd; /* that nobody else reads it */
	ino_t gate;  /* which gate this is about */
	uint64_t lost_before;
	uint64_t left; /* events to be told; 0: no limit */
	bool told_all;
};

/* ---- events ------------------------------------------------------------------------------ */

/* For good: asked to end by a signal, it still tells what came before that. */
static void stop(struct listener *listener)
{
	listener->told_all = true;
	loop_stop(listener->loop);
}

static void on_event(void *argument, const struct event_header *header)
{
	const struct filter_event *event = (const struct filter_event *)header;
	struct listener *listener = argument;
	struct record record;
	bool quiet;

	if (listener->told_all || header->module != EVENT_FILTER ||
	    header->size != sizeof(*event) ||
	    !watch_describe(listener->watch, event, &record, &quiet))
		return;
	output_record(listener->output, &record, false);
	if (listener->left && --listener->left == 0)
		stop(listener);
}

/* A pipe that nobody reads any more is a wish to end; a disk that is full is a failure. */
static int flush(struct listener *listener)
{
	if (output_flush(listener->output))
		return 0;
	if (errno != EPIPE)
		return -errno;
	/* What cannot be written would be tried once more at exit. */
	if (!freopen("/dev/null", "w", stdout))
		return -errno;
	stop(listener);
	return 0;
}

static int on_ring(void *argument)
{
	struct listener *listener = argument;

	ring_drain(listener->ring);
	return flush(listener);
}

static int on_second(void *argument)
{
	struct listener *listener = argument;
	struct error error = { "" };
	struct stat st;

	if (stat(listener->store.directory, &st) < 0 || st.st_ino != listener->gate) {
		log_error("the filter was taken down by another command");
		return -ENOENT;
	}
	if (store_refresh(&listener->store, &error) < 0) {
		log_error("%s", error.text);
		return -EIO;
	}
	watch_second(listener->watch, listener->output);
	return flush(listener);
}

static int on_signal(void *argument, int signal)
{
	struct listener *listener = argument;

	if (signal != SIGHUP)
		loop_stop(listener->loop);
	return 0;
}

/* Only an error can happen to our end of a pipe: the reader went away. */
static int on_reader_gone(void *argument)
{
	stop(argument);
	return 0;
}

/* ---- beginning and end ---------------------------------------------------------------------- */

static uint64_t lost_events(const struct listener *listener)
{
	const struct store *store = &listener->store;
	uint64_t lost = 0;

	for (uint32_t cpu = 0; cpu < store->tables.state->cpus; cpu++)
		lost += store->tallies[cpu].events_lost[listener->number];
	return lost;
}

static int take_ring(struct listener *listener, struct error *error)
{
	const int *rings = &listener->store.fds[STORE_EVENTS0];
	bool permitted = false;
	struct stat st;
	int number;

	for (size_t i = 0; i < EVENT_RINGS; i++)
		permitted |= rings[i] >= 0;
	if (!permitted)
		return error_set(error, -EACCES,
				 "no permission to read the events; be root or join the group "
				 "sumun");
	number = gate_take_ring(&listener->store, &listener->lock_fd, error);
	if (number < 0)
		return number;
	if (stat(listener->store.directory, &st) < 0)
		return error_set(error, -errno, "cannot look at '%s': %s",
				 listener->store.directory, strerror(errno));
	listener->number = number;
	listener->gate = st.st_ino;
	return 0;
}

static int add_sources(struct listener *listener)
{
	struct stat st;
	int r = loop_add_fd(listener->loop, ring_fd(listener->ring), on_ring, listener);

	if (r == 0)
		r = loop_add_timer(listener->loop, NSEC_PER_SEC, on_second, listener);
	if (r == 0 && fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode))
		r = loop_add_fd(listener->loop, STDOUT_FILENO, on_reader_gone, listener);
	return r;
}

/* What is in the ring from before is older than the watch, and is thrown away by it. */
static int start(struct listener *listener, const struct selection *selection, bool json,
		 struct error *error)
{
	struct output_config logs = { NULL, NULL };
	int r;

	listener->loop = loop_new(on_signal, listener, error);
	listener->output = listener->loop ? output_new(&logs, json, error) : NULL;
	if (!listener->output)
		return -EIO;
	r = gate_open(STORE_READ, &listener->store, error);
	if (r == 0)
		r = take_ring(listener, error);
	if (r < 0)
		return r;
	listener->watch = watch_new(&listener->store, selection);
	if (!listener->watch)
		return error_set(error, -ENOMEM, "out of memory");
	listener->ring = ring_new(listener->store.fds[STORE_EVENTS0 + listener->number], on_event,
				  listener, error);
	if (!listener->ring)
		return -EIO;
	ring_drain(listener->ring);
	r = store_refresh(&listener->store, error);
	if (r < 0)
		return r;
	listener->lost_before = lost_events(listener);
	r = add_sources(listener);
	return r < 0 ? error_set(error, r, "cannot wait for events: %s", strerror(-r)) : 0;
}

static void say_what_is_watched(const struct listener *listener, const struct selection *selection)
{
	char interfaces[512], selected[SELECTION_TEXT];

	log_info("watching %s: %s; Ctrl-C ends it",
		 report_interfaces(&listener->store, interfaces, sizeof(interfaces)),
		 select_text(selection, selected));
}

static void say_what_was_lost(struct listener *listener)
{
	char number[NUMBER_TEXT];
	uint64_t lost;

	if (store_refresh(&listener->store, NULL) < 0)
		return;
	lost = lost_events(listener) - listener->lost_before;
	if (lost)
		log_warning("%s events are missing: they came faster than they were read",
			    number_format(lost, number));
}

/* There is only reading from now on, and what is read is open. */
static void give_up_privileges(void)
{
	struct confinement confinement;
	struct error error = { "" };
	bool files;

	confine_begin(&confinement);
	if (confine_enter(&confinement, &files, &error) < 0)
		log_warning("%s, ignoring", error.text);
}

static void release(struct listener *listener)
{
	ring_free(listener->ring);
	watch_free(listener->watch);
	cleanup_close(&listener->lock_fd);
	store_close(&listener->store);
	output_free(listener->output);
	loop_free(listener->loop);
}

int command_events(int argc, char **argv)
{
	struct listener listener = { .store = STORE_NONE, .lock_fd = -1 };
	struct selection selection;
	struct arguments arguments;
	struct error error = { "" };
	int r;

	arguments_read(argc, argv, ACCEPT_JSON | ACCEPT_EVENTS, "", 0, 0,
		       "Show what happens from now on: the first packet of each source that is "
		       "dropped and how many followed, bans, scans, full tables, packets to "
		       "watched ports. Runs beside 'sumun run', which is not needed for it.",
		       &arguments);
	if (select_parse(&arguments, &selection, &error) < 0) {
		log_error("%s", error.text);
		return STATUS_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	listener.left = arguments.count;
	r = start(&listener, &selection, arguments.json, &error);
	if (r < 0) {
		log_error("%s", error.text);
	} else {
		give_up_privileges();
		say_what_is_watched(&listener, &selection);
		r = flush(&listener);
		if (r == 0 && !listener.told_all)
			r = loop_run(listener.loop);
		if (r == 0 && !listener.told_all)
			r = on_ring(&listener);
		if (r == 0 && !listener.told_all)
			r = on_second(&listener);
		say_what_was_lost(&listener);
	}
	release(&listener);
	return status_of(r);
}
