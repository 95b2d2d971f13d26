/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel side of the system call monitor: loading it, and turning its tables into books. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "bpf/selection.h"
#include "modules/syscalls/books.h"

struct monitor_options {
	struct selection selection;
	bool self;    /* this process's own calls as well */
	bool errors;  /* count by error */
	bool latency; /* measure how long calls take */
	bool failed;  /* count only calls that end with an error */
	/* Bits of enum hook that are not to be taken even if they work: for tests of the others. */
	unsigned avoided;
	uint32_t rows; /* of a table, for tests of small ones; 0: monitor_rows() */
	bool select_calls;
	uint64_t calls[CALLS / 64]; /* which, by bit */
};

/* Only these, of a list with commas: "read,257,i386:read". -EINVAL, -ENOENT with the reason. */
int monitor_select_calls(struct monitor_options *options, const char *list, struct error *error);

struct monitor;

/*
 * How many rows a table has, so that those of all CPUs, of which there can be so many, have 64 MiB
 * at most. Never under CALL_ROWS_LEAST, which takes more with latency from 500 CPUs on.
 */
uint32_t monitor_rows(uint32_t cpus, bool latency);

/* Loads and attaches: from now on calls are counted. NULL with the reason. */
struct monitor *monitor_new(const struct monitor_options *options, struct error *error);
struct monitor *monitor_free(struct monitor *monitor); /* NULL is fine; returns NULL */

/* "tp_btf sys_enter, tp_btf sys_exit" */
const char *monitor_hooks(const struct monitor *monitor);

/* The map of a ring: an event in it means that a table gets full and wants to be turned. */
int monitor_bell(const struct monitor *monitor);

/*
 * Adds everything that was counted until now to the books. Negative: out of memory, and the
 * books are wrong from now on.
 */
int monitor_turn(struct monitor *monitor, struct books *books);

/* To be called by a child that is to be followed; see observe/child.h. The context is a monitor. */
int monitor_follow_me(void *monitor);

/* Processes that could not be followed. */
uint64_t monitor_not_followed(const struct monitor *monitor);

/*
 * Calls `found` for each call under way that has lasted longer than `least`, nanoseconds. Only
 * where latency is measured.
 */
void monitor_flights(const struct monitor *monitor, uint64_t least,
		     void (*found)(void *context, const struct flight *flight, uint64_t lasted),
		     void *context);
