/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What takes which capability, and giving up what is not needed any more.
 *
 * Nothing is refused in advance for want of a capability where the kernel can be asked: what
 * is missing is looked up when it has refused, to say its name. To read, and to change what
 * one owns, takes none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum privilege {
	PRIVILEGE_READ,
	PRIVILEGE_CHANGE,
	PRIVILEGE_LISTS,
	PRIVILEGE_LOAD,
	PRIVILEGE_OBSERVE,
	/* Without these the rest works: */
	PRIVILEGE_SHARE,
	PRIVILEGE_MOUNT,
	PRIVILEGE_LOOK_AROUND,
	PRIVILEGE_NAME_PROGRAM,
	PRIVILEGES,
};

enum { PRIVILEGE_CAPABILITIES = 4, PRIVILEGE_TEXT = 128 };

struct privilege_need {
	const char *what;                         /* "loading the filter" */
	const char *commands;                     /* that meet it */
	int capabilities[PRIVILEGE_CAPABILITIES]; /* CAP_..., ends with -1 */
};

extern const struct privilege_need privilege_needs[PRIVILEGES];

/*
 * How many of its capabilities this process lacks, and their names, "CAP_BPF, CAP_PERFMON";
 * ret_text may be NULL. In a user namespace all are lacking: the kernel looks at those of the
 * initial one.
 */
size_t privilege_missing(enum privilege privilege, char ret_text[PRIVILEGE_TEXT]);

/* -EPERM, with the names of what is missing and what to do. */
int privilege_refused(enum privilege privilege, struct error *error);

/*
 * The same when `code` is a refusal (-EPERM; of the verifier, -EACCES) and something is missing;
 * else `code`, and what was said of it stays.
 */
int privilege_explain(enum privilege privilege, int code, struct error *error);

/* ---- confinement ---------------------------------------------------------------- */

/*
 * A process that goes on only reading: without capabilities, without a way to get some
 * (no_new_privs), and unable to write, make or remove files but where it was allowed to
 * (Landlock, where the kernel has it). What is open stays open.
 */
struct confinement {
	int ruleset; /* -1 without Landlock */
};

enum confine_use {
	CONFINE_APPEND,  /* make files and write to them */
	CONFINE_REPLACE, /* and rename and remove them */
	CONFINE_REMOVE,  /* remove files and directories */
};

/* Nothing but /dev/null is allowed yet. */
void confine_begin(struct confinement *ret_confinement);

/* Beneath a directory; what does not exist is left out. */
void confine_allow(const struct confinement *confinement, const char *directory,
		   enum confine_use use);

/* A log: its directory, as it may be made anew; of what is no plain file, that alone. */
void confine_allow_log(const struct confinement *confinement, const char *path);

/*
 * Of the capabilities only those to look at other processes are kept, and there is no way to get
 * more. Files are not confined: who is, by Landlock, may not look at processes that are not.
 */
int confine_looking(struct error *error);

/* For good. *ret_files: files are confined too. Negative: nothing was
 * given up. */
int confine_enter(struct confinement *confinement, bool *ret_files, struct error *error);
