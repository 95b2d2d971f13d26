/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables of lists: from an address to its label, for lists of any size. The layout that
 * the kernel side (prefixes.bpf.h) reads and the user side (prefix_table.c) writes.
 *
 * A table is one BPF array of 64-byte lines, so that a look-up costs as many cache lines
 * as it is deep. It is built once and never changes; another list is another table.
 *
 * The front of an address picks one of the root's entries: the label of all addresses
 * that begin so, or a tree of sorted interval starts, as in DXR (Zec, Rizzo, Mikuc:
 * "DXR: Towards a Billion Routing Lookups per Second in Software", ACM SIGCOMM CCR 42:5,
 * 2012). DXR searches in halves; here it is a static B-tree whose nodes are one line and
 * are searched by counting, without a branch: that is fewer cache lines, no guess for the
 * CPU to get wrong, and one path for the verifier to walk.
 *
 * IPv4 looks at 17 bits in the root and has 15 left for the tree, so that a compare of
 * four keys in a word leaves its carry in the sixteenth bit of each. IPv6 looks at the 16
 * bits behind 2000::/3, where the addresses are, or else at the first 8. Its tree knows the
 * first half of an address; where the other half matters, the tree has another in place of
 * the label.
 *
 * Addresses are in host byte order; indexes count lines from the front of the table.
 */
#pragma once

#include <linux/types.h>

#include "modules/filter/filter.h"

/* ---- entries ---------------------------------------------------------------- */

/*
 * Bits 28..31 the height of a tree and bits 0..27 its first line; with height 0 no tree
 * but a label, in bits 0..7. A tree of height 1 is one leaf.
 */
enum {
	PREFIX_HEIGHT_SHIFT = 28,
	PREFIX_HEIGHT4_MAX = 4, /* holds every address apart */
	PREFIX_HEIGHT6_MAX = 9, /* 100 million intervals */
};
#define PREFIX_LINE_MASK     ((1U << PREFIX_HEIGHT_SHIFT) - 1)
#define PREFIX_HEIGHT(entry) ((entry) >> PREFIX_HEIGHT_SHIFT)

/* ---- lines ------------------------------------------------------------------ */

/*
 * A leaf cuts what it covers at its keys into intervals, whose labels (values) it holds;
 * a node leads to the child at the line `child` + how many of its keys are not above the
 * address. Keys ascend. Where there are fewer than fit, zeros stand in front of them, which
 * every address counts, and what they would lead to is not there.
 */
enum {
	PREFIX_LEAF4_KEYS = 20,
	PREFIX_NODE4_KEYS = 28,
	PREFIX_LEAF6_KEYS = 5,
	PREFIX_NODE6_KEYS = 7,
	PREFIX_ROOT_ENTRIES = 16,
};

struct prefix_leaf4 {
	__u8 label[24]; /* PREFIX_LEAF4_KEYS + 1 of them */
	__u16 key[PREFIX_LEAF4_KEYS];
};

struct prefix_node4 {
	__u32 child; /* an entry: it holds the height of the children */
	__u32 reserved;
	__u16 key[PREFIX_NODE4_KEYS];
};

struct prefix_leaf6 {
	__u32 value[PREFIX_LEAF6_KEYS + 1]; /* entries: of a tree of the other half, or labels */
	__u64 key[PREFIX_LEAF6_KEYS];
};

struct prefix_node6 {
	__u32 child;
	__u32 reserved;
	__u64 key[PREFIX_NODE6_KEYS];
};

/* The first line of a table. No packet looks at it. */
struct prefix_head {
	__u64 lines;        /* in use, this one included */
	__u64 intervals[2]; /* with a label other than 0, IPv4 and IPv6 */
	__u64 reserved[5];
};

enum { PREFIX_LINE_SIZE = 64, PREFIX_LINE_WORDS = 8 };

struct prefix_line {
	union {
		__u64 word[PREFIX_LINE_WORDS];
		__u32 entry[PREFIX_ROOT_ENTRIES];
		struct prefix_head head;
		struct prefix_leaf4 leaf4;
		struct prefix_node4 node4;
		struct prefix_leaf6 leaf6;
		struct prefix_node6 node6;
	};
};
_Static_assert(sizeof(struct prefix_line) == PREFIX_LINE_SIZE, "a line is a cache line");
_Static_assert(sizeof(struct prefix_leaf4) == PREFIX_LINE_SIZE, "a leaf fills its line");
_Static_assert(sizeof(struct prefix_node4) == PREFIX_LINE_SIZE, "a node fills its line");
_Static_assert(sizeof(struct prefix_leaf6) == PREFIX_LINE_SIZE, "a leaf fills its line");
_Static_assert(sizeof(struct prefix_node6) == PREFIX_LINE_SIZE, "a node fills its line");
_Static_assert(sizeof(struct prefix_head) == PREFIX_LINE_SIZE, "the head fills its line");

/* Keys are the last words of their line, so that a count of them needs no other offset. */
enum {
	PREFIX_LEAF4_WORD = 3,
	PREFIX_LEAF6_WORD = 3,
	PREFIX_NODE_WORD = 1,
};
_Static_assert(__builtin_offsetof(struct prefix_leaf4, key) == 8 * PREFIX_LEAF4_WORD, "keys");
_Static_assert(__builtin_offsetof(struct prefix_leaf6, key) == 8 * PREFIX_LEAF6_WORD, "keys");
_Static_assert(__builtin_offsetof(struct prefix_node4, key) == 8 * PREFIX_NODE_WORD, "keys");
_Static_assert(__builtin_offsetof(struct prefix_node6, key) == 8 * PREFIX_NODE_WORD, "keys");

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
	__u64 reserved[4];
};
_Static_assert(sizeof(struct range4) == 8, "range4 layout");
_Static_assert(sizeof(struct range6) == 32, "range6 layout");
_Static_assert(sizeof(struct list_ranges) == 64, "list_ranges layout");
