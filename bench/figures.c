/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "figures.h"

uint64_t figures_cpu_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

double figures_least(const double *values, size_t count)
{
	double least = INFINITY;

	for (size_t i = 0; i < count; i++)
		least = values[i] < least ? values[i] : least;
	return least;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double figures_median(const double *values, size_t count)
{
	double sorted[256];

	count = count < 256 ? count : 256;
	memcpy(sorted, values, count * sizeof(*values));
	qsort(sorted, count, sizeof(*sorted), compare);
	return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

json_t *figures_array(const double *values, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array,
				      json_real((double)(int64_t)(values[i] * 10 + 0.5) / 10));
	return array;
}

int figures_print(json_t *report)
{
	int r = json_dumpf(report, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));

	json_decref(report);
	putchar('\n');
	return r == 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
