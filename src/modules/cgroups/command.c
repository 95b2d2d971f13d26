/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "core/arguments.h"
#include "core/loop.h"
#include "core/ring.h"
#include "modules/cgroups/module.h"
#include "modules/cgroups/watcher.h"
#include "observe/cgroups.h"
#include "observe/session.h"

enum { TOP = 30, INTERVAL_SECONDS = 5 };

struct counting {
	struct session session;
	struct watcher watcher;
	struct ring *ring;
	bool rung;  /* a table gets full */
	int failed; /* to take an event: negative errno */
	struct arguments arguments;
	struct view_options options;
	bool headed; /* the head of CSV is written */
};

/* ---- reports ------------------------------------------------------------------------------ */

static void write_json(void *context, const struct record *record)
{
	record_write_json(record, ((struct counting *)context)->session.out);
}

static void write_csv(void *context, const struct record *record)
{
	if (record->type == &group_record)
		record_write_csv(record, ((struct counting *)context)->session.out);
}

/* The head stands there also when nothing happens. */
static void show_csv(struct counting *counting, const struct report *report)
{
	if (!counting->headed)
		record_write_csv_head(&group_record, counting->session.out);
	counting->headed = true;
	group_show_records(report, write_csv, counting);
}

static int report(struct counting *counting, bool total)
{
	const struct arguments *arguments = &counting->arguments;
	CLEANUP_VIEW struct view view = VIEW_NONE;
	struct report made;
	int r;

	/* First the names of what was made. */
	ring_drain(counting->ring);
	counting->options.total = total;
	r = counting->failed;
	if (r == 0)
		r = group_watcher_report(&counting->watcher, &counting->options, &view, &made);
	if (r < 0)
		return r;
	made.top = arguments->top                      ? arguments->top
		   : arguments->json || arguments->csv ? UINT64_MAX
						       : TOP;
	if (arguments->json)
		group_show_records(&made, write_json, counting);
	else if (arguments->csv)
		show_csv(counting, &made);
	else
		group_show_text(&made, session_width(&counting->session), counting->session.out);
	r = session_flush(&counting->session);
	return r < 0 || total ? r : group_watcher_next(&counting->watcher);
}

/* ---- the loop ----------------------------------------------------------------------------- */

static int on_interval(void *argument)
{
	return report(argument, false);
}

static void on_event(void *argument, const struct event_header *event)
{
	struct counting *counting = argument;
	int r = group_monitor_take(event, counting->watcher.books);

	counting->rung = counting->rung || r > 0;
	if (r < 0)
		counting->failed = r;
}

static int on_ring(void *argument)
{
	struct counting *counting = argument;

	counting->rung = false;
	ring_drain(counting->ring);
	if (counting->failed)
		return counting->failed;
	return counting->rung ? group_watcher_turn(&counting->watcher) : 0;
}

/* ---- beginning and end -------------------------------------------------------------------- */

/* Which cgroups are asked for, by their paths. */
static int find_cgroups(const struct arguments *arguments, const char ***ret_paths,
			struct error *error)
{
	CLEANUP_CGROUPS struct cgroups *cgroups = cgroups_new();
	const char **paths = calloc(arguments->operand_count + 1, sizeof(*paths));
	int r = cgroups && paths ? 0 : error_set(error, -ENOMEM, "out of memory");

	for (size_t i = 0; r == 0 && i < arguments->operand_count; i++) {
		char path[CGROUP_PATH];
		uint32_t level;
		uint64_t id;

		r = cgroup_find(arguments->operands[i], &id, &level, error);
		if (r == 0)
			paths[i] = strdup(cgroups_path(cgroups, id, path));
	}
	*ret_paths = paths;
	return r;
}

static int start(struct counting *counting, struct error *error)
{
	/* Whoever asks for some cgroups does not ask for what is in none. */
	const struct monitor_options options = { .interfaces = !counting->arguments.operand_count,
						 .hook = HOOKS };
	struct session *session = &counting->session;
	int r = group_watcher_start(&options, &counting->watcher, error);

	if (r < 0)
		return r;
	counting->ring =
		ring_new(group_monitor_ring(counting->watcher.monitor), on_event, counting, error);
	if (!counting->ring)
		return -EIO;
	r = loop_add_fd(session->loop, ring_fd(counting->ring), on_ring, counting);
	if (r == 0)
		r = session_every(session, counting->arguments.interval,
				  INTERVAL_SECONDS * NSEC_PER_SEC, on_interval, counting);
	return r < 0 ? error_set(error, r, "cannot wait for reports: %s", strerror(-r)) : 0;
}

static int watch(struct counting *counting)
{
	const struct arguments *arguments = &counting->arguments;
	struct session *session = &counting->session;
	int r;

	session_give_up_privileges();
	if (!arguments->json && !arguments->csv && session_has_terminal(session))
		log_info("counting by cgroup; Ctrl-C ends it");
	r = session_watch(session);
	return r == 0 && !session->unread ? report(counting, true) : r;
}

static void release(struct counting *counting, const char **paths)
{
	ring_free(counting->ring);
	group_watcher_stop(&counting->watcher);
	for (size_t i = 0; paths && paths[i]; i++)
		free((char *)paths[i]);
	free(paths);
}

int command_cgroups(int argc, char **argv)
{
	struct counting counting = { .session = SESSION_NONE, .watcher = WATCHER_NONE };
	const struct arguments *arguments = &counting.arguments;
	const char **paths = NULL;
	struct error error = { "" };
	int r;

	arguments_read(
		argc, argv, ACCEPT_JSON | ACCEPT_INTERVAL | ACCEPT_COUNT | ACCEPT_TREE,
		"[CGROUP...]", 0, SIZE_MAX,
		"Count what each cgroup does, so each service and each container: CPU time, "
		"system calls, page faults, switches, packets and bytes, connections. With "
		"CGROUP (a path, a systemd unit, a container) only that and what is beneath.",
		&counting.arguments);
	if (arguments->pids || arguments->commands || arguments->users) {
		log_error("'cgroups' counts whole cgroups: -p, -c and -u are for 'sumun perf "
			  "--by cgroup' and 'sumun syscalls --by cgroup'");
		return STATUS_USAGE;
	}
	r = find_cgroups(arguments, &paths, &error);
	counting.options = (struct view_options){ .flat = arguments->flat,
						  .depth = (unsigned)arguments->depth,
						  .paths = paths };
	if (r < 0) {
		log_error("%s", error.text);
		release(&counting, paths);
		return (int)status_of(r);
	}
	r = session_start(&counting.session, arguments, false, &error);
	if (r == 0)
		r = start(&counting, &error);
	if (r == 0)
		r = watch(&counting);
	release(&counting, paths);
	return session_end(&counting.session, r, &error);
}
