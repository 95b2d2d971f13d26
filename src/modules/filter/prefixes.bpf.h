/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From an address to its label, in a table as prefixes.h lays it out. `table` is the map:
 * an array of struct prefix_line, or an element of an array of such maps. A table that is
 * wrong gives wrong labels, but nothing worse.
 *
 * User space compiles the same code (prefix_table.c) with a bpf_map_lookup_elem() of its own.
 */
#pragma once

#ifdef __bpf__
#include "bpf/helpers.h"
#define PREFIX_UNROLL _Pragma("clang loop unroll(full)")
#else
#define PREFIX_UNROLL
#endif
#include "modules/filter/prefixes.h"

static __always_inline const struct prefix_line *prefix_line_at(void *table, __u32 index)
{
	return bpf_map_lookup_elem(table, &index);
}

/*
 * `count` with a bound that the verifier can see. Hidden from clang, which knows that it
 * is no larger and would leave the bound out.
 */
static __always_inline __u32 prefix_bounded(__u32 count, __u32 mask)
{
	asm volatile("" : "+r"(count));
	return count & mask;
}

/* One in each of the four 16-bit lanes of a word. */
#define PREFIX_LANES 0x0001000100010001ULL

/*
 * How many of the 16-bit keys in `words` words are not above the 15 bits of `key`. The
 * sixteenth bit of each lane is set before the subtraction, and stays where the lane's key
 * was not above.
 */
static __always_inline __u32 prefix_count4(const __u64 *word, int words, __u32 key)
{
	__u64 lanes = key * PREFIX_LANES | PREFIX_LANES << 15, sum = 0;

	PREFIX_UNROLL
	for (int i = 0; i < words; i++)
		sum += (lanes - word[i]) >> 15 & PREFIX_LANES;
	return sum * PREFIX_LANES >> 48;
}

/* How many of the keys are not above `key`: by the sign of the difference, both being 61 bits. */
static __always_inline __u32 prefix_count6_high(const __u64 *word, int words, __u64 key)
{
	__u64 above = 0;

	PREFIX_UNROLL
	for (int i = 0; i < words; i++)
		above += (key - word[i]) >> 63;
	return words - above;
}

/* The same for all 64 bits, by what the subtraction borrows (Hacker's Delight, 2-13). */
static __always_inline __u32 prefix_count6_low(const __u64 *word, int words, __u64 key)
{
	__u64 above = 0;

	PREFIX_UNROLL
	for (int i = 0; i < words; i++)
		above += ((~key & word[i]) | ((~key | word[i]) & (key - word[i]))) >> 63;
	return words - above;
}

/* The label of an IPv4 address; 0: none. */
static __always_inline __u32 prefix_find4(void *table, __u32 address)
{
	__u32 root = prefix_root4(address), key = address & PREFIX_KEY4_MASK, entry, count;
	const struct prefix_line *line;

	line = prefix_line_at(table, PREFIX_ROOT4 + root / PREFIX_ROOT_ENTRIES);
	if (!line)
		return 0;
	entry = line->entry[root % PREFIX_ROOT_ENTRIES];
	if (!PREFIX_HEIGHT(entry))
		return entry & 0xff;
	for (int i = 1; i < PREFIX_HEIGHT4_MAX && PREFIX_HEIGHT(entry) > 1; i++) {
		line = prefix_line_at(table, entry & PREFIX_LINE_MASK);
		if (!line)
			return 0;
		entry = line->node4.child +
			prefix_count4(&line->word[PREFIX_NODE_WORD], PREFIX_NODE4_KEYS / 4, key);
	}
	line = prefix_line_at(table, entry & PREFIX_LINE_MASK);
	if (!line)
		return 0;
	count = prefix_count4(&line->word[PREFIX_LEAF4_WORD], PREFIX_LEAF4_KEYS / 4, key);
	return line->leaf4.label[prefix_bounded(count, 31)];
}

/* Down a tree of halves of IPv6 addresses: what is behind `entry` for this key. */
static __always_inline __u32 prefix_descend6(void *table, __u32 entry, __u64 key, bool low)
{
	const struct prefix_line *line;
	const __u64 *word;
	__u32 count;

	for (int i = 1; i < PREFIX_HEIGHT6_MAX && PREFIX_HEIGHT(entry) > 1; i++) {
		line = prefix_line_at(table, entry & PREFIX_LINE_MASK);
		if (!line)
			return 0;
		word = &line->word[PREFIX_NODE_WORD];
		count = low ? prefix_count6_low(word, PREFIX_NODE6_KEYS, key)
			    : prefix_count6_high(word, PREFIX_NODE6_KEYS, key);
		entry = line->node6.child + count;
	}
	line = prefix_line_at(table, entry & PREFIX_LINE_MASK);
	if (!line)
		return 0;
	word = &line->word[PREFIX_LEAF6_WORD];
	count = low ? prefix_count6_low(word, PREFIX_LEAF6_KEYS, key)
		    : prefix_count6_high(word, PREFIX_LEAF6_KEYS, key);
	return line->leaf6.value[prefix_bounded(count, 7)];
}

/* The label of an IPv6 address; 0: none. */
static __always_inline __u32 prefix_find6(void *table, __u64 high, __u64 low)
{
	__u32 root = prefix_root6(high), entry;
	const struct prefix_line *line;

	line = prefix_line_at(table, PREFIX_ROOT6 + root / PREFIX_ROOT_ENTRIES);
	if (!line)
		return 0;
	entry = line->entry[root % PREFIX_ROOT_ENTRIES];
	if (PREFIX_HEIGHT(entry))
		entry = prefix_descend6(table, entry, high & PREFIX_KEY6_MASK, false);
	if (PREFIX_HEIGHT(entry))
		entry = prefix_descend6(table, entry, low, true);
	return entry & 0xff;
}
