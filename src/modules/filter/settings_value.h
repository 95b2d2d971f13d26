/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The values of the filter's settings: how each kind is read into its field and printed.
 * For settings.c; `parse` and `print` are those of struct setting.
 */
#pragma once

#include <stdio.h>

#include "base/error.h"
#include "core/setting_value.h"

enum { COOKIES_ABOVE = 1000 }; /* a second; the default of syn-cookies-above */

/* struct name_list: of interfaces; of the paths of lists */
int value_parse_interfaces(const char *value, void *field, struct error *error);
int value_parse_lists(const char *value, void *field, struct error *error);
void value_print_names(const void *field, FILE *out);

/* enum filter_mode in a uint32_t */
int value_parse_mode(const char *value, void *field, struct error *error);
void value_print_mode(const void *field, FILE *out);

/* struct port_set */
int value_parse_ports(const char *value, void *field, struct error *error);
void value_print_ports(const void *field, FILE *out);

/* struct prefix_list */
int value_parse_prefixes(const char *value, void *field, struct error *error);
void value_print_prefixes(const void *field, FILE *out);

/* uint64_t, nanoseconds: of bans, 1s .. 365d, zero is 'off' or, for the longest, "" */
int value_parse_ban(const char *value, void *field, struct error *error);
void value_print_ban(const void *field, FILE *out);
int value_parse_ban_max(const char *value, void *field, struct error *error);
int value_parse_window(const char *value, void *field, struct error *error); /* 1m .. 1d */

/* struct rate */
int value_parse_rate(const char *value, void *field, struct error *error);
void value_print_rate(const void *field, FILE *out);

/* uint64_t: a burst, "" when zero; 'off' or 2 .. 64 neighbours; 3 .. 64 ports */
int value_parse_burst(const char *value, void *field, struct error *error);
void value_print_burst(const void *field, FILE *out);
int value_parse_neighbours(const char *value, void *field, struct error *error);
void value_print_neighbours(const void *field, FILE *out);
int value_parse_scan_ports(const char *value, void *field, struct error *error);
void value_print_scan_ports(const void *field, FILE *out);

/* char *: NULL when not given, "" for 'none' */
int value_parse_bans_file(const char *value, void *field, struct error *error);
void value_print_bans_file(const void *field, FILE *out);
