/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `sumun selftest`: makes known things happen, and compares what sumun counted with what was
 * done and with what the kernel itself counted.
 *
 * What happens is this process's own, or in a network namespace made for it, and only that is
 * counted: so errors are exactly 0, however busy the machine is. Nothing is pinned and no file
 * is written, so the kernel takes everything away when the process ends, however it ends.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "core/ladder.h"
#include "core/module.h"

enum { SELFTEST_ROWS = 96, SELFTEST_WHAT = 28, SELFTEST_COUNT_MAX = 1000000 };

/* What was counted of one thing. Pointers are to literals: rows may come from a child. */
struct selftest_row {
	const char *module;           /* "core", "filter" */
	char what[SELFTEST_WHAT + 1]; /* "system calls" */
	char by[RUNG_TEXT];           /* the hook that counted */
	const char *counter;          /* the kernel's own, "rx_packets"; NULL: it has none */
	uint64_t done;
	uint64_t beside; /* what else is known to have happened; `note` says what */
	uint64_t counted;
	uint64_t kernel;   /* what `counter` says */
	bool unable;       /* nothing could be counted; `note` says why */
	struct error note; /* or what there is to say of it; "" */
};

/* It lies in memory that is shared with children. */
struct selftest {
	uint64_t count;     /* of each thing */
	const char *module; /* whose rows are added now */
	size_t row_count;
	struct selftest_row rows[SELFTEST_ROWS];
	enum exit_status refused; /* by the first module that could not do its own; or STATUS_OK */
	struct {                  /* of selftest_apart() */
		int result;
		struct error error;
	} child;
};

/* NULL when out of memory. */
struct selftest *selftest_new(uint64_t count);
struct selftest *selftest_free(struct selftest *test); /* NULL is fine; returns NULL */

/* ---- for those who add rows ------------------------------------------------------------- */

/* A new row, to be filled in; a program that adds more than SELFTEST_ROWS is wrong and aborts. */
struct selftest_row *selftest_add(struct selftest *test, const char *what);

/* A row for all that cannot be done here, although the rest of what sumun does can. */
void selftest_leave_out(struct selftest *test, const char *what, const struct error *why);

/*
 * Calls `act` in a child, which takes with it whatever it made (namespaces, interfaces, programs)
 * when it ends, and which never outlives this process. Its rows are there, also when it fails.
 */
int selftest_apart(struct selftest *test, int (*act)(struct selftest *test, struct error *error),
		   struct error *error);

/* The rows of the core: system calls, opens, page faults, context switches. */
void selftest_things(struct selftest *test);

/* ---- what follows from them -------------------------------------------------------------- */

enum row_verdict {
	ROW_RIGHT,
	ROW_WRONG,
	ROW_UNABLE,
};

const char *row_verdict_name(enum row_verdict verdict); /* "right", "wrong", "unable" */

/* *ret_error is what was counted too much, or, negative, too little; 0 when unable. */
enum row_verdict selftest_judge(const struct selftest_row *row, int64_t *ret_error);
size_t selftest_count(const struct selftest *test, enum row_verdict verdict);
enum exit_status selftest_status(const struct selftest *test);

void selftest_text(const struct selftest *test, FILE *out);
/* An object; NULL when out of memory. The caller owns it. */
json_t *selftest_json(const struct selftest *test);

int command_selftest(int argc, char **argv);

static inline void cleanup_selftest(struct selftest **test)
{
	selftest_free(*test);
}
#define CLEANUP_SELFTEST __attribute__((cleanup(cleanup_selftest)))
