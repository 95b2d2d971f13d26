// SPDX-License-Identifier: GPL-2.0-or-later
#include "modules/filter/prefix_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* From `key` on, up to the next interval's. The key of the first one is never looked at. */
struct interval {
	uint64_t key;
	uint32_t value; /* an entry, or a label, which is one too */
};

struct intervals {
	struct interval *at;
	size_t count, room;
};

struct builder {
	struct prefix_line *memory; /* NULL: words are only counted */
	size_t room;                /* words */
	size_t used;
	struct prefix_line spare; /* takes what finds no room */
	struct intervals high;    /* of the part of the root that is being filled */
	struct intervals low;     /* of the one /64 that is being filled */
	size_t labelled[2];       /* intervals, IPv4 and IPv6 */
};

static struct prefix_line *line_at(struct builder *builder, size_t index)
{
	return index < builder->room / PREFIX_LINE_WORDS ? &builder->memory[index]
							 : &builder->spare;
}

static int append(struct intervals *intervals, uint64_t key, uint32_t value)
{
	if (intervals->count == intervals->room) {
		size_t room = intervals->room ? 2 * intervals->room : 1024;
		struct interval *larger = reallocarray(intervals->at, room, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		intervals->at = larger;
		intervals->room = room;
	}
	intervals->at[intervals->count++] = (struct interval){ key, value };
	return 0;
}

/* ---- groups, of IPv4 ---------------------------------------------------------------- */

/* A word that may be written; what finds no room is not looked at. */
static uint64_t *words_at(struct builder *builder, size_t index, size_t words)
{
	return index + words <= builder->room ? (uint64_t *)builder->memory + index : NULL;
}

/* The one label that the intervals have besides none, or 0 when there are several. */
static uint8_t only_label(const struct intervals *intervals)
{
	uint8_t label =
		(uint8_t)(intervals->at[0].value ? intervals->at[0].value : intervals->at[1].value);

	for (size_t i = 0; i < intervals->count; i++)
		if (intervals->at[i].value && intervals->at[i].value != label)
			return 0;
	return label;
}

static void write_keys(uint16_t *lanes, size_t count, const struct intervals *intervals)
{
	size_t filled = PREFIX_GROUP_HEAD_LANES;

	for (size_t i = 1; i < intervals->count; i++)
		lanes[filled++] = (uint16_t)intervals->at[i].key;
	while (filled < count)
		lanes[filled++] = PREFIX_NO_KEY;
}

/* Neighbouring intervals differ in their labels, so that one of two has the only one. */
static uint32_t write_group(struct builder *builder, struct intervals *intervals)
{
	size_t keys = intervals->count - 1, start = builder->used, left;
	size_t words = (PREFIX_GROUP_HEAD_LANES + keys + 3) / 4, size = words;
	uint8_t label = only_label(intervals);
	uint32_t head = (uint32_t)words | (uint32_t)label << PREFIX_GROUP_LABEL_SHIFT;
	uint64_t *word;

	if (!label)
		size += (intervals->count + 7) / 8;
	left = PREFIX_PAGE_WORDS - start % PREFIX_PAGE_WORDS;
	if (size + PREFIX_SCAN_WORDS - 1 > left)
		start += left;
	builder->used = start + size;
	word = words_at(builder, start, size);
	if (word) {
		uint8_t *labels = (uint8_t *)(word + words);

		if (!label)
			head |= PREFIX_GROUP_LABELS;
		else if (intervals->at[0].value)
			head |= PREFIX_GROUP_FIRST;
		write_keys((uint16_t *)word, words * 4, intervals);
		memcpy(word, &head, sizeof(head));
		for (size_t i = 0; !label && i < intervals->count; i++)
			labels[i] = (uint8_t)intervals->at[i].value;
	}
	return 1U << PREFIX_HEIGHT_SHIFT | (uint32_t)start;
}

/* ---- trees, of IPv6 ----------------------------------------------------------------- */

static void write_leaf6(struct prefix_line *line, const struct interval *intervals, size_t count)
{
	struct prefix_leaf6 leaf = {};
	size_t front = PREFIX_LEAF6_KEYS + 1 - count;

	for (size_t i = 0; i < count; i++)
		leaf.value[front + i] = intervals[i].value;
	for (size_t i = 1; i < count; i++)
		leaf.key[front + i - 1] = intervals[i].key;
	line->leaf6 = leaf;
}

static void write_node6(struct prefix_line *line, uint32_t child, const struct interval *firsts,
			size_t count)
{
	size_t front = PREFIX_NODE6_KEYS + 1 - count;
	struct prefix_node6 node = { .child = child - (uint32_t)front };

	for (size_t i = 1; i < count; i++)
		node.key[front + i - 1] = firsts[i].key;
	line->node6 = node;
}

/*
 * Writes the tree of these intervals, row by row from the leaves up; of each row only the
 * first keys of its lines are left in `intervals`, and at last one.
 */
static uint32_t write_tree(struct builder *builder, struct intervals *intervals)
{
	struct interval *at = intervals->at;
	size_t count = intervals->count, fill = PREFIX_LEAF6_KEYS + 1;
	uint32_t height = 0, below = 0;

	do {
		size_t first = builder->used / PREFIX_LINE_WORDS, rows = 0;

		for (size_t i = 0; i < count; i += fill) {
			size_t here = count - i < fill ? count - i : fill;
			struct prefix_line *line = line_at(builder, first + rows);

			if (height == 0)
				write_leaf6(line, at + i, here);
			else
				write_node6(line, below + (uint32_t)i, at + i, here);
			at[rows++] = at[i];
		}
		builder->used += rows * PREFIX_LINE_WORDS;
		height++;
		below = height << PREFIX_HEIGHT_SHIFT | (uint32_t)first;
		count = rows;
		fill = PREFIX_NODE6_KEYS + 1;
	} while (count > 1);
	return below;
}

/* ---- the root --------------------------------------------------------------------- */

/* A family's root, filled from its first part to its last. */
struct axis {
	uint32_t (*write)(struct builder *builder, struct intervals *intervals);
	size_t first_line;
	uint32_t (*part)(uint64_t key); /* the number of a part, by any key in it */
	uint64_t (*width)(uint64_t key);
	uint64_t mask; /* of a key, in its part */
	uint64_t end;  /* the last key of all */
	uint64_t last; /* of the part that is being filled */
};

static uint32_t part4(uint64_t key)
{
	return prefix_root4((uint32_t)key);
}

static uint64_t width4(uint64_t key)
{
	return 1ULL << PREFIX_TREE4_BITS;
}

static uint32_t part6(uint64_t key)
{
	return prefix_root6(key);
}

static uint64_t width6(uint64_t key)
{
	return 1ULL << (key >> 61 == 1 ? PREFIX_TREE6_BITS : PREFIX_COARSE6_BITS);
}

static int begin_part(struct builder *builder, struct axis *axis, uint64_t first, uint32_t value)
{
	axis->last = first + axis->width(first) - 1;
	builder->high.count = 0;
	return append(&builder->high, first & axis->mask, value);
}

static void finish_part(struct builder *builder, struct axis *axis)
{
	uint32_t part = axis->part(axis->last), value = builder->high.at[0].value;
	size_t line = axis->first_line + part / PREFIX_ROOT_ENTRIES;

	if (builder->high.count > 1)
		value = axis->write(builder, &builder->high);
	line_at(builder, line)->entry[part % PREFIX_ROOT_ENTRIES] = value;
}

/* To the part that holds `key`; up to there it stays as it was last. */
static int go_to(struct builder *builder, struct axis *axis, uint64_t key)
{
	while (key > axis->last) {
		uint32_t carried = builder->high.at[builder->high.count - 1].value;
		int r;

		finish_part(builder, axis);
		r = begin_part(builder, axis, axis->last + 1, carried);
		if (r < 0)
			return r;
	}
	return 0;
}

/* From `key` on it is `value`. Keys ascend; of two that are equal the second counts. */
static int put(struct builder *builder, struct axis *axis, uint64_t key, uint32_t value)
{
	struct intervals *high = &builder->high;
	int r = go_to(builder, axis, key);

	if (r < 0)
		return r;
	if (high->at[high->count - 1].key != (key & axis->mask))
		return append(high, key & axis->mask, value);
	high->at[high->count - 1].value = value;
	return 0;
}

/* ---- from lists to intervals -------------------------------------------------------- */

/* One list while it is walked: the position at which it next begins or ends to cover. */
struct walker {
	const struct prefix_input *input;
	uint64_t rank; /* one bit; the lower wins */
	size_t next;   /* range */
	bool inside;
	uint128 event;
};

static uint128 range_first(const struct walker *walker, bool v6)
{
	const struct ranges_view *ranges = &walker->input->ranges;

	return v6 ? key_number(ranges->v6[walker->next].first) : ranges->v4[walker->next].first;
}

static uint128 range_last(const struct walker *walker, bool v6)
{
	const struct ranges_view *ranges = &walker->input->ranges;

	return v6 ? key_number(ranges->v6[walker->next].last) : ranges->v4[walker->next].last;
}

/* False when the list covers the end of the address space, or has no more ranges. */
static bool advance(struct walker *walker, bool v6)
{
	const struct ranges_view *ranges = &walker->input->ranges;

	if (!walker->inside) {
		uint128 last = range_last(walker, v6);

		walker->inside = true;
		walker->event = last + 1;
		return last != (v6 ? ~(uint128)0 : UINT32_MAX);
	}
	walker->inside = false;
	if (++walker->next == (v6 ? ranges->count6 : ranges->count4))
		return false;
	walker->event = range_first(walker, v6);
	return true;
}

/* The lists that have ranges, each at its first, allow lists in front. */
static size_t begin_walk(struct walker walkers[LISTS_MAX], const struct prefix_input *inputs,
			 size_t count, bool v6)
{
	size_t walking = 0, rank = 0;

	for (int deny = 0; deny <= 1; deny++) {
		for (size_t i = 0; i < count; i++) {
			const struct ranges_view *ranges = &inputs[i].ranges;
			struct walker walker = { .input = &inputs[i], .rank = 1ULL << rank };
			bool empty = (v6 ? ranges->count6 : ranges->count4) == 0;
			bool denies = !(inputs[i].label & LABEL_ALLOW);

			if (empty || denies != deny)
				continue;
			rank++;
			walker.event = range_first(&walker, v6);
			walkers[walking++] = walker;
		}
	}
	return walking;
}

/* Takes every change of label in ascending order. */
struct sink {
	struct builder *builder;
	struct axis *axis;
	bool v6;
	uint8_t label;    /* from the last change on */
	uint64_t partial; /* the /64 that is being filled, when builder->low holds something */
};

static int sink_change(struct sink *sink, uint128 position, uint8_t label);

static int walk(struct sink *sink, const struct prefix_input *inputs, size_t count)
{
	struct walker walkers[LISTS_MAX];
	size_t walking = begin_walk(walkers, inputs, count, sink->v6);
	uint8_t labels[LISTS_MAX + 1] = {};
	uint64_t covering = 0;

	for (size_t i = 0; i < walking; i++)
		labels[__builtin_ctzll(walkers[i].rank)] = walkers[i].input->label;
	while (walking > 0) {
		uint128 position = walkers[0].event;
		uint8_t label;
		int r;

		for (size_t i = 1; i < walking; i++)
			if (position > walkers[i].event)
				position = walkers[i].event;
		for (size_t i = 0; i < walking;) {
			if (walkers[i].event != position) {
				i++;
				continue;
			}
			covering ^= walkers[i].rank;
			if (!advance(&walkers[i], sink->v6))
				walkers[i] = walkers[--walking];
		}
		label = covering ? labels[__builtin_ctzll(covering)] : 0;
		if (label == sink->label)
			continue;
		r = sink_change(sink, position, label);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- from intervals to the root ------------------------------------------------------- */

/* The /64 that was cut into pieces is done: what follows it has the label of its last piece. */
static int finish_partial(struct sink *sink)
{
	struct builder *builder = sink->builder;
	int r;

	if (builder->low.count == 0)
		return 0;
	r = put(builder, sink->axis, sink->partial, write_tree(builder, &builder->low));
	builder->low.count = 0;
	if (r < 0 || sink->partial == UINT64_MAX)
		return r;
	return put(builder, sink->axis, sink->partial + 1, sink->label);
}

static int change6(struct sink *sink, uint64_t high, uint64_t low, uint8_t label)
{
	struct intervals *pieces = &sink->builder->low;
	int r = 0;

	if (pieces->count > 0 && sink->partial != high)
		r = finish_partial(sink);
	if (r < 0)
		return r;
	if (low == 0)
		return put(sink->builder, sink->axis, high, label);
	if (pieces->count == 0)
		r = append(pieces, 0, sink->label);
	if (r < 0)
		return r;
	sink->partial = high;
	return append(pieces, low, label);
}

static int sink_change(struct sink *sink, uint128 position, uint8_t label)
{
	int r = sink->v6 ? change6(sink, (uint64_t)(position >> 64), (uint64_t)position, label)
			 : put(sink->builder, sink->axis, (uint64_t)position, label);

	if (r < 0)
		return r;
	sink->label = label;
	sink->builder->labelled[sink->v6] += label != 0;
	return 0;
}

static int build_family(struct builder *builder, struct axis *axis,
			const struct prefix_input *inputs, size_t count, bool v6)
{
	struct sink sink = { .builder = builder, .axis = axis, .v6 = v6 };
	int r = begin_part(builder, axis, 0, 0);

	if (r < 0)
		return r;
	r = walk(&sink, inputs, count);
	if (r < 0)
		return r;
	r = finish_partial(&sink);
	if (r < 0)
		return r;
	r = go_to(builder, axis, axis->end);
	if (r < 0)
		return r;
	finish_part(builder, axis);
	return 0;
}

static void free_builder(struct builder *builder)
{
	free(builder->high.at);
	free(builder->low.at);
}

static int build(struct builder *builder, const struct prefix_input *inputs, size_t count,
		 struct error *error)
{
	struct axis axis4 = { .write = write_group,
			      .first_line = PREFIX_ROOT4,
			      .part = part4,
			      .width = width4,
			      .mask = PREFIX_KEY4_MASK,
			      .end = UINT32_MAX };
	struct axis axis6 = { .write = write_tree,
			      .first_line = PREFIX_ROOT6,
			      .part = part6,
			      .width = width6,
			      .mask = PREFIX_KEY6_MASK,
			      .end = UINT64_MAX };
	int r;

	if (count > LISTS_MAX)
		return error_set(error, -E2BIG, "there can be at most %d lists", LISTS_MAX);
	builder->used = PREFIX_TREES * PREFIX_LINE_WORDS;
	r = build_family(builder, &axis4, inputs, count, false);
	builder->used = (builder->used + PREFIX_LINE_WORDS - 1) & ~(PREFIX_LINE_WORDS - 1UL);
	if (r == 0)
		r = build_family(builder, &axis6, inputs, count, true);
	if (r < 0)
		return error_set(error, r, "no memory for the table of lists");
	if (builder->used > PREFIX_INDEX_MASK)
		return error_set(error, -E2BIG, "the lists are too large for one table");
	line_at(builder, 0)->head = (struct prefix_head){
		.words = builder->used,
		.intervals = { builder->labelled[0], builder->labelled[1] },
	};
	return 0;
}

static size_t pages_for(size_t words)
{
	return (words + PREFIX_PAGE_WORDS - 1) / PREFIX_PAGE_WORDS;
}

int prefix_table_pages(const struct prefix_input *inputs, size_t count, size_t *ret_pages,
		       struct error *error)
{
	__attribute__((cleanup(free_builder))) struct builder builder = {};
	int r = build(&builder, inputs, count, error);

	if (r < 0)
		return r;
	*ret_pages = pages_for(builder.used);
	return 0;
}

int prefix_table_build(const struct prefix_input *inputs, size_t count, void *memory, size_t pages,
		       struct error *error)
{
	__attribute__((cleanup(free_builder))) struct builder builder = {
		.memory = memory,
		.room = pages * PREFIX_PAGE_WORDS,
	};
	int r = build(&builder, inputs, count, error);

	if (r < 0)
		return r;
	if (pages_for(builder.used) > pages)
		return error_set(error, -ENOSPC,
				 "the lists need a table of %zu KiB, and there is room for %zu",
				 pages_for(builder.used) * (PREFIX_PAGE_SIZE / 1024),
				 pages * (PREFIX_PAGE_SIZE / 1024));
	return 0;
}
