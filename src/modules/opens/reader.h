/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel side of the monitor of opened files: loading it, its ring and its ledger. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "bpf/selection.h"
#include "modules/opens/opens.h"

struct opens_options {
	struct selection selection;
	const char *pattern; /* of paths, see opens/path.h; NULL: all */
	bool self;           /* this process's own opens as well */
	bool failed;         /* only those that ended with an error */
	bool writes;         /* only what may write, create or truncate */
	bool wakes; /* whoever reads the ring is woken, and need not look from time to time */
};

struct opens_reader;

/* Loads and attaches: from now on opens are told of. NULL with the reason, and the error. */
struct opens_reader *opens_reader_new(const struct opens_options *options, int *ret_error,
				      struct error *error);
struct opens_reader *opens_reader_free(struct opens_reader *reader); /* NULL is fine */

/* "tp_btf sys_exit" */
const char *opens_reader_hook(const struct opens_reader *reader);
bool opens_reader_sees_rings(const struct opens_reader *reader); /* of io_uring */
int opens_reader_ring(const struct opens_reader *reader);

/* No open is told of any more; what was is in the ring, and the ledger stays as it is. */
void opens_reader_detach(struct opens_reader *reader);

/* Of all CPUs together. */
struct open_counters opens_reader_counters(const struct opens_reader *reader);

/* To be called by a child that is to be followed; see observe/child.h. The context is a reader. */
int opens_reader_follow_me(void *reader);
uint64_t opens_reader_not_followed(const struct opens_reader *reader); /* processes */
