/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values that settings of several modules have: how they are read and printed; see config.h. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* A bool: on, off, and what else people write for these. */
int value_parse_switch(const char *value, void *field, struct error *error);
void value_print_switch(const void *field, FILE *out);

/* A char *, which is the setting's own; NULL: nothing. */
int value_parse_text(const char *value, void *field, struct error *error);
void value_print_text(const void *field, FILE *out);

/* A uint64_t, nanoseconds, from `least` to `most`; `rule` says so in words. */
int value_parse_time(const char *value, uint64_t least, uint64_t most, const char *rule,
		     void *field, struct error *error);
int value_parse_interval(const char *value, void *field, struct error *error); /* 100ms .. 1d */
void value_print_duration(const void *field, FILE *out);                       /* 0: nothing */

/* A uint64_t: how many rows a report has at most. */
int value_parse_rows(const char *value, void *field, struct error *error);
void value_print_rows(const void *field, FILE *out);
