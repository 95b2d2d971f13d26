/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose is what an observer counted: the registry that the books of observers are built on. Knows
 * nothing of the kernel but struct process_row.
 *
 * An owner is one program of one process. What has ended, or went on as another program, is told
 * of in the report of its time, and then folded: it goes on in an owner that stands for all
 * ended programs of the same command, cgroup and user. So books stay as large as what lives,
 * nothing is lost, and every way to sum them up gives the same. Everybody can make up names, so
 * there are not more than OWNERS_ENDED_MAX of these: further names are one command, OWNERS_OTHERS.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "bpf/process_row.h"

enum { OWNERS_ENDED_MAX = 16384 };
#define OWNERS_OTHERS "(other names)"

enum owner_kind {
	OWNER_PROGRAM, /* one */
	OWNER_ENDED,   /* all that ended, of a command, cgroup and user */
	OWNER_UNKNOWN, /* whose table in the kernel had no room */
};

struct owner {
	enum owner_kind kind;
	uint32_t tgid;   /* of OWNER_PROGRAM only, as are the next two */
	uint64_t start;  /* CLOCK_BOOTTIME, nanoseconds */
	uint32_t parent; /* tgid */
	uint32_t user;
	uint64_t cgroup;
	char command[PROCESS_COMMAND + 1];
	void *accounts; /* the books' own; NULL at first */
	struct owner *next;
	struct process *process; /* whose program it is */
	uint64_t incarnation;    /* of its row: a later program has a higher one */
	struct owner *older;     /* the process's program before this */
};

/* What the books do with the accounts of an owner. */
struct owner_books {
	/* Moves everything to `into`, and frees what is left. 0, or -ENOMEM with a part moved. */
	int (*fold)(void *context, struct owner *into, struct owner *from);
	void (*drop)(void *context, struct owner *owner); /* frees them */
	void *context;
};

struct owners;

/* Processes beyond `limit` are folded as soon as they end. NULL when out of memory. */
struct owners *owners_new(size_t limit, const struct owner_books *books);
struct owners *owners_free(struct owners *owners); /* NULL is fine; returns NULL */

/* Made if they are not there. NULL when out of memory. */
struct owner *owners_program(struct owners *owners, const struct process_row *row);
struct owner *owners_unknown(struct owners *owners);

/*
 * The newest program of a process: of one that lives, which has this number, or of the one that
 * started then, living or not. NULL: none is known.
 */
struct owner *owners_find_living(const struct owners *owners, uint32_t tgid);
struct owner *owners_find_newest(const struct owners *owners, uint32_t tgid, uint64_t start);

/* The first of all; NULL: none. */
struct owner *owners_first(const struct owners *owners);

/* Notes that the process of a row has ended. */
void owners_end(struct owners *owners, const struct process_row *row);

/* For ends that the kernel could not note down: asks of every process whether it lives. */
void owners_end_dead(struct owners *owners, bool (*lives)(uint32_t tgid, uint64_t start));

/*
 * Folds what is over: after a report all of it, else only if there are too many owners, and then
 * *folded grows by how many were. -ENOMEM.
 */
int owners_fold(struct owners *owners);
int owners_fold_if_many(struct owners *owners, uint64_t *folded);

/* ---- what a row of a report is of --------------------------------------------------------- */

enum owner_by {
	BY_PROCESS = 1 << 0,
	BY_COMMAND = 1 << 1,
	BY_CALL = 1 << 2, /* which owner did it says nothing of it */
	BY_CGROUP = 1 << 3,
	BY_USER = 1 << 4,
};

/* "process,call" -> bits. -EINVAL with what there is. */
int owner_by_parse(const char *text, unsigned *ret_by, struct error *error);

enum { OWNER_BY_TEXT = 40 };

const char *owner_by_text(unsigned by, char buffer[OWNER_BY_TEXT]); /* the inverse */

/* An order of owners in which those that belong into one row are equal. */
int owners_compare(const struct owner *a, const struct owner *b, unsigned by);

/* Whether `owner` is what the process of `other` became later. */
bool owner_is_newer(const struct owner *owner, const struct owner *other);
