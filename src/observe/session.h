/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every command that observes has around it: an event loop, where its reports go, the
 * command that it runs, and how all of that ends.
 *
 *   session_start();  attach;  session_run_command();  session_every();
 *   session_watch();  the last report;  return session_end();
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "core/arguments.h"
#include "core/loop.h"
#include "observe/child.h"

struct session {
	FILE *out; /* where reports go: beside the output of a command, not into it */
	struct loop *loop;
	struct child child;
	uint64_t left;    /* reports; 0: no limit */
	bool interrupted; /* by Ctrl-C */
	bool unread;      /* nobody reads what is written: no report is wanted any more */
	bool told;        /* why it ends */
	int status;       /* of a command that could not be started; 0: none */
	int (*report)(void *context);
	void *context;
};

#define SESSION_NONE                                                      \
	{                                                                 \
		.out = NULL, .loop = NULL, .child = CHILD_NONE, .left = 0 \
	}

/*
 * From now on signals wait for the loop: one ends it, or goes to the command. `beside` is whether
 * reports stand beside the output of a command; see observe/report_file.h.
 */
int session_start(struct session *session, const struct arguments *arguments, bool beside,
		  struct error *error);

/* As child_start(); session_end() knows what became of it. */
int session_run_command(struct session *session, char **argv, int (*join)(void *context),
			void *context, struct error *error);

/*
 * Calls `report` every `interval` nanoseconds, as often as -n says, then the session ends. An
 * interval of 0 is `usual`, but none beside a command: it is told of at its end.
 */
int session_every(struct session *session, uint64_t interval, uint64_t usual,
		  int (*report)(void *context), void *context);

/* Until a signal, the end of the command, the last report, or the reader's. */
int session_watch(struct session *session);

/* Gives up what loading programs took; a warning where that cannot be done. */
void session_give_up_privileges(void);

/* Of the terminal that reports go to, in characters; 0: there is none. */
size_t session_width(const struct session *session);
size_t session_height(const struct session *session);
bool session_has_terminal(const struct session *session);

/*
 * Writes what was reported, or ends the session. That nobody reads it any more is no error; others
 * are told of.
 */
int session_flush(struct session *session);

/*
 * The exit status: of the command where it ran and `r` is 0, else what `r` deserves, and that is
 * told of, in the words of `why` where there are any.
 */
int session_end(struct session *session, int r, const struct error *why);
