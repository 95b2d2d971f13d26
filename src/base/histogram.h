/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times in buckets of powers of two, as people read them. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * A line for each bucket from the first to the last that holds something. Bucket n holds times
 * from 2^n to 2^(n+1)-1 nanoseconds, the first also 0, the last all that are longer.
 */
void histogram_print(const uint64_t *buckets, size_t count, int indent, FILE *out);
