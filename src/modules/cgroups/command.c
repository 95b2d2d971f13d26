/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "core/arguments.h"
#include "core/loop.h"
#include "core/ring.h"
#include "modules/cgroups/module.h"
#include "modules/cgroups/watcher.h"
#include "observe/cgroups.h"

enum { TOP = 30, INTERVAL_SECONDS = 5 };

struct session {
	struct watcher watcher;
	struct loop *loop;
	struct ring *ring;
	bool rung;  /* a table gets full */
	int failed; /* to take an event: negative errno */
	struct arguments arguments;
	struct view_options options;
	uint64_t left; /* reports; 0: no limit */
	bool unread;   /* nobody reads what is written */
	bool headed;   /* the head of CSV is written */
};

/* ---- reports ------------------------------------------------------------------------------ */

static size_t width_of_output(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 ? 0 : size.ws_col;
}

static void write_json(void *context, const struct record *record)
{
	record_write_json(record, stdout);
}

static void write_csv(void *context, const struct record *record)
{
	if (record->type == &group_record)
		record_write_csv(record, stdout);
}

/* The head stands there also when nothing happens. */
static void show_csv(struct session *session, const struct report *report)
{
	if (!session->headed)
		record_write_csv_head(&group_record, stdout);
	session->headed = true;
	group_show_records(report, write_csv, NULL);
}

static int flush(struct session *session)
{
	if (fflush(stdout) == 0)
		return 0;
	if (errno != EPIPE)
		return -errno;
	session->unread = true;
	/* What cannot be written would be tried once more at exit. */
	if (!freopen("/dev/null", "w", stdout))
		return -errno;
	loop_stop(session->loop);
	return 0;
}

static int report(struct session *session, bool total)
{
	const struct arguments *arguments = &session->arguments;
	CLEANUP_VIEW struct view view = VIEW_NONE;
	struct report made;
	int r;

	/* First the names of what was made. */
	ring_drain(session->ring);
	session->options.total = total;
	r = session->failed;
	if (r == 0)
		r = group_watcher_report(&session->watcher, &session->options, &view, &made);
	if (r < 0)
		return r;
	made.top = arguments->top                      ? arguments->top
		   : arguments->json || arguments->csv ? UINT64_MAX
						       : TOP;
	if (arguments->json)
		group_show_records(&made, write_json, NULL);
	else if (arguments->csv)
		show_csv(session, &made);
	else
		group_show_text(&made, width_of_output(), stdout);
	r = flush(session);
	return r < 0 || total ? r : group_watcher_next(&session->watcher);
}

/* ---- the loop ----------------------------------------------------------------------------- */

static int on_interval(void *argument)
{
	struct session *session = argument;
	int r = report(session, false);

	if (session->left && --session->left == 0)
		loop_stop(session->loop);
	return r;
}

static void on_event(void *argument, const struct event_header *event)
{
	struct session *session = argument;
	int r = group_monitor_take(event, session->watcher.books);

	session->rung = session->rung || r > 0;
	if (r < 0)
		session->failed = r;
}

static int on_ring(void *argument)
{
	struct session *session = argument;

	session->rung = false;
	ring_drain(session->ring);
	if (session->failed)
		return session->failed;
	return session->rung ? group_watcher_turn(&session->watcher) : 0;
}

static int on_signal(void *argument, int signal)
{
	loop_stop(((struct session *)argument)->loop);
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
	struct stat st;
	int r = loop_add_fd(session->loop, ring_fd(session->ring), on_ring, session);

	if (!interval)
		interval = INTERVAL_SECONDS * NSEC_PER_SEC;
	if (r == 0)
		r = loop_add_timer(session->loop, interval, on_interval, session);
	if (r == 0 && fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode))
		r = loop_add_fd(session->loop, STDOUT_FILENO, on_reader_gone, session);
	return r;
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

static int start(struct session *session, struct error *error)
{
	/* Whoever asks for some cgroups does not ask for what is in none. */
	const struct monitor_options options = { .interfaces = !session->arguments.operand_count,
						 .hook = HOOKS };
	int r = group_watcher_start(&options, &session->watcher, error);

	if (r < 0)
		return r;
	session->ring =
		ring_new(group_monitor_ring(session->watcher.monitor), on_event, session, error);
	session->loop = session->ring ? loop_new(on_signal, session, error) : NULL;
	if (!session->loop)
		return -EIO;
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
	int r;

	give_up_privileges();
	if (!session->arguments.json && !session->arguments.csv && isatty(STDOUT_FILENO))
		log_info("counting by cgroup; Ctrl-C ends it");
	r = loop_run(session->loop);
	return r == 0 && !session->unread ? report(session, true) : r;
}

static void release(struct session *session, const char **paths)
{
	loop_free(session->loop);
	ring_free(session->ring);
	group_watcher_stop(&session->watcher);
	for (size_t i = 0; paths && paths[i]; i++)
		free((char *)paths[i]);
	free(paths);
}

int command_cgroups(int argc, char **argv)
{
	struct session session = { .watcher = WATCHER_NONE };
	const char **paths = NULL;
	struct error error = { "" };
	int r;

	arguments_read(
		argc, argv, ACCEPT_JSON | ACCEPT_INTERVAL | ACCEPT_COUNT | ACCEPT_TREE,
		"[CGROUP...]", 0, SIZE_MAX,
		"Count what each cgroup does, so each service and each container: CPU time, "
		"system calls, page faults, switches, packets and bytes, connections. With "
		"CGROUP (a path, a systemd unit, a container) only that and what is beneath.",
		&session.arguments);
	if (session.arguments.pids || session.arguments.commands || session.arguments.users) {
		log_error("'cgroups' counts whole cgroups: -p, -c and -u are for 'sumun perf "
			  "--by cgroup' and 'sumun syscalls --by cgroup'");
		return STATUS_USAGE;
	}
	r = find_cgroups(&session.arguments, &paths, &error);
	session.options = (struct view_options){ .flat = session.arguments.flat,
						 .depth = (unsigned)session.arguments.depth,
						 .paths = paths };
	session.left = session.arguments.count;
	signal(SIGPIPE, SIG_IGN);
	if (r == 0)
		r = start(&session, &error);
	if (r < 0)
		log_error("%s", error.text);
	else
		r = watch(&session);
	release(&session, paths);
	return status_of(r);
}
