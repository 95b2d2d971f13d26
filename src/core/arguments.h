/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of one command, read by glibc's argp: usage, --help and the checks
 * follow from a few flags, so that an option means the same wherever it stands.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum arguments_accepted {
	ACCEPT_CONFIG = 1 << 0,     /* -c FILE */
	ACCEPT_JSON = 1 << 1,       /* --json */
	ACCEPT_INTERVAL = 1 << 2,   /* -i SECONDS */
	ACCEPT_COUNT = 1 << 3,      /* -n COUNT */
	ACCEPT_FORCE = 1 << 4,      /* --force */
	ACCEPT_FOR = 1 << 5,        /* --for DURATION */
	ACCEPT_WHY = 1 << 6,        /* --why TEXT */
	ACCEPT_GATE = 1 << 8,       /* --confirm SECONDS, --dry-run, --shadow */
	ACCEPT_EVENTS = 1 << 7,     /* --reason, --kind, --source, --port, and -n as events */
	ACCEPT_NUMBER = 1 << 9,     /* -n as how many of each */
	ACCEPT_PROCESSES = 1 << 10, /* -p, -c as commands, -u, --cgroup, --self; operands begin
				       with the first that is no option: a command to run */
	ACCEPT_CALLS = 1 << 11,     /* --syscall, -o, -x, -e, -L, -T, --by, --sort, --csv */
	ACCEPT_OPENS = 1 << 12,     /* --path, --write, --fold, -T, -o, -x, --csv; -n as lines */
	ACCEPT_PERF = 1 << 13,      /* --warn, -o, -L, -T, --by, --csv */
	ACCEPT_TREE = 1 << 16,      /* --flat, --depth, -T, --csv; -p, -c, -u to refuse them */
	ACCEPT_PROFILE = 1 << 17,   /* -F, --off-cpu, --folded, --svg, --by, -T */
};

struct arguments {
	const char *config;
	bool json;
	bool force;
	uint64_t interval; /* nanoseconds; 0: not given */
	uint64_t count;    /* 0: not given */
	uint64_t confirm;  /* nanoseconds; 0: not given */
	bool dry_run;
	bool shadow;
	uint64_t duration; /* nanoseconds; 0: not given */
	const char *why;
	const char *reasons; /* names and commas, as typed */
	const char *kinds;
	const char *source;
	const char *port;
	/* Of observers; lists are names and commas, as typed. */
	const char *pids;
	const char *commands;
	const char *users;
	const char *cgroups;
	bool failed;
	bool self;
	bool csv;
	const char *calls;
	const char *by;
	const char *sort;
	bool errors;
	bool latency;
	const char *warn;
	bool histogram;
	uint64_t top; /* 0: not given */
	const char *output;
	const char *path;
	bool writes;
	bool fold;
	bool flat;
	uint64_t depth; /* 0: not given */
	const char *frequency;
	const char *svg;
	bool folded;
	bool off_cpu;
	char **operands; /* into argv */
	size_t operand_count;
};

/*
 * Reads the arguments of a command. `operands` names them for the usage; between `least`
 * and `most` are taken. Prints usage and exits for --help (0) and for errors (2).
 */
void arguments_read(int argc, char **argv, unsigned accepted, const char *operands, size_t least,
		    size_t most, const char *doc, struct arguments *ret_arguments);
