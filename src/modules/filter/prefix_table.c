// SPDX-License-Identifier: GPL-2.0-or-later
#include "modules/filter/prefix_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* ---- trees ------------------------------------------------------------------------ */

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
	struct prefix_line *memory; /* NULL: lines are only counted */
	size_t lines;               /* room */
	size_t used;
	struct prefix_line spare; /* takes what finds no room */
	struct intervals high;    /* of the part of the root that is being filled */
	struct intervals low;     /* of the one /64 that is being filled */
	size_t labelled[2];       /* intervals, IPv4 and IPv6 */
};

static struct prefix_line *line_at(struct builder *builder, size_t index)
{
	return index < builder->lines ? &builder->memory[index] : &builder->spare;
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

/*
 * How a tree's lines are filled. A leaf holds up to `leaf` intervals, and a node leads to
 * up to `node` children, whose first keys it is given; the first of all keys is not kept.
 */
struct shape {
	size_t leaf, node;
	void (*write_leaf)(struct prefix_line *line, const struct interval *intervals,
			   size_t count);
	void (*write_node)(struct prefix_line *line, uint32_t child, const struct interval *firsts,
			   size_t count);
};

static void write_leaf4(struct prefix_line *line, const struct interval *intervals, size_t count)
{
	struct prefix_leaf4 leaf = {};
	size_t front = PREFIX_LEAF4_KEYS + 1 - count;

	for (size_t i = 0; i < count; i++)
		leaf.label[front + i] = (uint8_t)intervals[i].value;
	for (size_t i = 1; i < count; i++)
		leaf.key[front + i - 1] = (uint16_t)intervals[i].key;
	line->leaf4 = leaf;
}

static void write_node4(struct prefix_line *line, uint32_t child, const struct interval *firsts,
			size_t count)
{
	size_t front = PREFIX_NODE4_KEYS + 1 - count;
	struct prefix_node4 node = { .child = child - (uint32_t)front };

	for (size_t i = 1; i < count; i++)
		node.key[front + i - 1] = (uint16_t)firsts[i].key;
	line->node4 = node;
}

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

static const struct shape shape4 = { PREFIX_LEAF4_KEYS + 1, PREFIX_NODE4_KEYS + 1, write_leaf4,
				     write_node4 };
static const struct shape shape6 = { PREFIX_LEAF6_KEYS + 1, PREFIX_NODE6_KEYS + 1, write_leaf6,
				     write_node6 };

/*
 * Writes the tree of these intervals, row by row from the leaves up; of each row only the
 * first keys of its lines are left in `intervals`, and at last one.
 */
static uint32_t write_tree(struct builder *builder, const struct shape *shape,
			   struct intervals *intervals)
{
	struct interval *at = intervals->at;
	size_t count = intervals->count, fill = shape->leaf;
	uint32_t height = 0, below = 0;

	do {
		size_t first = builder->used, rows = 0;

		for (size_t i = 0; i < count; i += fill) {
			size_t here = count - i < fill ? count - i : fill;
			struct prefix_line *line = line_at(builder, builder->used++);

			if (height == 0)
				shape->write_leaf(line, at + i, here);
			else
				shape->write_node(line, below + (uint32_t)i, at + i, here);
			at[rows++] = at[i];
		}
		height++;
		below = height << PREFIX_HEIGHT_SHIFT | (uint32_t)first;
		count = rows;
		fill = shape->node;
	} while (count > 1);
	return below;
}

/* ---- the root --------------------------------------------------------------------- */

/* A family's root, filled from its first part to its last. */
struct axis {
	const struct shape *shape;
	size_t first_line;
	uint32_t (*part)(uint64_t key); /* the number of a part, by any key in it */
	uint64_t (*width)(uint64_t key);
	uint64_t mask; /* of a key, in its part's tree */
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
		value = write_tree(builder, axis->shape, &builder->high);
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
	r = put(builder, sink->axis, sink->partial, write_tree(builder, &shape6, &builder->low));
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
	struct axis axis4 = { .shape = &shape4,
			      .first_line = PREFIX_ROOT4,
			      .part = part4,
			      .width = width4,
			      .mask = PREFIX_KEY4_MASK,
			      .end = UINT32_MAX };
	struct axis axis6 = { .shape = &shape6,
			      .first_line = PREFIX_ROOT6,
			      .part = part6,
			      .width = width6,
			      .mask = PREFIX_KEY6_MASK,
			      .end = UINT64_MAX };
	int r;

	if (count > LISTS_MAX)
		return error_set(error, -E2BIG, "there can be at most %d lists", LISTS_MAX);
	builder->used = PREFIX_TREES;
	r = build_family(builder, &axis4, inputs, count, false);
	if (r == 0)
		r = build_family(builder, &axis6, inputs, count, true);
	if (r < 0)
		return error_set(error, r, "no memory for the table of lists");
	if (builder->used > PREFIX_LINE_MASK)
		return error_set(error, -E2BIG, "the lists are too large for one table");
	line_at(builder, 0)->head = (struct prefix_head){
		.lines = builder->used,
		.intervals = { builder->labelled[0], builder->labelled[1] },
	};
	return 0;
}

int prefix_table_lines(const struct prefix_input *inputs, size_t count, size_t *ret_lines,
		       struct error *error)
{
	__attribute__((cleanup(free_builder))) struct builder builder = {};
	int r = build(&builder, inputs, count, error);

	if (r < 0)
		return r;
	*ret_lines = builder.used;
	return 0;
}

int prefix_table_build(const struct prefix_input *inputs, size_t count, void *memory, size_t lines,
		       struct error *error)
{
	__attribute__((cleanup(free_builder))) struct builder builder = { .memory = memory,
									  .lines = lines };
	int r = build(&builder, inputs, count, error);

	if (r < 0)
		return r;
	if (builder.used > lines)
		return error_set(error, -ENOSPC,
				 "the lists need a table of %zu KiB, and there is room for %zu",
				 builder.used * PREFIX_LINE_SIZE / 1024,
				 lines * PREFIX_LINE_SIZE / 1024);
	return 0;
}
