/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What sumun can observe, and by which hooks of the kernel.
 *
 * Kernels differ in what they offer and permit, so every thing to observe has a ladder:
 * the hooks that would do, the cheapest first. ladder_try() really tries each: it loads a
 * program, attaches it, provokes some events and sees whether they were counted. The first
 * that counts is the one to use; why others do not is told in words.
 *
 * It changes nothing: for a moment its programs see the events of others as well, let them go
 * and count those of this process; packets are sent in a network namespace made for it or
 * to a socket of this process.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum thing {
	THING_SYSCALL_ENTER,
	THING_SYSCALL_EXIT,
	THING_OPEN,
	THING_FORK,
	THING_EXEC,
	THING_EXIT,
	THING_SWITCH,
	THING_FAULT,
	THING_CONNECTION,
	THING_CYCLES,
	THING_CGROUP_EGRESS,
	THING_CGROUP_INGRESS,
	THING_CONNECT4,
	THING_CONNECT6,
	THING_PACKET,
	THINGS,
};

enum hook {
	HOOK_TP_BTF,
	HOOK_RAW_TP,
	HOOK_TRACEPOINT,
	HOOK_FENTRY,
	HOOK_FEXIT,
	HOOK_KPROBE,
	HOOK_PERF_PROGRAM, /* a program run by a software event of perf */
	HOOK_COUNTER,      /* a counter of perf that is read; no program */
	HOOK_CGROUP,
	HOOK_XDP_NATIVE,
	HOOK_XDP_GENERIC,
	HOOKS,
};

struct rung {
	enum hook hook;
	const char *target; /* of pairs, that which begins; "cycles" for a counter */
	const char *pair;   /* what is attached beside it, or NULL */
	uint32_t type;      /* perf's type of event, or BPF's of attaching */
	uint32_t config;    /* perf's event */
	const char *cost;   /* what it costs or misses that those above it do not; or NULL */
};

enum { RUNGS_MAX = 6 };

struct ladder {
	const char *name;  /* "system calls entered" */
	const char *label; /* "syscall-enter", for programs */
	struct rung rungs[RUNGS_MAX];
	size_t rung_count;
};

extern const struct ladder ladders[THINGS];

enum rung_state {
	RUNG_NO,     /* `reason` says why */
	RUNG_TAKEN,  /* the first that works */
	RUNG_DEARER, /* works, but is not needed */
};

struct rung_result {
	enum rung_state state;
	uint64_t provoked; /* events; 0 when it came to nothing before */
	uint64_t counted;
	struct error reason;
};

const char *rung_state_name(enum rung_state state); /* "no", "taken", "dearer" */

enum { RUNG_TEXT = 96 };

/* "fexit do_sys_openat2", "PMU cycles": to be shown beside the numbers it gives. */
const char *rung_name(const struct rung *rung, char buffer[RUNG_TEXT]);

/*
 * Tries every rung, provoking about `events` events on each, and returns the number of the one
 * that is taken, or -1 when none works.
 */
int ladder_try(enum thing thing, unsigned events, struct rung_result results[RUNGS_MAX]);

/* Frees what is kept for the next try: megabytes, for those who stay. */
void ladder_forget(void);

/* What is taken of results whose `provoked` and `counted` are filled in; marks their states. */
int ladder_choose(struct rung_result *results, size_t count);

/* ---- counting with the rung that is taken ---------------------------------------------- */

struct rung_counter;

/*
 * Takes the first rung that works, or else the first that could be attached, whose numbers are
 * wrong then. Counts events of the calling thread alone. Not for THING_PACKET, nor for things
 * of sockets or of children. NULL with the reason when nothing can be attached.
 */
struct rung_counter *rung_counter_new(enum thing thing, struct error *error);
struct rung_counter *rung_counter_free(struct rung_counter *counter); /* NULL is fine */

const struct rung *rung_counter_rung(const struct rung_counter *counter);
unsigned rung_counter_hits(const struct rung_counter *counter); /* by one event: of pairs two */

/* Between the two stands nothing but the events; the second says how many hits there were. */
void rung_counter_arm(struct rung_counter *counter);
uint64_t rung_counter_disarm(struct rung_counter *counter);

static inline void cleanup_rung_counter(struct rung_counter **counter)
{
	rung_counter_free(*counter);
}
#define CLEANUP_RUNG_COUNTER __attribute__((cleanup(cleanup_rung_counter)))
