/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists to filter by, and addresses to try them with. Both follow from a seed, so every run
 * and every machine has the same.
 *
 * Prefixes do not overlap. IPv4: six in ten are single addresses, two are /24, one between
 * /25 and /31, one between /17 and /23, and each of those half as often as the next longer
 * one; spread evenly over 1.0.0.0 to 223.255.255.255 except 10, 127, 169, 172, 192, 198 and
 * 203/8, where the lab is and where nothing listed is near. IPv6: /48, /56, /64 and /128 in
 * equal parts, in 4096 networks of /32 within 2a00::/12.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum corpus_kind {
	CORPUS_PREFIXES4,
	CORPUS_ADDRESSES4, /* single ones */
	CORPUS_PREFIXES6,
};

struct corpus_prefix {
	uint64_t high, low; /* host order; IPv4 in the lower half of `low` */
	uint8_t length;     /* 0..32 or 0..128 */
};

struct corpus {
	enum corpus_kind kind;
	size_t count;
	struct corpus_prefix *prefixes; /* in the order of the list, which is no order */
	struct corpus_prefix *sorted;   /* the same, for corpus_covers() */
};

#define CORPUS_NONE ((struct corpus){ 0 })

int corpus_make(enum corpus_kind kind, size_t count, struct corpus *ret_corpus,
		struct error *error);

/* The first `count` of them as a list of their own. */
int corpus_first(const struct corpus *corpus, size_t count, struct corpus *ret_corpus);

void corpus_free(struct corpus *corpus);
#define CLEANUP_CORPUS __attribute__((cleanup(corpus_free)))

bool corpus_covers(const struct corpus *corpus, uint64_t high, uint64_t low);

/* Writes the prefixes with these texts around each; a single address without its length. */
void corpus_write(const struct corpus *corpus, const char *before, const char *after, FILE *out);

enum corpus_draw {
	DRAW_RANDOM, /* anywhere where prefixes may be, and not listed */
	DRAW_BESIDE, /* the address before or behind a listed prefix, and not listed */
	DRAW_LISTED,
};

/* `count` addresses; {high, low} each, as in corpus_prefix. */
void corpus_draw(const struct corpus *corpus, enum corpus_draw draw, uint64_t (*addresses)[2],
		 size_t count);
