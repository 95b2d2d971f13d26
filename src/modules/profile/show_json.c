/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <jansson.h>

#include "core/record.h"
#include "modules/profile/show.h"

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static const char *const kind_names[FUNCTION_KINDS] = {
	[FUNCTION_LABEL] = "label",
	[FUNCTION_USER] = "user",
	[FUNCTION_JIT] = "jit",
	[FUNCTION_KERNEL] = "kernel",
};

static json_t *ledger_json(const struct stack_ledger *ledger)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "taken",
			 number(ledger->taken), "counted", number(ledger->counted), "filtered",
			 number(ledger->filtered), "ended", number(ledger->ended), "away",
			 number(ledger->away), "lost_table_full", number(ledger->no_row),
			 "lost_ring_full", number(ledger->no_frames), "lost_no_memory",
			 number(ledger->no_memory), "lost_unpaired", number(ledger->unpaired));
}

static void write_whole(const struct profile *profile, FILE *out)
{
	json_t *object = json_pack(
		"{s:s, s:s, s:s, s:b, s:f, s:o, s:o, s:o, s:o, s:o, s:b}", "record", "profile",
		"of", profile->off_cpu ? "off-cpu" : "cpu", "hook", profile->hook, "all",
		(int)profile->total, "seconds", (double)profile->elapsed / 1e9,
		profile->off_cpu ? "nanoseconds" : "samples", number(profile->value),
		"of_processes", number(profile->user), "incomplete", number(profile->incomplete),
		"unseen", number(profile->unseen), "ledger", ledger_json(&profile->ledger),
		"kernel_hidden", (int)profile->kernel_hidden);

	if (object && profile->off_cpu)
		json_object_set_new(object, "preempted", number(profile->preempted));
	else if (object)
		json_object_set_new(object, "hz", number(profile->hz));
	json_write_line(object, out);
}

static void write_function(const struct profile *profile, const struct hot_row *row, FILE *out)
{
	json_t *object =
		json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "record", "profile-function",
			  "function", row->function->name, "kind", kind_names[row->function->kind],
			  "object", row->function->object, "self", number(row->self), "total",
			  number(row->total), "count", number(row->count));

	if (object && row->group)
		json_object_set_new(object, profile_by_name(profile->by),
				    json_string(row->group->name));
	json_write_line(object, out);
}

static void write_stack(const struct tree_node *node, FILE *out)
{
	json_t *frames = json_array();

	for (const struct tree_node *frame = node; frame->function; frame = frame->parent)
		json_array_insert_new(frames, 0,
				      json_pack("{s:s, s:s}", "name", frame->function->name, "kind",
						kind_names[frame->function->kind]));
	json_write_line(json_pack("{s:s, s:o, s:o}", "record", "profile-stack", "self",
				  number(node->self), "frames", frames),
			out);
}

void profile_show_json(const struct profile *profile, FILE *out)
{
	const struct hot_row *const *rows;
	size_t count;

	write_whole(profile, out);
	hot_rows(profile->hot, &rows, &count);
	for (size_t i = 0; i < count && i < profile->top; i++)
		write_function(profile, rows[i], out);
	if (!profile->total)
		return;
	for (const struct tree_node *node = tree_root(profile->tree); node; node = tree_next(node))
		if (node->function && node->self)
			write_stack(node, out);
}
