/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "core/arguments.h"
#include "core/loop.h"
#include "core/privilege.h"
#include "modules/profile/module.h"
#include "modules/profile/sampler.h"
#include "modules/profile/show.h"
#include "observe/child.h"
#include "observe/selection.h"

enum { TOP = 15, HZ_MAX = 100000, SECONDS_MAX = 7 * 24 * 3600 };

struct session {
	struct arguments arguments;
	struct sampler_options options;
	enum profile_by by;
	uint64_t duration; /* nanoseconds; 0: no limit */
	char **command;    /* NULL: none */
	struct sampler *sampler;
	struct symbols *symbols;
	struct child child;
	struct loop *loop;
	uint64_t begun, reported;   /* CLOCK_BOOTTIME, nanoseconds */
	struct stack_ledger before; /* at the last report */
	uint64_t left;              /* reports; 0: no limit */
	FILE *out;                  /* beside the output of a command, not into it */
	FILE *flame;                /* NULL: none is wanted */
};

/* ---- reports ------------------------------------------------------------------------------ */

static size_t width_of(FILE *out)
{
	struct winsize size;

	if (ioctl(fileno(out), TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col;
}

/* What cannot be written, as nobody reads it, would be tried once more at exit. */
static int flush(struct session *session)
{
	FILE *nowhere;

	if (fflush(session->out) == 0)
		return 0;
	nowhere = errno == EPIPE ? freopen("/dev/null", "w", session->out) : NULL;
	if (!nowhere)
		return -errno;
	loop_stop(session->loop);
	return 0;
}

static void show(struct session *session, const struct profile *profile)
{
	const struct arguments *arguments = &session->arguments;

	if (arguments->json)
		profile_show_json(profile, session->out);
	else if (!arguments->folded)
		profile_show_text(profile, width_of(session->out), session->out);
	else if (profile->total)
		profile_show_folded(profile, session->out);
	if (session->flame && profile->total)
		profile_show_flame(profile, session->flame);
}

static int report(struct session *session, bool total)
{
	const struct stack_ledger none = { 0 };
	CLEANUP_PROFILE struct profile profile = PROFILE_NONE;
	uint64_t now;
	int r;

	sampler_turn(session->sampler);
	now = timestamp_boottime();
	profile.hook = sampler_hook(session->sampler);
	profile.hz = session->options.hz;
	profile.off_cpu = session->options.off_cpu;
	profile.total = total;
	profile.by = session->by;
	profile.grouped = session->arguments.by != NULL;
	profile.top = session->arguments.top ? session->arguments.top : TOP;
	profile.elapsed = now - (total ? session->begun : session->reported);
	stack_ledger_subtract(stacks_ledger(sampler_stacks(session->sampler)),
			      total ? &none : &session->before, &profile.ledger);
	r = profile_make(&profile, sampler_stacks(session->sampler), session->symbols);
	if (r < 0)
		return r;
	show(session, &profile);
	session->before = *stacks_ledger(sampler_stacks(session->sampler));
	session->reported = now;
	stacks_close_interval(sampler_stacks(session->sampler));
	return flush(session);
}

/* ---- the loop ----------------------------------------------------------------------------- */

static void learn(void *context, const struct stack *stack)
{
	symbols_see(context, stack);
}

static int on_stacks(void *argument)
{
	sampler_tick(((struct session *)argument)->sampler);
	return 0;
}

static int on_second(void *argument)
{
	struct session *session = argument;

	sampler_tick(session->sampler);
	symbols_see_again(session->symbols, stacks_first(sampler_stacks(session->sampler)));
	return 0;
}

static int on_interval(void *argument)
{
	struct session *session = argument;
	int r = report(session, false);

	if (session->left && --session->left == 0)
		loop_stop(session->loop);
	return r;
}

static int on_end(void *argument)
{
	loop_stop(((struct session *)argument)->loop);
	return 0;
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

static int add_sources(struct session *session)
{
	struct loop *loop = session->loop;
	int r = loop_add_fd(loop, sampler_fd(session->sampler), on_stacks, session);

	if (r == 0)
		r = loop_add_timer(loop, NSEC_PER_SEC, on_second, session);
	if (r == 0 && session->arguments.interval)
		r = loop_add_timer(loop, session->arguments.interval, on_interval, session);
	if (r == 0 && session->duration)
		r = loop_add_timer(loop, session->duration, on_end, session);
	if (r == 0 && session->child.pid)
		r = loop_add_fd(loop, session->child.pidfd, on_child, session);
	return r;
}

/* ---- beginning and end -------------------------------------------------------------------- */

/* "10", "0.5", "2m": how long; anything else is a command. */
static int read_duration(struct session *session, struct error *error)
{
	char **operands = session->arguments.operands, quoted[QUOTE_TEXT], *end;
	double seconds;

	if (!session->arguments.operand_count)
		return 0;
	if (operands[0][0] < '0' || operands[0][0] > '9') {
		session->command = operands;
		return 0;
	}
	if (session->arguments.operand_count > 1)
		return error_set(error, -EINVAL, "%s: options stand before the number of seconds",
				 text_quote(operands[1], quoted));
	seconds = strtod(operands[0], &end);
	if (*end)
		return duration_parse(operands[0], &session->duration, error);
	if (!(seconds >= 0.1 && seconds <= SECONDS_MAX))
		return error_set(error, -EINVAL, "%s: give seconds from 0.1 to %d",
				 text_quote(operands[0], quoted), SECONDS_MAX);
	session->duration = (uint64_t)(seconds * NSEC_PER_SEC);
	return 0;
}

static int read_rate(const struct arguments *arguments, uint32_t *ret_hz, struct error *error)
{
	const char *cursor = arguments->frequency;
	char quoted[QUOTE_TEXT];
	uint64_t hz = SAMPLER_HZ;

	if (cursor && (text_take_number(&cursor, HZ_MAX, &hz) < 0 || *cursor || !hz))
		return error_set(error, -EINVAL, "-F %s: from 1 to %d samples a second",
				 text_quote(arguments->frequency, quoted), HZ_MAX);
	if (arguments->frequency && arguments->off_cpu)
		return error_set(
			error, -EINVAL,
			"-F and --off-cpu: what leaves the CPU is not sampled, all is seen");
	*ret_hz = (uint32_t)hz;
	return 0;
}

static int read_options(struct session *session, struct error *error)
{
	const struct arguments *arguments = &session->arguments;
	int r = read_duration(session, error);

	if (r == 0 && arguments->folded && arguments->json)
		r = error_set(error, -EINVAL, "--json and --folded: give one of them");
	if (r == 0)
		r = read_rate(arguments, &session->options.hz, error);
	if (r == 0 && arguments->by)
		r = profile_by_parse(arguments->by, &session->by, error);
	if (r == 0)
		r = selection_read(arguments, &session->options.selection, error);
	session->options.selection.follow = session->command != NULL;
	session->options.self = arguments->self;
	session->options.off_cpu = arguments->off_cpu;
	session->left = arguments->count;
	return r;
}

/* Files stay open until their functions are wanted. */
static void allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int start(struct session *session, struct error *error)
{
	const char *path = session->arguments.svg;
	char quoted[QUOTE_TEXT];
	int r = 0;

	allow_many_files();
	session->symbols = symbols_new();
	if (!session->symbols)
		return error_set(error, -ENOMEM, "out of memory");
	if (path) {
		session->flame = fopen(path, "we");
		if (!session->flame)
			return error_set(error, -EIO, "cannot write %s: %s",
					 text_quote(path, quoted), strerror(errno));
	}
	session->sampler = sampler_new(&session->options, learn, session->symbols, error);
	if (!session->sampler)
		return -EOPNOTSUPP;
	session->loop = loop_new(on_signal, session, error);
	if (!session->loop)
		return -EIO;
	if (session->command)
		r = child_start(session->command, sampler_follow_me, session->sampler,
				&session->child, error);
	if (r < 0)
		return r;
	session->begun = session->reported = timestamp_boottime();
	r = add_sources(session);
	return r < 0 ? error_set(error, r, "cannot wait for samples: %s", strerror(-r)) : 0;
}

static int close_flame(struct session *session)
{
	FILE *flame = session->flame;

	session->flame = NULL;
	if (!flame || fclose(flame) == 0)
		return 0;
	log_error("the flame graph is not whole: %s", strerror(errno));
	return -EIO;
}

static int watch(struct session *session)
{
	struct error error = { "" };
	char what[SELECTION_TEXT];
	int r;

	if (confine_looking(&error) < 0)
		log_warning("%s, ignoring", error.text);
	if (!session->command && !session->duration && isatty(fileno(session->out)))
		log_info("looking at %s; Ctrl-C ends it",
			 selection_text(&session->arguments, what));
	r = loop_run(session->loop);
	sampler_detach(session->sampler);
	if (r == 0)
		r = report(session, true);
	if (sampler_not_followed(session->sampler))
		log_warning("%llu processes of the command were not followed: there are too many",
			    (unsigned long long)sampler_not_followed(session->sampler));
	return r < 0 ? r : close_flame(session);
}

static void release(struct session *session)
{
	loop_free(session->loop);
	sampler_free(session->sampler);
	symbols_free(session->symbols);
	child_close(&session->child);
	if (session->flame)
		fclose(session->flame);
}

int command_profile(int argc, char **argv)
{
	struct session session = { .child = CHILD_NONE, .out = stdout };
	struct error error = { "" };
	int r;

	arguments_read(argc, argv,
		       ACCEPT_JSON | ACCEPT_INTERVAL | ACCEPT_COUNT | ACCEPT_PROCESSES |
			       ACCEPT_PROFILE,
		       "[SECONDS | -- COMMAND [ARGUMENT...]]", 0, SIZE_MAX,
		       "Show in which functions CPU time goes, of the kernel and of programs, by "
		       "samples of their stacks: as a table, folded stacks, or a flame graph. Or, "
		       "with --off-cpu, where processes wait, and for how long.",
		       &session.arguments);
	r = read_options(&session, &error);
	if (r < 0) {
		log_error("%s", error.text);
		return STATUS_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	if (session.command)
		session.out = stderr;
	r = start(&session, &error);
	if (r < 0)
		log_error("%s", error.text);
	else
		r = watch(&session);
	release(&session);
	if (r == 0 && session.command)
		return child_exit_status(&session.child);
	return status_of(r);
}
