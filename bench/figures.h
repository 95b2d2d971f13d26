/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a measurement yields, and how it is handed to bench/run: JSON on standard output. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* CPU time of this thread, nanoseconds: what others do on this CPU is not in it. */
uint64_t figures_cpu_time(void);

double figures_least(const double *values, size_t count);
double figures_median(const double *values, size_t count); /* count <= 256 */

/* Rounded to a tenth: what is behind is noise. */
json_t *figures_array(const double *values, size_t count);

/* Prints and frees `report`. Returns an exit status. */
int figures_print(json_t *report);
