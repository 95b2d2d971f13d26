/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

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
#include "observe/selection.h"
#include "observe/session.h"

enum { TOP = 15, HZ_MAX = 100000, SECONDS_MAX = 7 * 24 * 3600 };

struct profiling {
	struct session session;
	struct arguments arguments;
	struct sampler_options options;
	enum profile_by by;
	uint64_t duration; /* nanoseconds; 0: no limit */
	char **command;    /* NULL: none */
	struct sampler *sampler;
	struct symbols *symbols;
	uint64_t begun, reported;   /* CLOCK_BOOTTIME, nanoseconds */
	struct stack_ledger before; /* at the last report */
	FILE *flame;                /* NULL: none is wanted */
};

/* ---- reports ------------------------------------------------------------------------------ */

static void show(struct profiling *profiling, const struct profile *profile)
{
	const struct arguments *arguments = &profiling->arguments;

	if (arguments->json)
		profile_show_json(profile, profiling->session.out);
	else if (!arguments->folded)
		profile_show_text(profile, session_width(&profiling->session),
				  profiling->session.out);
	else if (profile->total)
		profile_show_folded(profile, profiling->session.out);
	if (profiling->flame && profile->total)
		profile_show_flame(profile, profiling->flame);
}

static int report(struct profiling *profiling, bool total)
{
	const struct stack_ledger none = { 0 };
	CLEANUP_PROFILE struct profile profile = PROFILE_NONE;
	uint64_t now;
	int r;

	sampler_turn(profiling->sampler);
	now = timestamp_boottime();
	profile.hook = sampler_hook(profiling->sampler);
	profile.hz = profiling->options.hz;
	profile.off_cpu = profiling->options.off_cpu;
	profile.total = total;
	profile.by = profiling->by;
	profile.grouped = profiling->arguments.by != NULL;
	profile.top = profiling->arguments.top ? profiling->arguments.top : TOP;
	profile.elapsed = now - (total ? profiling->begun : profiling->reported);
	stack_ledger_subtract(stacks_ledger(sampler_stacks(profiling->sampler)),
			      total ? &none : &profiling->before, &profile.ledger);
	r = profile_make(&profile, sampler_stacks(profiling->sampler), profiling->symbols);
	if (r < 0)
		return r;
	show(profiling, &profile);
	profiling->before = *stacks_ledger(sampler_stacks(profiling->sampler));
	profiling->reported = now;
	stacks_close_interval(sampler_stacks(profiling->sampler));
	return session_flush(&profiling->session);
}

/* ---- the loop ----------------------------------------------------------------------------- */

static void learn(void *context, const struct stack *stack)
{
	symbols_see(context, stack);
}

static int on_stacks(void *argument)
{
	sampler_tick(((struct profiling *)argument)->sampler);
	return 0;
}

static int on_second(void *argument)
{
	struct profiling *profiling = argument;

	sampler_tick(profiling->sampler);
	symbols_see_again(profiling->symbols, stacks_first(sampler_stacks(profiling->sampler)));
	return 0;
}

static int on_interval(void *argument)
{
	return report(argument, false);
}

static int on_end(void *argument)
{
	loop_stop(((struct profiling *)argument)->session.loop);
	return 0;
}

static int add_sources(struct profiling *profiling)
{
	struct session *session = &profiling->session;
	uint64_t interval = profiling->arguments.interval;
	int r = loop_add_fd(session->loop, sampler_fd(profiling->sampler), on_stacks, profiling);

	if (r == 0)
		r = loop_add_timer(session->loop, NSEC_PER_SEC, on_second, profiling);
	if (r == 0 && interval)
		r = session_every(session, interval, interval, on_interval, profiling);
	if (r == 0 && profiling->duration)
		r = loop_add_timer(session->loop, profiling->duration, on_end, profiling);
	return r;
}

/* ---- beginning and end -------------------------------------------------------------------- */

/* "10", "0.5", "2m": how long; anything else is a command. */
static int read_duration(struct profiling *profiling, struct error *error)
{
	char **operands = profiling->arguments.operands, quoted[QUOTE_TEXT], *end;
	double seconds;

	if (!profiling->arguments.operand_count)
		return 0;
	if (operands[0][0] < '0' || operands[0][0] > '9') {
		profiling->command = operands;
		return 0;
	}
	if (profiling->arguments.operand_count > 1)
		return error_set(error, -EINVAL, "%s: options stand before the number of seconds",
				 text_quote(operands[1], quoted));
	seconds = strtod(operands[0], &end);
	if (*end)
		return duration_parse(operands[0], &profiling->duration, error);
	if (!(seconds >= 0.1 && seconds <= SECONDS_MAX))
		return error_set(error, -EINVAL, "%s: give seconds from 0.1 to %d",
				 text_quote(operands[0], quoted), SECONDS_MAX);
	profiling->duration = (uint64_t)(seconds * NSEC_PER_SEC);
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

static int read_options(struct profiling *profiling, struct error *error)
{
	const struct arguments *arguments = &profiling->arguments;
	int r = read_duration(profiling, error);

	if (r == 0 && arguments->folded && arguments->json)
		r = error_set(error, -EINVAL, "--json and --folded: give one of them");
	if (r == 0)
		r = read_rate(arguments, &profiling->options.hz, error);
	if (r == 0 && arguments->by)
		r = profile_by_parse(arguments->by, &profiling->by, error);
	if (r == 0)
		r = selection_read(arguments, &profiling->options.selection, error);
	profiling->options.selection.follow = profiling->command != NULL;
	profiling->options.self = arguments->self;
	profiling->options.off_cpu = arguments->off_cpu;
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

static int start(struct profiling *profiling, struct error *error)
{
	const char *path = profiling->arguments.svg;
	char quoted[QUOTE_TEXT];
	int r = 0;

	allow_many_files();
	profiling->symbols = symbols_new();
	if (!profiling->symbols)
		return error_set(error, -ENOMEM, "out of memory");
	if (path) {
		profiling->flame = fopen(path, "we");
		if (!profiling->flame)
			return error_set(error, -EIO, "cannot write %s: %s",
					 text_quote(path, quoted), strerror(errno));
	}
	profiling->sampler = sampler_new(&profiling->options, learn, profiling->symbols, error);
	if (!profiling->sampler)
		return -EOPNOTSUPP;
	if (profiling->command)
		r = session_run_command(&profiling->session, profiling->command, sampler_follow_me,
					profiling->sampler, error);
	if (r < 0)
		return r;
	profiling->begun = profiling->reported = timestamp_boottime();
	r = add_sources(profiling);
	return r < 0 ? error_set(error, r, "cannot wait for samples: %s", strerror(-r)) : 0;
}

static int close_flame(struct profiling *profiling)
{
	FILE *flame = profiling->flame;

	profiling->flame = NULL;
	if (!flame || fclose(flame) == 0)
		return 0;
	log_error("the flame graph is not whole: %s", strerror(errno));
	profiling->session.told = true;
	return -EIO;
}

static int watch(struct profiling *profiling)
{
	struct error error = { "" };
	char what[SELECTION_TEXT];
	int r;

	if (confine_looking(&error) < 0)
		log_warning("%s, ignoring", error.text);
	if (!profiling->command && !profiling->duration &&
	    session_has_terminal(&profiling->session))
		log_info("looking at %s; Ctrl-C ends it",
			 selection_text(&profiling->arguments, what));
	r = session_watch(&profiling->session);
	sampler_detach(profiling->sampler);
	if (r == 0 && !profiling->session.unread)
		r = report(profiling, true);
	if (sampler_not_followed(profiling->sampler))
		log_warning("%llu processes of the command were not followed: there are too many",
			    (unsigned long long)sampler_not_followed(profiling->sampler));
	return r < 0 ? r : close_flame(profiling);
}

static void release(struct profiling *profiling)
{
	sampler_free(profiling->sampler);
	symbols_free(profiling->symbols);
	if (profiling->flame)
		fclose(profiling->flame);
}

int command_profile(int argc, char **argv)
{
	struct profiling profiling = { .session = SESSION_NONE };
	struct error error = { "" };
	int r;

	arguments_read(argc, argv,
		       ACCEPT_JSON | ACCEPT_INTERVAL | ACCEPT_COUNT | ACCEPT_PROCESSES |
			       ACCEPT_PROFILE,
		       "[SECONDS | -- COMMAND [ARGUMENT...]]", 0, SIZE_MAX,
		       "Show in which functions CPU time goes, of the kernel and of programs, by "
		       "samples of their stacks: as a table, folded stacks, or a flame graph. Or, "
		       "with --off-cpu, where processes wait, and for how long.",
		       &profiling.arguments);
	r = read_options(&profiling, &error);
	if (r < 0) {
		log_error("%s", error.text);
		return STATUS_USAGE;
	}
	r = session_start(&profiling.session, &profiling.arguments, profiling.command != NULL,
			  &error);
	if (r == 0)
		r = start(&profiling, &error);
	if (r == 0)
		r = watch(&profiling);
	release(&profiling);
	return session_end(&profiling.session, r, &error);
}
