/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the rest of sumun knows of a capability: one of these, a row in modules.c.
 *
 * `sumun run` starts each module, hands its events to describe() and writes the record,
 * calls second() every second and report() every interval, and stops it. A module's
 * instance is its own; the functions return 0 or a negative errno with the reason.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "bpf/event.h"
#include "core/config.h"
#include "core/output.h"
#include "core/privilege.h"
#include "core/record.h"

/* A verb of the command line; main.c puts "sumun" and the global options around it. */
struct command {
	const char *name;
	const char *arguments;             /* "ADDR[/LEN]..." */
	const char *summary;               /* a line for `sumun help` */
	int (*run)(int argc, char **argv); /* argv[0] is the name; returns an exit status */
};

enum exit_status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,  /* wrong usage or configuration */
	STATUS_UNABLE = 3, /* the kernel or the permissions do not allow it */
};

/* The exit status that an error from a module deserves. */
enum exit_status status_of(int error);

/* What `sumun run` was asked to do. */
struct start_options {
	bool configured; /* a configuration file was given */
	bool force;
	char **interfaces; /* as typed; NULL when none was */
	size_t interface_count;
	struct output *output; /* of the run */
};

/* What some commands stand on, so that `sumun doctor` can tell whether they work here. */
struct need {
	const char *commands; /* "run, up" */
	bool main;            /* what sumun is for: without it the rest is of little use */
	bool probe;           /* the module's probe() must succeed */
	bool reads, changes;  /* what is pinned */
	uint32_t things;      /* bits by enum thing: each needs a hook that works */
};

struct selftest;

struct module {
	const char *name;
	const char
		*heading; /* over its commands in `sumun help`; NULL: those of the module before */
	uint16_t events;  /* enum event_module */

	/* Its sections of the configuration file and the struct they fill, with the defaults. */
	const struct setting *settings;
	size_t setting_count;
	const struct section *sections; /* those that are more than their settings; or NULL */
	void *config;

	/* Warns of what its configuration names and nobody would find here; NULL: nothing. */
	void (*check)(const void *config);

	/* Whether `sumun run` is to start it. */
	bool (*wanted)(const void *config, const struct start_options *options);
	/* Can it run here? Really tries. Where it can, `ret_why` is "" or what the doctor adds. */
	int (*probe)(struct error *ret_why);
	int (*start)(const struct start_options *options, void **ret_instance, struct error *error);
	/* The map of the ring to read, or -1 when somebody else reads it. */
	int (*ring)(void *instance);
	/* One of its events as a record; false: not to be told; *ret_quiet: to the logs only. */
	bool (*describe)(void *instance, const struct event_header *event,
			 struct record *ret_record, bool *ret_quiet);
	/* Negative, with the reason, ends the run: what it watches is gone. */
	int (*second)(void *instance, struct output *output, struct error *error);
	/* `elapsed`: nanoseconds since the last report. */
	void (*report)(void *instance, struct output *output, uint64_t elapsed);
	uint64_t (*interval)(const void *config); /* between reports, nanoseconds */
	/* Tells what is left to tell when the run ends; NULL: nothing. */
	void (*end)(void *instance, struct output *output);
	/* Allows what it still writes once it runs; may be NULL. */
	void (*writes)(void *instance, const struct confinement *confinement);
	void *(*stop)(void *instance); /* NULL is fine; returns NULL */

	/*
	 * What `sumun up` makes stay beside the filter, as the configuration that it was given
	 * says, and `sumun down` takes away again: returns 1 where there was something. What is to
	 * be confirmed is left as it is. They tell in words what they did. NULL: nothing.
	 */
	int (*up)(bool confirm, struct error *error);
	int (*down)(struct error *error);

	/*
	 * Makes known things happen and adds a row of each, see core/selftest.h; or NULL. An error
	 * is a reason why that cannot be done, not a number that is wrong.
	 */
	int (*selftest)(struct selftest *test, struct error *error);

	const struct command *commands; /* ends with a NULL name */
	const struct need *needs;       /* ends with NULL commands */
};

/* All modules; ends with NULL. */
extern const struct module *const modules[];

/* Reads a configuration file into all modules' configs and `output`. Logs what is wrong. */
int modules_configure(const char *path, struct output_config *output);
/* Of all modules that have it, until one fails; modules_down() returns how many had something. */
int modules_up(bool confirm, struct error *error);
int modules_down(struct error *error);
/* Warns of what in it is right, and yet will not work here. */
void modules_check(void);
/* Prints the effective configuration. */
void modules_print_config(const struct output_config *output, FILE *out);
