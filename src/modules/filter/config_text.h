/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The filter's configuration as text, as config_print() writes it and sumun.conf(5)
 * explains it: kept with each policy, so that it can be told what another would change.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "modules/filter/settings.h"

/* Malloc'ed; NULL when out of memory. */
char *filter_config_text(const struct filter_config *config);

/*
 * Tells how the second text differs from the first, section by section and key by key; of
 * lists, what is added and what is removed. Returns the number of differences, 0 when nothing
 * was written. Without memory it tells nothing and returns -ENOMEM.
 */
int config_text_compare(const char *now, const char *then, FILE *out);

/* Writes what is set in it, with its sections. */
void config_text_print_set(const char *text, FILE *out);

/* What a key of a section is set to: its length, 0 when it is not, and where it begins. */
size_t config_text_value(const char *text, const char *section, const char *key,
			 const char **ret_value);

/* Whether this word is in the list that a key of a section has. */
bool config_text_has(const char *text, const char *section, const char *key, const char *word);
