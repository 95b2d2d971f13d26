/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables of lists: from an address to its label, for lists of any size. The layout that
 * the kernel side (prefixes.bpf.h) reads and the user side (prefix_table.c) writes.
 *
 * A table is one BPF array, mapped as a whole: pages to the kernel, which finds an element
 * by its number; words and lines of a cache to what is in them. It is built once and never
 * changes; another list is another table.
 *
 * The front of an address picks one of the root's entries: the label of all addresses
 * that begin so, or sorted interval starts, as in DXR (Zec, Rizzo, Mikuc: "DXR: Towards a
 * Billion Routing Lookups per Second in Software", ACM SIGCOMM CCR 42:5, 2012).
 *
 * IPv4 looks at 17 bits in the root. Its intervals lie one behind the other without a gap,
 * two bytes each and as a rule no label: a million prefixes take five megabytes, which the
 * last cache of a CPU holds, and one or two of its lines for a look-up. That is worth more
 * than anything that is done to the search. Being 15 bits, four keys in a word are compared
 * at once, with the carry in the sixteenth bit of each.
 *
 * IPv6 looks at the 16 bits behind 2000::/3, where the addresses are, or else at the first
 * 8. It has a static B-tree whose nodes are one line and are searched by counting, without a
 * branch. It knows the first half of an address; where the other half matters, it has
 * another tree in place of the label.
 *
 * Addresses are in host byte order; indexes count words or lines from the front of the table.
 */
#pragma once

#include <linux/types.h>

#include "modules/filter/filter.h"

/* ---- entries ---------------------------------------------------------------- */

/*
 * With 0 in bits 28..31 a label, in bits 0..7. Else in bits 0..27 IPv4 has the first word
 * of a group, and IPv6 the first line of a tree, whose height is in bits 28..31. A tree of
 * height 1 is one leaf.
 */
enum {
	PREFIX_HEIGHT_SHIFT = 28,
	PREFIX_HEIGHT6_MAX = 9, /* 100 million intervals */
};
#define PREFIX_INDEX_MASK    ((1U << PREFIX_HEIGHT_SHIFT) - 1)
#define PREFIX_HEIGHT(entry) ((entry) >> PREFIX_HEIGHT_SHIFT)

/* ---- groups ----------------------------------------------------------------- */

/*
 * A group is the intervals of one entry of the root: a head in the low half of its first
 * word, then the keys that cut it, ascending, and PREFIX_NO_KEY up to the end of a word.
 * Where only one label occurs, every second interval has it. Else there is a byte for each
 * interval behind the last word of keys.
 */
enum {
	PREFIX_GROUP_WORDS = 0xffff,   /* those of head and keys */
	PREFIX_GROUP_LABEL_SHIFT = 16, /* the one label */
	PREFIX_GROUP_FIRST = 1 << 24,  /* the first interval has it, not the second */
	PREFIX_GROUP_LABELS = 1 << 25, /* there is one for each interval */
	PREFIX_GROUP_HEAD_LANES = 2,   /* as many keys the head takes the room of */
	PREFIX_NO_KEY = 0x8000,        /* above every key */
	PREFIX_GROUP_KEYS_MAX = (1 << 15) - 1,
	/* So many words are searched by counting; of more, the wrong halves are left out first. */
	PREFIX_SCAN_WORDS = 8,
	PREFIX_HALVINGS = 11,
};

/* ---- lines ------------------------------------------------------------------ */

/*
 * A leaf cuts what it covers at its keys into intervals, whose labels (values) it holds;
 * a node leads to the child at the line `child` + how many of its keys are not above the
 * address. Keys ascend. Where there are fewer than fit, zeros stand in front of them, which
 * every address counts, and what they would lead to is not there.
 */
enum {
	PREFIX_LEAF6_KEYS = 5,
	PREFIX_NODE6_KEYS = 7,
	PREFIX_ROOT_ENTRIES = 16,
};

struct prefix_leaf6 {
	__u32 value[PREFIX_LEAF6_KEYS + 1]; /* entries: of a tree of the other half, or labels */
	__u64 key[PREFIX_LEAF6_KEYS];
};

struct prefix_node6 {
	__u32 child; /* an entry: it holds the height of the children */
	__u32 reserved;
	__u64 key[PREFIX_NODE6_KEYS];
};

/* The first line of a table. No packet looks at it. */
struct prefix_head {
	__u64 words;        /* in use, these included */
	__u64 intervals[2]; /* with a label other than 0, IPv4 and IPv6 */
	__u64 reserved[5];
};

enum { PREFIX_LINE_SIZE = 64, PREFIX_LINE_WORDS = 8 };

struct prefix_line {
	union {
		__u64 word[PREFIX_LINE_WORDS];
		__u32 entry[PREFIX_ROOT_ENTRIES];
		struct prefix_head head;
		struct prefix_leaf6 leaf6;
		struct prefix_node6 node6;
	};
};
_Static_assert(sizeof(struct prefix_line) == PREFIX_LINE_SIZE, "a line is a cache line");
_Static_assert(sizeof(struct prefix_leaf6) == PREFIX_LINE_SIZE, "a leaf fills its line");
_Static_assert(sizeof(struct prefix_node6) == PREFIX_LINE_SIZE, "a node fills its line");
_Static_assert(sizeof(struct prefix_head) == PREFIX_LINE_SIZE, "the head fills its line");

/* Keys are the last words of their line, so that a count of them needs no other offset. */
enum {
	PREFIX_LEAF6_WORD = 3,
	PREFIX_NODE_WORD = 1,
};
_Static_assert(__builtin_offsetof(struct prefix_leaf6, key) == 8 * PREFIX_LEAF6_WORD, "keys");
_Static_assert(__builtin_offsetof(struct prefix_node6, key) == 8 * PREFIX_NODE_WORD, "keys");

/* ---- pages ------------------------------------------------------------------ */

/*
 * The elements of the array. No group goes over the end of one, and none ends so near to
 * it that PREFIX_SCAN_WORDS from its last word on would.
 */
enum {
	PREFIX_PAGE_LINES = 2048,
	PREFIX_PAGE_WORDS = PREFIX_PAGE_LINES * PREFIX_LINE_WORDS,
	PREFIX_PAGE_SIZE = PREFIX_PAGE_LINES * PREFIX_LINE_SIZE,
};

struct prefix_page {
	union {
		__u64 word[PREFIX_PAGE_WORDS];
		__u8 byte[PREFIX_PAGE_SIZE];
		struct prefix_line line[PREFIX_PAGE_LINES];
	};
};
_Static_assert(sizeof(struct prefix_page) == PREFIX_PAGE_SIZE, "a page is its lines");
_Static_assert((PREFIX_GROUP_HEAD_LANES + PREFIX_GROUP_KEYS_MAX) / 4 + 1 +
			       (PREFIX_GROUP_KEYS_MAX + 1) / 8 + PREFIX_SCAN_WORDS <=
		       PREFIX_PAGE_WORDS,
	       "a page holds the largest group");

/* ---- the root --------------------------------------------------------------- */

enum {
	PREFIX_TREE4_BITS = 15,
	PREFIX_ENTRIES4 = 1 << (32 - PREFIX_TREE4_BITS),
	PREFIX_TREE6_BITS = 45,   /* in 2000::/3 */
	PREFIX_COARSE6_BITS = 56, /* outside */
	PREFIX_GLOBAL6 = 1 << (61 - PREFIX_TREE6_BITS),
	PREFIX_ENTRIES6 = PREFIX_GLOBAL6 + (1 << (64 - PREFIX_COARSE6_BITS)),

	/* First lines. */
	PREFIX_ROOT4 = 1,
	PREFIX_ROOT6 = PREFIX_ROOT4 + PREFIX_ENTRIES4 / PREFIX_ROOT_ENTRIES,
	PREFIX_TREES = PREFIX_ROOT6 + PREFIX_ENTRIES6 / PREFIX_ROOT_ENTRIES,
};

#define PREFIX_KEY4_MASK ((1U << PREFIX_TREE4_BITS) - 1)
/* What the first half of an address is compared by: 61 bits, so that a difference has a sign. */
#define PREFIX_KEY6_MASK ((1ULL << 61) - 1)

static inline __u32 prefix_root4(__u32 address)
{
	return address >> PREFIX_TREE4_BITS;
}

static inline __u32 prefix_root6(__u64 high)
{
	if (high >> 61 == 1)
		return high >> PREFIX_TREE6_BITS & (PREFIX_GLOBAL6 - 1);
	return PREFIX_GLOBAL6 + (__u32)(high >> PREFIX_COARSE6_BITS);
}

/* ---- the ranges of one list ------------------------------------------------- */

/*
 * What a list holds, kept beside the tables so that it can be shown, and the tables built
 * anew, without its file: struct list_ranges, `count[0]` of struct range4, `count[1]` of
 * struct range6. Both ascend, and no range touches the next.
 */
struct range4 {
	__u32 first;
	__u32 last; /* belongs to it */
};

struct range6 {
	struct filter_key first;
	struct filter_key last;
};

#define LIST_RANGES_MAGIC 0x31736567736e6172ULL

struct list_ranges {
	__u64 magic;
	__u64 count[2]; /* IPv4, IPv6 */
	__u64 loaded;   /* CLOCK_REALTIME, nanoseconds */
	__u64 edited;   /* 1: changed by hand since its file was read */
	__u64 reserved[3];
};
_Static_assert(sizeof(struct range4) == 8, "range4 layout");
_Static_assert(sizeof(struct range6) == 32, "range6 layout");
_Static_assert(sizeof(struct list_ranges) == 64, "list_ranges layout");
