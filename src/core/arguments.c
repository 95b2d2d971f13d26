/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "core/arguments.h"
#include "core/module.h"

enum {
	KEY_JSON = 256,
	KEY_FORCE,
	KEY_FOR,
	KEY_WHY,
	KEY_REASON,
	KEY_KIND,
	KEY_SOURCE,
	KEY_PORT,
	KEY_CONFIRM,
	KEY_DRY_RUN,
	KEY_SHADOW,
	KEY_CGROUP,
	KEY_SELF,
	KEY_CSV,
	KEY_SYSCALL,
	KEY_BY,
	KEY_SORT,
	KEY_WARN,
	KEY_HISTOGRAM,
	KEY_PATH,
	KEY_WRITE,
	KEY_FOLD,
	KEY_FLAT,
	KEY_DEPTH,
	KEY_OFF_CPU,
	KEY_FOLDED,
	KEY_SVG,
};

static const struct {
	unsigned flag;
	struct argp_option option;
} known[] = {
	{ ACCEPT_CONFIG, { "config", 'c', "FILE", 0, "read the configuration from FILE", 0 } },
	{ ACCEPT_INTERVAL,
	  { "interval", 'i', "SECONDS", 0, "time between reports (5, 0.5, 10m)", 0 } },
	{ ACCEPT_COUNT, { "count", 'n', "COUNT", 0, "end after COUNT reports", 0 } },
	{ ACCEPT_JSON, { "json", KEY_JSON, NULL, 0, "write JSON, for programs", 0 } },
	{ ACCEPT_FORCE,
	  { "force", KEY_FORCE, NULL, 0,
	    "do it even where it shuts out a peer that this host needs", 0 } },
	{ ACCEPT_FOR, { "for", KEY_FOR, "DURATION", 0, "how long: 90s, 10m, 1h30m, 2d", 0 } },
	{ ACCEPT_EVENTS, { "count", 'n', "COUNT", 0, "end after COUNT events", 0 } },
	{ ACCEPT_NUMBER, { "count", 'n', "N", 0, "make N of each happen (1000)", 0 } },
	{ ACCEPT_EVENTS,
	  { "reason", KEY_REASON, "REASON,...", 0,
	    "only packets that were dropped for one of these", 0 } },
	{ ACCEPT_EVENTS,
	  { "kind", KEY_KIND, "KIND,...", 0, "only these kinds: packet, ban, scan, full, watch",
	    0 } },
	{ ACCEPT_EVENTS,
	  { "source", KEY_SOURCE, "ADDR[/LEN]", 0, "only what comes from there", 0 } },
	{ ACCEPT_EVENTS,
	  { "port", KEY_PORT, "PORT", 0, "only packets to it: tcp/22, udp/1-1023", 0 } },
	{ ACCEPT_GATE,
	  { "confirm", KEY_CONFIRM, "SECONDS", 0,
	    "go back to what was unless 'sumun confirm' comes within SECONDS", 0 } },
	{ ACCEPT_GATE,
	  { "dry-run", KEY_DRY_RUN, NULL, 0, "say what would change, change nothing", 0 } },
	{ ACCEPT_GATE,
	  { "shadow", KEY_SHADOW, NULL, 0,
	    "count what this configuration would do, beside the one in force", 0 } },
	{ ACCEPT_PROCESSES,
	  { "pid", 'p', "PID,...", 0, "only these processes, with all their threads", 0 } },
	{ ACCEPT_PROCESSES, { "command", 'c', "NAME,...", 0, "only processes of this name", 0 } },
	{ ACCEPT_PROCESSES, { "user", 'u', "USER,...", 0, "only processes of these users", 0 } },
	{ ACCEPT_PROCESSES,
	  { "cgroup", KEY_CGROUP, "PATH,...", 0,
	    "only what is in this cgroup, or below: a path, a systemd unit, a container", 0 } },
	{ ACCEPT_CALLS | ACCEPT_OPENS,
	  { "failed", 'x', NULL, 0, "only what ended with an error", 0 } },
	{ ACCEPT_PROCESSES, { "self", KEY_SELF, NULL, 0, "this command's own as well", 0 } },
	{ ACCEPT_CALLS | ACCEPT_OPENS | ACCEPT_PERF,
	  { "output", 'o', "FILE", 0,
	    "write to FILE, not to standard output, or error beside a command", 0 } },
	{ ACCEPT_CALLS | ACCEPT_OPENS | ACCEPT_PERF | ACCEPT_TREE,
	  { "csv", KEY_CSV, NULL, 0, "write CSV, for spreadsheets", 0 } },
	{ ACCEPT_CALLS, { "syscall", KEY_SYSCALL, "NAME,...", 0, "only these system calls", 0 } },
	{ ACCEPT_CALLS, { "errors", 'e', NULL, 0, "count errors too, each by its name", 0 } },
	{ ACCEPT_CALLS, { "latency", 'L', NULL, 0, "measure how long calls take", 0 } },
	{ ACCEPT_CALLS,
	  { "histogram", KEY_HISTOGRAM, NULL, 0, "-L, and show how many took how long", 0 } },
	{ ACCEPT_CALLS | ACCEPT_PERF | ACCEPT_OPENS,
	  { "top", 'T', "N", 0, "show the first N rows (20); 0 shows all", 0 } },
	{ ACCEPT_CALLS,
	  { "by", KEY_BY, "WHAT,...", 0,
	    "a row for each process, command, call, cgroup, user, or of several (process,call)",
	    0 } },
	{ ACCEPT_CALLS,
	  { "sort", KEY_SORT, "WHAT", 0, "the most first: calls, errors, time, max (the longest)",
	    0 } },
	{ ACCEPT_PERF,
	  { "by", KEY_BY, "WHAT,...", 0,
	    "a row for each process, command, cgroup, user, or of several (command,user)", 0 } },
	{ ACCEPT_PERF,
	  { "latency", 'L', NULL, 0, "measure how long processes wait, for a CPU and asleep", 0 } },
	{ ACCEPT_PERF,
	  { "warn", KEY_WARN, "WHAT=RATE,...", 0,
	    "when to warn: syscalls=10k/s, faults=1000/s, switches=5000/s/cpu; or none", 0 } },
	{ ACCEPT_OPENS, { "count", 'n', "COUNT", 0, "end after COUNT lines", 0 } },
	{ ACCEPT_OPENS,
	  { "path", KEY_PATH, "PATTERN", 0,
	    "only paths that match: '/etc/*'; * stands for everything below", 0 } },
	{ ACCEPT_OPENS,
	  { "write", KEY_WRITE, NULL, 0, "only what opens to write, creates or truncates", 0 } },
	{ ACCEPT_OPENS,
	  { "fold", KEY_FOLD, NULL, 0,
	    "one line for all that are the same, at every interval (-i, 5 s)", 0 } },
	{ ACCEPT_TREE,
	  { "flat", KEY_FLAT, NULL, 0, "each by itself, the busiest first, instead of a tree",
	    0 } },
	{ ACCEPT_TREE, { "depth", KEY_DEPTH, "N", 0, "only the first N levels of the tree", 0 } },
	/* Only to be refused in words. */
	{ ACCEPT_TREE, { "pid", 'p', "PID,...", OPTION_HIDDEN, NULL, 0 } },
	{ ACCEPT_TREE, { "command", 'c', "NAME,...", OPTION_HIDDEN, NULL, 0 } },
	{ ACCEPT_TREE, { "user", 'u', "USER,...", OPTION_HIDDEN, NULL, 0 } },
	{ ACCEPT_TREE, { "top", 'T', "N", 0, "show the first N rows (30); 0 shows all", 0 } },
	{ ACCEPT_PROFILE, { "frequency", 'F', "HZ", 0, "samples a second of each CPU (99)", 0 } },
	{ ACCEPT_PROFILE,
	  { "off-cpu", KEY_OFF_CPU, NULL, 0, "where processes wait, instead of what runs", 0 } },
	{ ACCEPT_PROFILE,
	  { "folded", KEY_FOLDED, NULL, 0, "write folded stacks, for flame graph tools", 0 } },
	{ ACCEPT_PROFILE,
	  { "svg", KEY_SVG, "FILE", 0, "write a flame graph, for browsers, too", 0 } },
	{ ACCEPT_PROFILE,
	  { "by", KEY_BY, "WHAT", 0, "apart for each command, process or cgroup", 0 } },
	{ ACCEPT_PROFILE, { "top", 'T', "N", 0, "show the first N rows (15); 0 shows all", 0 } },
	{ ACCEPT_WHY, { "why", KEY_WHY, "TEXT", 0, "the reason, for those who come later", 0 } },
};

struct reading {
	struct arguments *arguments;
	unsigned accepted;
	const char *operands;
	size_t least;
	size_t most;
};

/* Plain seconds, with decimals, or a duration. */
static int parse_interval(const char *text, uint64_t *ret_ns, struct error *error)
{
	char quoted[QUOTE_TEXT], *end;
	double seconds;

	if (text[strspn(text, "0123456789.")] != '\0')
		return duration_parse(text, ret_ns, error);
	seconds = strtod(text, &end);
	if (*end || !*text || !(seconds >= 0.1 && seconds <= 86400))
		return error_set(error, -EINVAL,
				 "interval %s: give seconds from 0.1 to 86400, as in -i 5",
				 text_quote(text, quoted));
	*ret_ns = (uint64_t)(seconds * NSEC_PER_SEC);
	return 0;
}

static int parse_count(const char *text, uint64_t *ret_count, struct error *error)
{
	const char *cursor = text;
	char quoted[QUOTE_TEXT];

	if (text_take_number(&cursor, UINT32_MAX, ret_count) < 0 || *cursor || *ret_count == 0)
		return error_set(error, -EINVAL, "count %s: give a whole number from 1",
				 text_quote(text, quoted));
	return 0;
}

/* 0 is all: as many as there can be. */
static int parse_top(const char *text, uint64_t *ret_top, struct error *error)
{
	const char *cursor = text;
	char quoted[QUOTE_TEXT];

	if (text_take_number(&cursor, UINT32_MAX, ret_top) < 0 || *cursor)
		return error_set(error, -EINVAL, "top %s: give a whole number; 0 is all",
				 text_quote(text, quoted));
	if (*ret_top == 0)
		*ret_top = UINT32_MAX;
	return 0;
}

/* The second of two would silently replace the first. */
static int take_once(const char **field, const char *option, const char *text, struct error *error)
{
	if (*field)
		return error_set(error, -EINVAL, "%s is given twice; one list with commas will do",
				 option);
	*field = text;
	return 0;
}

static error_t read_key(int key, char *text, struct argp_state *state)
{
	struct reading *reading = state->input;
	struct arguments *arguments = reading->arguments;
	struct error error = { "" };
	int r = 0;

	switch (key) {
	case 'c':
		if (reading->accepted & (ACCEPT_PROCESSES | ACCEPT_TREE))
			r = take_once(&arguments->commands, "-c", text, &error);
		else
			arguments->config = text;
		break;
	case 'i':
		r = parse_interval(text, &arguments->interval, &error);
		break;
	case 'n':
		r = parse_count(text, &arguments->count, &error);
		break;
	case KEY_JSON:
		arguments->json = true;
		break;
	case KEY_CONFIRM:
		r = parse_interval(text, &arguments->confirm, &error);
		break;
	case KEY_DRY_RUN:
		arguments->dry_run = true;
		break;
	case KEY_SHADOW:
		arguments->shadow = true;
		break;
	case KEY_FORCE:
		arguments->force = true;
		break;
	case KEY_FOR:
		r = duration_parse(text, &arguments->duration, &error);
		break;
	case KEY_WHY:
		arguments->why = text;
		break;
	case KEY_REASON:
		r = take_once(&arguments->reasons, "--reason", text, &error);
		break;
	case KEY_KIND:
		r = take_once(&arguments->kinds, "--kind", text, &error);
		break;
	case KEY_SOURCE:
		r = take_once(&arguments->source, "--source", text, &error);
		break;
	case KEY_PORT:
		r = take_once(&arguments->port, "--port", text, &error);
		break;
	case 'p':
		r = take_once(&arguments->pids, "-p", text, &error);
		break;
	case 'u':
		r = take_once(&arguments->users, "-u", text, &error);
		break;
	case KEY_CGROUP:
		r = take_once(&arguments->cgroups, "--cgroup", text, &error);
		break;
	case 'x':
		arguments->failed = true;
		break;
	case 'o':
		if (arguments->output)
			r = error_set(&error, -EINVAL, "-o is given twice; give one file");
		arguments->output = text;
		break;
	case KEY_PATH:
		if (arguments->path)
			r = error_set(&error, -EINVAL, "--path is given twice; give one pattern");
		arguments->path = text;
		break;
	case KEY_WRITE:
		arguments->writes = true;
		break;
	case 'F':
		r = take_once(&arguments->frequency, "-F", text, &error);
		break;
	case KEY_OFF_CPU:
		arguments->off_cpu = true;
		break;
	case KEY_FOLDED:
		arguments->folded = true;
		break;
	case KEY_SVG:
		r = take_once(&arguments->svg, "--svg", text, &error);
		break;
	case KEY_FOLD:
		arguments->fold = true;
		break;
	case KEY_FLAT:
		arguments->flat = true;
		break;
	case KEY_DEPTH:
		r = parse_count(text, &arguments->depth, &error);
		break;
	case KEY_SELF:
		arguments->self = true;
		break;
	case KEY_CSV:
		arguments->csv = true;
		break;
	case KEY_SYSCALL:
		r = take_once(&arguments->calls, "--syscall", text, &error);
		break;
	case KEY_BY:
		r = take_once(&arguments->by, "--by", text, &error);
		break;
	case KEY_SORT:
		r = take_once(&arguments->sort, "--sort", text, &error);
		break;
	case KEY_WARN:
		r = take_once(&arguments->warn, "--warn", text, &error);
		break;
	case 'e':
		arguments->errors = true;
		break;
	case 'L':
		arguments->latency = true;
		break;
	case KEY_HISTOGRAM:
		arguments->histogram = arguments->latency = true;
		break;
	case 'T':
		r = parse_top(text, &arguments->top, &error);
		break;
	case ARGP_KEY_ARGS:
		arguments->operands = state->argv + state->next;
		arguments->operand_count = (size_t)(state->argc - state->next);
		break;
	case ARGP_KEY_END:
		if (arguments->json && arguments->csv)
			r = error_set(&error, -EINVAL, "--json and --csv: give one of them");
		else if (arguments->operand_count < reading->least)
			r = error_set(&error, -EINVAL, "%s is missing", reading->operands);
		else if (arguments->operand_count > reading->most)
			r = error_set(&error, -EINVAL, "'%s' is one argument too many",
				      arguments->operands[reading->most]);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (r < 0) {
		log_error("%s", error.text);
		argp_state_help(state, stderr, ARGP_HELP_SEE);
		exit(STATUS_USAGE);
	}
	return 0;
}

void arguments_read(int argc, char **argv, unsigned accepted, const char *operands, size_t least,
		    size_t most, const char *doc, struct arguments *ret_arguments)
{
	struct argp_option options[ARRAY_SIZE(known) + 1] = { 0 };
	struct reading reading = { ret_arguments, accepted, operands, least, most };
	struct argp argp = {
		.options = options, .parser = read_key, .args_doc = operands, .doc = doc
	};
	char name[64];
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (accepted & known[i].flag)
			options[count++] = known[i].option;
	*ret_arguments = (struct arguments){ .config = NULL };
	argp_err_exit_status = STATUS_USAGE;
	snprintf(name, sizeof(name), "sumun %s", argv[0]);
	argv[0] = name;
	/* A command to run has options of its own. */
	argp_parse(&argp, argc, argv, accepted & ACCEPT_PROCESSES ? ARGP_IN_ORDER : 0, NULL,
		   &reading);
}
