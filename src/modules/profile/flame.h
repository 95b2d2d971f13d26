/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A flame graph as one SVG file that needs nothing else: a picture wherever pictures are shown,
 * and in a browser one that can be searched and zoomed into. The form is Brendan Gregg's.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "modules/profile/tree.h"

enum { FLAME_WIDTH = 1200 }; /* of what is drawn, in pixels */

struct flame_box {
	const struct tree_node *node;
	uint64_t begin;  /* in units of the tree's values, as is its total */
	double x, width; /* pixels */
};

/* Boxes narrower than that are left out, and with them what is on top of them. */
#define FLAME_NARROW 0.1

/* Calls `draw` for every box, each before those on top of it, from the left. */
void flame_layout(const struct tree *tree, double width,
		  void (*draw)(void *context, const struct flame_box *box), void *context);

struct flame_text {
	const char *title;
	const char *subtitle;
	/* "12 samples", "1.20 s": a value for reading. */
	const char *(*value)(uint64_t value, char buffer[32]);
};

/* The tree is sorted. */
void flame_write(const struct tree *tree, const struct flame_text *text, FILE *out);

/*
 * Text for XML, inside elements and attributes: five characters by their names, and what XML
 * cannot hold as "?". The text is UTF-8.
 */
void xml_write(const char *text, FILE *out);
