/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From an address to its label, in a table as prefixes.h lays it out. `table` is the map:
 * an array of struct prefix_page, or an element of an array of such maps. A table that is
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

/*
 * `count` with a bound that the verifier can see. Hidden from clang, which knows that it
 * is no larger and would leave the bound out.
 */
static __always_inline __u32 prefix_bounded(__u32 count, __u32 mask)
{
	asm volatile("" : "+r"(count));
	return count & mask;
}

static __always_inline const struct prefix_line *prefix_line_at(void *table, __u32 index)
{
	__u32 number = index / PREFIX_PAGE_LINES;
	const struct prefix_page *page = bpf_map_lookup_elem(table, &number);

	return page ? &page->line[prefix_bounded(index, PREFIX_PAGE_LINES - 1)] : NULL;
}

/* Not a label: see prefix_find4_quickly(). */
#define PREFIX_UNDECIDED (1U << 31)

/* One in each of the four 16-bit lanes of a word. */
#define PREFIX_LANES 0x0001000100010001ULL

/*
 * In which words of a group the search for `key` has to count: the keys before them are not
 * above it, and those behind them are. Without a branch, for the CPU and for the verifier.
 */
static __always_inline void prefix_halve(const struct prefix_page *page, __u32 key, __u32 *at,
					 __u32 *words)
{
	for (int i = 0; i<PREFIX_HALVINGS && * words> PREFIX_SCAN_WORDS; i++) {
		__u32 half = *words / 2, middle = prefix_bounded(*at + half, PREFIX_PAGE_WORDS - 1);
		__u32 first = page->word[middle] & 0xffff;
		__u32 above = (__s32)(key - first) >> 31; /* all bits, or none */

		*at += half & ~above;
		*words = (half & above) | ((*words - half) & ~above);
	}
}

/*
 * How many of the 16-bit keys in `words` words are not above the 15 bits of `key`. The
 * sixteenth bit of each lane is set before the subtraction, and stays where the lane's key
 * was not above. `head`: bits of the first word that are no keys, and count as if they were.
 */
static __always_inline __u32 prefix_count4(const __u64 *word, __u32 words, __u32 key, __u64 head)
{
	__u64 lanes = key * PREFIX_LANES | PREFIX_LANES << 15;
	__u64 sum = (lanes - (word[0] & ~head)) >> 15 & PREFIX_LANES;

	PREFIX_UNROLL
	for (__u32 i = 1; i < PREFIX_SCAN_WORDS; i++) {
		if (i < words)
			sum += (lanes - word[i]) >> 15 & PREFIX_LANES;
	}
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

/*
 * The label that interval `number` of a group has, whose head this is. Both kinds of group
 * take the same path: a byte is read, and counts or does not.
 */
static __always_inline __u32 prefix_label(const struct prefix_page *page, __u32 start, __u32 head,
					  __u32 number)
{
	__u32 several = -(head / PREFIX_GROUP_LABELS & 1);
	__u32 labelled = -((number ^ head / PREFIX_GROUP_FIRST) & 1) | several;
	__u32 only = start * 8 + PREFIX_GROUP_LABEL_SHIFT / 8;
	__u32 own = (start + (head & PREFIX_GROUP_WORDS)) * 8 + number;
	__u32 at = (only & ~several) | (own & several);

	return page->byte[prefix_bounded(at, PREFIX_PAGE_SIZE - 1)] & labelled;
}

/* The label of `key` in the group that begins at this word of the table. */
static __always_inline __u32 prefix_find_in_group(void *table, __u32 index, __u32 key, bool quickly)
{
	__u32 page_number = index / PREFIX_PAGE_WORDS, start = index % PREFIX_PAGE_WORDS;
	const struct prefix_page *page = bpf_map_lookup_elem(table, &page_number);
	__u32 at = start, head, words, before;

	if (!page || start > PREFIX_PAGE_WORDS - PREFIX_SCAN_WORDS)
		return 0;
	head = (__u32)page->word[at];
	words = head & PREFIX_GROUP_WORDS;
	if (words > PREFIX_SCAN_WORDS) {
		if (quickly)
			return PREFIX_UNDECIDED;
		prefix_halve(page, key, &at, &words);
		at = prefix_bounded(at, PREFIX_PAGE_WORDS - 1);
		if (at > PREFIX_PAGE_WORDS - PREFIX_SCAN_WORDS)
			return 0;
	}
	before = (at - start) * 4 - PREFIX_GROUP_HEAD_LANES;
	return prefix_label(
		page, start, head,
		before + prefix_count4(&page->word[at], words, key, at == start ? 0xffffffff : 0));
}

static __always_inline __u32 prefix_look_up4(void *table, __u32 address, bool quickly)
{
	__u32 root = prefix_root4(address), entry;
	const struct prefix_line *line;

	line = prefix_line_at(table, PREFIX_ROOT4 + root / PREFIX_ROOT_ENTRIES);
	if (!line)
		return 0;
	entry = line->entry[root % PREFIX_ROOT_ENTRIES];
	if (!PREFIX_HEIGHT(entry))
		return entry & 0xff;
	return prefix_find_in_group(table, entry & PREFIX_INDEX_MASK, address & PREFIX_KEY4_MASK,
				    quickly);
}

/* The label of an IPv4 address; 0: none. */
static __always_inline __u32 prefix_find4(void *table, __u32 address)
{
	return prefix_look_up4(table, address, false);
}

/*
 * The same, or PREFIX_UNDECIDED where it takes more than to look into one line or two, which
 * the verifier would walk again behind every path that leads there.
 */
static __always_inline __u32 prefix_find4_quickly(void *table, __u32 address)
{
	return prefix_look_up4(table, address, true);
}

/* Down a tree of halves of IPv6 addresses: what is behind `entry` for this key. */
static __always_inline __u32 prefix_descend6(void *table, __u32 entry, __u64 key, bool low)
{
	const struct prefix_line *line;
	const __u64 *word;
	__u32 count;

	for (int i = 1; i < PREFIX_HEIGHT6_MAX && PREFIX_HEIGHT(entry) > 1; i++) {
		line = prefix_line_at(table, entry & PREFIX_INDEX_MASK);
		if (!line)
			return 0;
		word = &line->word[PREFIX_NODE_WORD];
		count = low ? prefix_count6_low(word, PREFIX_NODE6_KEYS, key)
			    : prefix_count6_high(word, PREFIX_NODE6_KEYS, key);
		entry = line->node6.child + count;
	}
	line = prefix_line_at(table, entry & PREFIX_INDEX_MASK);
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
