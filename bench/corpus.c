/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "corpus.h"

/* splitmix64 (Steele, Lea, Flood, 2014). */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* ---- where prefixes may be ------------------------------------------------------- */

static uint32_t somewhere4(uint64_t *state)
{
	static const uint8_t kept_free[] = { 10, 127, 169, 172, 192, 198, 203 };

	for (;;) {
		uint32_t address = (uint32_t)next_random(state);
		uint8_t first = (uint8_t)(address >> 24);

		if (first >= 1 && first <= 223 && !memchr(kept_free, first, sizeof(kept_free)))
			return address;
	}
}

static uint64_t somewhere6(uint64_t *state)
{
	uint64_t random = next_random(state);

	/* 2a00::/12, and of its networks of /32 one in 256. */
	return 0x2a00000000000000 | (random & 0xfff) * 256 << 32 | random >> 32;
}

static uint8_t length4(uint64_t *state)
{
	uint64_t random = next_random(state);
	uint32_t tenth = (uint32_t)(random % 10);

	random >>= 32;
	if (tenth < 6)
		return 32;
	if (tenth < 8)
		return 24;
	if (tenth < 9)
		return (uint8_t)(25 + random % 7);
	return (uint8_t)(23 - __builtin_ctzll(random | 1 << 6));
}

static struct corpus_prefix draw_prefix(enum corpus_kind kind, uint64_t *state)
{
	static const uint8_t lengths6[] = { 48, 56, 64, 128 };
	struct corpus_prefix prefix = { .length = 32 };

	if (kind == CORPUS_PREFIXES6) {
		prefix.length = lengths6[next_random(state) % ARRAY_SIZE(lengths6)];
		prefix.high = somewhere6(state);
		prefix.low = next_random(state);
		if (prefix.length <= 64) {
			prefix.low = 0;
			prefix.high &= ~0ULL << (64 - prefix.length);
		}
		return prefix;
	}
	if (kind == CORPUS_PREFIXES4)
		prefix.length = length4(state);
	prefix.low = somewhere4(state) & 0xffffffff << (32 - prefix.length);
	return prefix;
}

/* ---- the list -------------------------------------------------------------------- */

static struct corpus_prefix last_of(const struct corpus *corpus, struct corpus_prefix prefix)
{
	if (corpus->kind != CORPUS_PREFIXES6)
		prefix.low |= (1ULL << (32 - prefix.length)) - 1;
	else if (prefix.length <= 64) {
		prefix.low = ~0ULL;
		prefix.high |= prefix.length == 64 ? 0 : ~0ULL >> prefix.length;
	}
	return prefix;
}

static int compare(const void *a, const void *b)
{
	const struct corpus_prefix *x = a, *y = b;

	if (x->high != y->high)
		return x->high > y->high ? 1 : -1;
	if (x->low != y->low)
		return x->low > y->low ? 1 : -1;
	return (x->length > y->length) - (x->length < y->length);
}

/* The sorted prefix that begins at or before the address; NULL when none does. */
static const struct corpus_prefix *before(const struct corpus *corpus, uint64_t high, uint64_t low)
{
	size_t from = 0, to = corpus->count;

	while (from < to) {
		size_t middle = (from + to) / 2;
		const struct corpus_prefix *at = &corpus->sorted[middle];

		if (at->high > high || (at->high == high && at->low > low))
			to = middle;
		else
			from = middle + 1;
	}
	return from ? &corpus->sorted[from - 1] : NULL;
}

bool corpus_covers(const struct corpus *corpus, uint64_t high, uint64_t low)
{
	const struct corpus_prefix *at = before(corpus, high, low);
	struct corpus_prefix last;

	if (!at)
		return false;
	last = last_of(corpus, *at);
	return high < last.high || (high == last.high && low <= last.low);
}

/* Leaves out what an earlier one in address order covers. */
static void sort(struct corpus *corpus, size_t drawn)
{
	size_t kept = 0;

	memcpy(corpus->sorted, corpus->prefixes, drawn * sizeof(*corpus->sorted));
	qsort(corpus->sorted, drawn, sizeof(*corpus->sorted), compare);
	for (size_t i = 0; i < drawn; i++) {
		struct corpus_prefix at = corpus->sorted[i];

		corpus->count = kept;
		if (!corpus_covers(corpus, at.high, at.low))
			corpus->sorted[kept++] = at;
	}
	corpus->count = kept;
}

/* Keeps of the drawn prefixes, in their order, the first `count` that are in `sorted`. */
static int settle(struct corpus *corpus, size_t drawn, size_t count, struct error *error)
{
	CLEANUP_FREE bool *taken = calloc(drawn, sizeof(*taken));
	size_t kept = 0;

	if (!taken)
		return -ENOMEM;
	for (size_t i = 0; i < drawn && kept < count; i++) {
		struct corpus_prefix at = corpus->prefixes[i];
		const struct corpus_prefix *known = before(corpus, at.high, at.low);

		if (!known || compare(known, &at) != 0 || taken[known - corpus->sorted])
			continue;
		taken[known - corpus->sorted] = true;
		corpus->prefixes[kept++] = at;
	}
	if (kept < count)
		return error_set(error, -ENOSPC, "only %zu of %zu prefixes do not overlap", kept,
				 count);
	sort(corpus, count);
	return 0;
}

static int make_room(size_t count, struct corpus *corpus)
{
	corpus->prefixes = calloc(count + 1, sizeof(*corpus->prefixes));
	corpus->sorted = calloc(count + 1, sizeof(*corpus->sorted));
	return corpus->prefixes && corpus->sorted ? 0 : -ENOMEM;
}

int corpus_make(enum corpus_kind kind, size_t count, struct corpus *ret_corpus, struct error *error)
{
	CLEANUP_CORPUS struct corpus corpus = { .kind = kind };
	size_t drawn = count + count / 4;
	uint64_t state = kind;
	int r = make_room(drawn, &corpus);

	if (r < 0)
		return r;
	for (size_t i = 0; i < drawn; i++)
		corpus.prefixes[i] = draw_prefix(kind, &state);
	sort(&corpus, drawn);
	r = settle(&corpus, drawn, count, error);
	if (r < 0)
		return r;
	*ret_corpus = corpus;
	corpus = CORPUS_NONE;
	return 0;
}

int corpus_first(const struct corpus *corpus, size_t count, struct corpus *ret_corpus)
{
	CLEANUP_CORPUS struct corpus first = { .kind = corpus->kind };
	int r = make_room(count, &first);

	if (r < 0)
		return r;
	memcpy(first.prefixes, corpus->prefixes, count * sizeof(*first.prefixes));
	sort(&first, count);
	*ret_corpus = first;
	first = CORPUS_NONE;
	return 0;
}

void corpus_free(struct corpus *corpus)
{
	free(corpus->prefixes);
	free(corpus->sorted);
	*corpus = CORPUS_NONE;
}

void corpus_write(const struct corpus *corpus, const char *prefix, const char *suffix, FILE *out)
{
	bool v6 = corpus->kind == CORPUS_PREFIXES6;

	for (size_t i = 0; i < corpus->count; i++) {
		const struct corpus_prefix *at = &corpus->prefixes[i];
		uint64_t bytes6[2] = { htobe64(at->high), htobe64(at->low) };
		uint32_t bytes4 = htobe32((uint32_t)at->low);
		char text[INET6_ADDRSTRLEN];

		inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? (void *)bytes6 : (void *)&bytes4, text,
			  sizeof(text));
		if (at->length == (v6 ? 128 : 32))
			fprintf(out, "%s%s%s", prefix, text, suffix);
		else
			fprintf(out, "%s%s/%u%s", prefix, text, at->length, suffix);
	}
}

/* ---- addresses to try it with ---------------------------------------------------- */

static struct corpus_prefix draw_one(const struct corpus *corpus, enum corpus_draw draw,
				     uint64_t *state)
{
	bool v6 = corpus->kind == CORPUS_PREFIXES6;
	struct corpus_prefix at, last;

	if (draw == DRAW_RANDOM || !corpus->count) {
		at.high = v6 ? somewhere6(state) : 0;
		at.low = v6 ? next_random(state) : somewhere4(state);
		return at;
	}
	at = corpus->prefixes[next_random(state) % corpus->count];
	last = last_of(corpus, at);
	if (draw == DRAW_LISTED) {
		at.high |= next_random(state) & (last.high ^ at.high);
		at.low |= next_random(state) & (last.low ^ at.low);
	} else if (next_random(state) % 2) {
		at.low = last.low + 1;
		at.high = last.high + (at.low == 0);
	} else {
		at.high -= at.low == 0;
		at.low--;
	}
	return at;
}

void corpus_draw(const struct corpus *corpus, enum corpus_draw draw, uint64_t (*addresses)[2],
		 size_t count)
{
	uint64_t state = 0x5eed + draw;

	for (size_t i = 0; i < count;) {
		struct corpus_prefix at = draw_one(corpus, draw, &state);

		if (draw != DRAW_LISTED && corpus_covers(corpus, at.high, at.low))
			continue;
		addresses[i][0] = at.high;
		addresses[i][1] = at.low;
		i++;
	}
}
