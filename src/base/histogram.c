/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/histogram.h"
#include "base/duration.h"
#include "base/text.h"

enum { BAR = 40 };

static void print_bucket(size_t bucket, size_t last, uint64_t value, uint64_t most, int indent,
			 FILE *out)
{
	char from[DURATION_TEXT], to[DURATION_TEXT], number[NUMBER_TEXT];
	/* What holds anything at all has a mark. */
	int marks = value ? 1 + (int)((double)value / (double)most * (BAR - 1)) : 0;

	fprintf(out, "%*s%9s .. %-9s %14s%s", indent, "",
		duration_format_fine(bucket ? 1ULL << bucket : 0, from),
		bucket == last ? "" : duration_format_fine(2ULL << bucket, to),
		number_format(value, number), marks ? "  " : "");
	while (marks--)
		fputc('#', out);
	fputc('\n', out);
}

void histogram_print(const uint64_t *buckets, size_t count, int indent, FILE *out)
{
	size_t first = count, last = 0;
	uint64_t most = 0;

	for (size_t i = 0; i < count; i++) {
		if (!buckets[i])
			continue;
		first = first < i ? first : i;
		last = i;
		most = buckets[i] > most ? buckets[i] : most;
	}
	for (size_t i = first; i < count && i <= last; i++)
		print_bucket(i, count - 1, buckets[i], most, indent, out);
}
