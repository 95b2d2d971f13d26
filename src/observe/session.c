/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "core/ladder.h"
#include "core/module.h"
#include "core/privilege.h"
#include "observe/report_file.h"
#include "observe/session.h"

/* ---- what is written ---------------------------------------------------------------------- */

static struct winsize window(const struct session *session)
{
	struct winsize size = { 0 };

	ioctl(fileno(session->out), TIOCGWINSZ, &size); /* where there is none, nothing is filled */
	return size;
}

size_t session_width(const struct session *session)
{
	return window(session).ws_col;
}

size_t session_height(const struct session *session)
{
	return window(session).ws_row;
}

bool session_has_terminal(const struct session *session)
{
	return isatty(fileno(session->out));
}

static void end_unread(struct session *session)
{
	session->unread = true;
	loop_stop(session->loop);
}

static bool is_pipe(FILE *out)
{
	struct stat st;

	return fstat(fileno(out), &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

/* Lines may have failed long before they are flushed, and why is not known any more. */
static int flush(FILE *out)
{
	errno = 0;
	if (fflush(out) == 0 && !ferror(out))
		return 0;
	if (errno)
		return -errno;
	return is_pipe(out) ? -EPIPE : -EIO;
}

int session_flush(struct session *session)
{
	int r = flush(session->out);
	FILE *nowhere;

	if (r == 0)
		return 0;
	/* What cannot be written would be tried once more at exit. */
	nowhere = freopen("/dev/null", "w", session->out);
	session->out = nowhere ? nowhere : stderr;
	end_unread(session);
	if (r == -EPIPE)
		return 0;
	log_error("cannot write what is reported: %s", strerror(-r));
	session->told = true;
	return r;
}

/* ---- the loop ----------------------------------------------------------------------------- */

/* A terminal sends SIGINT to the command as well, which may make something of it. */
static int on_signal(void *argument, int signal)
{
	struct session *session = argument;

	session->interrupted = session->interrupted || signal == SIGINT;
	if (session->child.pid <= 0)
		loop_stop(session->loop);
	else if (signal != SIGINT)
		child_signal(&session->child, signal);
	return 0;
}

static int on_child(void *argument)
{
	struct session *session = argument;

	if (child_has_ended(&session->child))
		loop_stop(session->loop);
	return 0;
}

/* Only an error can happen to our end of a pipe: the reader went away. */
static int on_reader_gone(void *argument)
{
	end_unread(argument);
	return 0;
}

static int on_interval(void *argument)
{
	struct session *session = argument;
	int r = session->report(session->context);

	if (session->left && --session->left == 0)
		loop_stop(session->loop);
	return r;
}

int session_every(struct session *session, uint64_t interval, uint64_t usual,
		  int (*report)(void *context), void *context)
{
	session->report = report;
	session->context = context;
	if (!interval && session->child.pid)
		return 0;
	return loop_add_timer(session->loop, interval ? interval : usual, on_interval, session);
}

int session_watch(struct session *session)
{
	int r = 0;

	if (session->child.pid)
		r = loop_add_fd(session->loop, session->child.pidfd, on_child, session);
	else if (is_pipe(session->out))
		r = loop_add_fd(session->loop, fileno(session->out), on_reader_gone, session);
	r = r < 0 ? r : loop_run(session->loop);
	/* The terminal showed ^C, and the last report does not begin behind that. */
	if (session->interrupted && !session->unread && session_has_terminal(session))
		fputc('\n', session->out);
	return r;
}

/* ---- beginning and end -------------------------------------------------------------------- */

int session_start(struct session *session, const struct arguments *arguments, bool beside,
		  struct error *error)
{
	int r = 0;

	signal(SIGPIPE, SIG_IGN);
	*session = (struct session){ .left = arguments->count, .child = CHILD_NONE };
	if (beside || arguments->output) {
		session->out = report_file_open(arguments, &r, error);
		if (!session->out)
			return r;
	} else {
		session->out = stdout;
	}
	session->loop = loop_new(on_signal, session, error);
	return session->loop ? 0 : -EIO;
}

int session_run_command(struct session *session, char **argv, int (*join)(void *context),
			void *context, struct error *error)
{
	int r = child_start(argv, join, context, &session->child, error);

	if (r < 0)
		session->status = child_failure_status(r);
	return r;
}

void session_give_up_privileges(void)
{
	struct confinement confinement;
	struct error error = { "" };
	bool files;

	confine_begin(&confinement);
	if (confine_enter(&confinement, &files, &error) < 0)
		log_warning("%s, ignoring", error.text);
	/* Loading programs took megabytes that are not needed again. */
	ladder_forget();
	malloc_trim(0);
}

static int exit_status(const struct session *session, bool ran, int r)
{
	if (session->status)
		return session->status;
	return r == 0 && ran ? child_exit_status(&session->child) : (int)status_of(r);
}

int session_end(struct session *session, int r, const struct error *why)
{
	bool ran = session->child.pid != 0;

	if (r < 0 && !session->told)
		log_error("%s", why->text[0] ? why->text : strerror(-r));
	loop_free(session->loop);
	child_close(&session->child);
	if (session->out && session->out != stdout && session->out != stderr)
		fclose(session->out);
	session->loop = NULL;
	session->out = NULL;
	return exit_status(session, ran, r);
}
