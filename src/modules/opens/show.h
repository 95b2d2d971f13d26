/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens as people read them: a line each, or pages of those that are the same, the most frequent
 * first. Lines fit into a terminal, where the path has most of it; elsewhere they are whole.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "modules/opens/describe.h"

enum { OPENS_TOP = 20 }; /* lines of a page, unless another number is asked for */

struct open_show {
	FILE *out;
	size_t width; /* of the terminal; 0: it is none */
	bool folded;
	uint64_t top; /* lines of a page */
	/* Of the page: what is still to come, and what is not shown of it. */
	size_t rows_left;
	uint64_t lines_left;
	uint64_t hidden_rows;
	uint64_t hidden_opens;
	uint64_t hidden_failed;
};

/* How wide the terminal is now. */
void open_show_measure(struct open_show *show);

void open_show_head(const struct open_show *show);

/* What the lines that come now are: `rows` of them stand for `opens`, nanoseconds `elapsed`. */
void open_show_page(struct open_show *show, size_t rows, uint64_t opens, uint64_t elapsed);

/* False: there is no room for it on the page, and only the sum behind it tells of it. */
bool open_show_line(struct open_show *show, const struct open_view *view,
		    const struct open_names *names);
