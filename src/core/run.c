/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "core/arguments.h"
#include "core/ladder.h"
#include "core/loop.h"
#include "core/module.h"
#include "core/ring.h"
#include "core/run.h"

enum { MODULES_MAX = 16, OWN_MAPPING = 1 << 17 };

struct run;

struct running {
	struct run *run;
	const struct module *module;
	void *instance;
	struct ring *ring;
	uint64_t reported; /* CLOCK_BOOTTIME of the last report, nanoseconds */
};

struct run {
	struct loop *loop;
	struct output *output;
	struct running running[MODULES_MAX];
	size_t count;
	uint64_t reports_left; /* 0: no limit */
};

static int on_signal(void *argument, int signal)
{
	struct run *run = argument;

	if (signal == SIGHUP) {
		output_reopen(run->output);
		return 0;
	}
	/* The terminal showed ^C, and the last report does not begin behind that. */
	if (signal == SIGINT && isatty(STDOUT_FILENO))
		putchar('\n');
	loop_stop(run->loop);
	return 0;
}

static void on_event(void *argument, const struct event_header *event)
{
	struct running *running = argument;
	struct record record;
	bool quiet = false;

	if (event->module == running->module->events &&
	    running->module->describe(running->instance, event, &record, &quiet))
		output_record(running->run->output, &record, quiet);
}

/* Whoever reads us is gone: end as if asked to. */
static void flush(struct run *run)
{
	if (!output_flush(run->output))
		loop_stop(run->loop);
}

static int on_ring(void *argument)
{
	struct running *running = argument;

	ring_drain(running->ring);
	flush(running->run);
	return 0;
}

static int on_second(void *argument)
{
	struct running *running = argument;

	struct error error = { "" };
	int r = running->module->second(running->instance, running->run->output, &error);

	if (r < 0)
		log_error("%s", error.text);
	flush(running->run);
	return r;
}

static void report(struct running *running)
{
	uint64_t now = timestamp_boottime();

	running->module->report(running->instance, running->run->output, now - running->reported);
	running->reported = now;
	flush(running->run);
}

static int on_interval(void *argument)
{
	struct running *running = argument;
	struct run *run = running->run;

	report(running);
	if (run->reports_left && --run->reports_left == 0)
		loop_stop(run->loop);
	return 0;
}

static int start_module(struct run *run, const struct module *module,
			const struct start_options *options, uint64_t interval, struct error *error)
{
	struct running *running = &run->running[run->count];
	int fd, r;

	*running = (struct running){ .run = run, .module = module };
	r = module->start(options, &running->instance, error);
	if (r < 0)
		return r;
	run->count++;
	running->reported = timestamp_boottime();
	fd = module->ring(running->instance);
	if (fd >= 0) {
		running->ring = ring_new(fd, on_event, running, error);
		if (!running->ring)
			return -EIO;
		r = loop_add_fd(run->loop, ring_fd(running->ring), on_ring, running);
	}
	if (r == 0)
		r = loop_add_timer(run->loop, NSEC_PER_SEC, on_second, running);
	if (r == 0)
		r = loop_add_timer(run->loop, interval, on_interval, running);
	if (r < 0)
		error_set(error, r, "cannot watch the %s", module->name);
	return r;
}

/* Of what went well until now: the last interval, which is shorter, and the whole time. */
static void tell_the_end(struct run *run)
{
	for (size_t i = 0; i < run->count; i++)
		if (run->running[i].module->end)
			run->running[i].module->end(run->running[i].instance, run->output);
}

/* What the rings still hold is told before the end. */
static void stop_modules(struct run *run)
{
	while (run->count > 0) {
		struct running *running = &run->running[--run->count];

		if (running->ring)
			ring_drain(running->ring);
		if (running->instance)
			running->module->second(running->instance, run->output, NULL);
		ring_free(running->ring);
		running->module->stop(running->instance);
	}
}

/* What is loaded stays; from now on there is only reading, the logs, and tidying up. */
static void give_up_privileges(const struct run *run)
{
	struct confinement confinement;
	struct error error = { "" };
	bool files = false;

	confine_begin(&confinement);
	output_writes(run->output, &confinement);
	for (size_t i = 0; i < run->count; i++)
		if (run->running[i].module->writes)
			run->running[i].module->writes(run->running[i].instance, &confinement);
	if (confine_enter(&confinement, &files, &error) < 0)
		log_warning("%s, ignoring", error.text);
	else if (files)
		log_debug("gave up all capabilities, and writing files but logs and state");
	else
		log_debug("gave up all capabilities; this kernel has no Landlock to confine the "
			  "writing of files with");
	output_warn_of_rotation(run->output);
}

static int watch(struct run *run, const struct arguments *arguments)
{
	struct error error = { "" };
	struct start_options options = {
		.configured = arguments->config,
		.force = arguments->force,
		.interfaces = arguments->operands,
		.interface_count = arguments->operand_count,
		.output = run->output,
	};
	int r = 0;

	/* Left to itself, malloc takes large tables from the heap later on, and clears them whole.
	 */
	mallopt(M_MMAP_THRESHOLD, OWN_MAPPING);
	for (size_t i = 0; r == 0 && modules[i]; i++) {
		const struct module *module = modules[i];
		uint64_t interval = arguments->interval;

		if (!module->wanted(module->config, &options))
			continue;
		if (!interval)
			interval = module->interval(module->config);
		r = start_module(run, module, &options, interval, &error);
	}
	if (r == 0 && run->count == 0)
		r = error_set(&error, -EINVAL,
			      "nothing to do: '%s' turns the filter off and nothing else on; "
			      "'[syscalls] watch = on' would, see sumun.conf(5)",
			      arguments->config);
	if (r == 0)
		give_up_privileges(run);
	/* Loading programs took megabytes that are not needed again. */
	ladder_forget();
	malloc_trim(0);
	if (r == 0 && !arguments->json && isatty(STDOUT_FILENO))
		log_info("watching; Ctrl-C ends it");
	if (r < 0)
		log_error("%s", error.text);
	else
		r = loop_run(run->loop);
	if (r == 0)
		tell_the_end(run);
	stop_modules(run);
	output_flush(run->output);
	return r;
}

int command_run(int argc, char **argv)
{
	struct output_config config = { NULL, NULL };
	struct arguments arguments;
	struct error error = { "" };
	struct run run = { .count = 0 };
	int r = 0;

	arguments_read(argc, argv,
		       ACCEPT_CONFIG | ACCEPT_JSON | ACCEPT_INTERVAL | ACCEPT_COUNT | ACCEPT_FORCE,
		       "[IFACE...]", 0, 64,
		       "Attach, watch and report until Ctrl-C. What 'sumun up' left is adopted and "
		       "left in place; what this command attached is detached at its end.",
		       &arguments);
	if (arguments.config && modules_configure(arguments.config, &config) < 0)
		return STATUS_USAGE;
	signal(SIGPIPE, SIG_IGN);
	run.reports_left = arguments.count;
	/* Before anything is attached, so that a signal in the middle of it waits. */
	run.loop = loop_new(on_signal, &run, &error);
	run.output = run.loop ? output_new(&config, arguments.json, &error) : NULL;
	output_config_free(&config);
	if (run.output) {
		r = watch(&run, &arguments);
	} else {
		log_error("%s", error.text);
		r = -EIO;
	}
	if (run.output && output_lost(run.output))
		log_warning("%llu records are missing from the logs",
			    (unsigned long long)output_lost(run.output));
	output_free(run.output);
	loop_free(run.loop);
	return status_of(r);
}
