/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From events to what is shown of them: the pattern, the folding, the form; and the ledger. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/record.h"
#include "modules/opens/opens.h"

/*
 * Shows one open; what it points to is gone behind it. False: it is not shown by itself, and only
 * the sum of several tells of it.
 */
struct open_view;
struct open_names;
typedef bool teller_show(void *context, const struct open_view *view,
			 const struct open_names *names);

/* What was folded comes now: `rows` of them stand for `opens`, nanoseconds `elapsed`. */
typedef void teller_page(void *context, size_t rows, uint64_t opens, uint64_t elapsed);

struct teller;

/* `pattern` may be NULL; `failed`: only what ended with an error. NULL when out of memory. */
struct teller *teller_new(const char *pattern, bool fold, bool failed, teller_show *show,
			  teller_page *page, void *context);
struct teller *teller_free(struct teller *teller); /* NULL is fine; returns NULL */

void teller_tell(struct teller *teller, const struct event_header *event);

/* Shows what was folded since the last time. */
void teller_unfold(struct teller *teller);

/* Requests of io_uring that are silent where they succeed are told of after a while. */
void teller_expire(struct teller *teller);

/* All that is still without a result is told of: nothing comes any more. */
void teller_settle(struct teller *teller);

/* From now on what still comes is only counted. */
void teller_end(struct teller *teller);

/* Of what came: shown + summed + filtered + unshown. Folded opens are shown, each of them. */
struct teller_counters {
	uint64_t shown;
	uint64_t summed;   /* told of by a sum alone */
	uint64_t filtered; /* by the pattern, or because it did not fail */
	uint64_t unshown;  /* they came after the end */
	uint64_t unknown;  /* of those shown, or summed: without a result */
};
struct teller_counters teller_counters(const struct teller *teller);

enum { LEDGER_TEXT = 256 };

/*
 * "1,204 opens seen = 1,200 shown + 4 not asked for + 0 lost"; what is not usual is named too.
 * Right once nothing comes any more. Returns `buffer`.
 */
const char *teller_ledger(const struct teller *teller, const struct open_counters *kernel,
			  char buffer[LEDGER_TEXT]);
