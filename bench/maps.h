/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists in maps: those of peers.bpf.c and xdp-filter's. */
#pragma once

#include "measure.h"

/*
 * Loads the program that filters by tries, or by a hash (IPv4 addresses only), with the
 * lists in its maps; NULL ends them. Returns its descriptor.
 */
int maps_load(bool tries, const struct corpus *const *lists, struct error *error);

/* Addresses into xdp-filter's pinned map: one by its command, the others as that is. */
int maps_fill_xdp_filter(const struct corpus *list, struct error *error);

/* A descriptor of the XDP program that is attached to the site. */
int site_program(const struct site *site, struct error *error);

/* What memory the maps below a directory of a bpffs take, in bytes: the kernel's own account. */
double maps_pinned_memory(const char *directory);
