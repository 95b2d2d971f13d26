/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the records of a running command go: the terminal, as text or JSON lines, and
 * the logs that the configuration names in its section [log].
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "core/config.h"
#include "core/privilege.h"
#include "core/record.h"

struct output_config {
	char *csv;  /* path, or NULL */
	char *json; /* path, or NULL */
};

extern const struct setting output_settings[];
extern const size_t output_setting_count;

void output_config_free(struct output_config *config);

struct output;

/* Opens the logs. NULL with the reason. */
struct output *output_new(const struct output_config *config, bool json, struct error *error);
struct output *output_free(struct output *output); /* NULL is fine; returns NULL */

/* Allows the logs to be written and made anew. */
void output_writes(const struct output *output, const struct confinement *confinement);

/* Warns of logs that cannot be made anew: their directory is another's. */
void output_warn_of_rotation(const struct output *output);

bool output_is_json(const struct output *output);

/* To the terminal and the logs; only the logs with `quiet`. */
void output_record(struct output *output, const struct record *record, bool quiet);

/* Opens the logs anew, after logrotate. */
void output_reopen(struct output *output);

uint64_t output_lost(const struct output *output); /* records that a log could not take */

/* False once nobody reads our standard output any more. */
bool output_flush(struct output *output);
