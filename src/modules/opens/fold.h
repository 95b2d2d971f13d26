/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens that are the same, counted: of one process, the same path asked for and the same one
 * opened, with the same flags and the same outcome (of those that succeed, whatever the
 * descriptor). Bounded: when it is full it is to be emptied before its time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules/opens/opens.h"

enum { FOLD_ROWS = 16384, FOLD_BYTES = 8 << 20 };

struct fold;

struct fold *fold_new(void);               /* NULL when out of memory */
struct fold *fold_free(struct fold *fold); /* NULL is fine; returns NULL */

/* -ENOSPC: it is full, and the event was not added; -ENOMEM. */
int fold_add(struct fold *fold, const struct open_event *event);

/*
 * Calls `each` with the last of each, the most frequent first, and of those as frequent the one
 * that came first; then it is empty.
 */
typedef void fold_each(void *context, const struct open_event *last, uint64_t count);
void fold_empty(struct fold *fold, fold_each *each, void *context);

size_t fold_count(const struct fold *fold);   /* rows */
uint64_t fold_opens(const struct fold *fold); /* that they stand for */
