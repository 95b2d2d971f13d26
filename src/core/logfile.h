/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A log file that records are appended to: one write(2) a record, so that two writers
 * do not interleave and nothing waits in a buffer. A disk that is full or a file that
 * is gone never stops the caller: the loss is counted, told once, and told to be over.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "core/record.h"

enum logfile_format { LOGFILE_CSV, LOGFILE_JSON };

struct logfile;

/* Opens for appending, mode 0640. NULL with the reason when that fails. */
struct logfile *logfile_open(const char *path, enum logfile_format format, struct error *error);
struct logfile *logfile_close(struct logfile *logfile); /* NULL is fine; returns NULL */

/*
 * Appends a record; those without a CSV form are left out of a CSV. Logs a warning when
 * writing begins to fail, and how many records were lost when it works again.
 */
void logfile_write(struct logfile *logfile, const struct record *record);

const char *logfile_path(const struct logfile *logfile);

/* Whether the path could be made anew, were the file moved away. */
bool logfile_can_return(const struct logfile *logfile);

/* Opens the path anew (after logrotate moved the file away). Logs what goes wrong. */
void logfile_reopen(struct logfile *logfile);

uint64_t logfile_lost(const struct logfile *logfile); /* records, since it was opened */
