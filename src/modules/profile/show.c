/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/text.h"
#include "modules/profile/flame.h"
#include "modules/profile/show.h"

enum { TITLE_TEXT = 160 };

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* "1,980 samples in 10.0 s, by cpu-clock at 99 Hz", "12.3 s off the CPU in 10.0 s, by ..." */
static const char *title_of(const struct profile *profile, char title[TITLE_TEXT])
{
	char elapsed[DURATION_TEXT], number[NUMBER_TEXT], off[DURATION_TEXT];
	const char *all = profile->total ? "all, " : "";

	duration_format_fine(profile->elapsed, elapsed);
	if (profile->off_cpu)
		snprintf(title, TITLE_TEXT, "%s off the CPU in %s%s, by %s",
			 duration_format_fine(profile->value, off), all, elapsed, profile->hook);
	else
		snprintf(title, TITLE_TEXT, "%s samples in %s%s, by %s at %u Hz",
			 number_format(profile->value, number), all, elapsed, profile->hook,
			 profile->hz);
	return title;
}

/* ---- text --------------------------------------------------------------------------------- */

static void add_heads(struct table *table, const struct profile *profile)
{
	static const char *const groups[PROFILE_BYS] = { [PROFILE_BY_COMMAND] = "COMMAND",
							 [PROFILE_BY_PROCESS] = "PROCESS",
							 [PROFILE_BY_CGROUP] = "CGROUP" };
	size_t column = 0;

	table_column(table, column++, "SELF", TABLE_RIGHT);
	table_column(table, column++, "TOTAL", TABLE_RIGHT);
	if (profile->off_cpu)
		table_column(table, column++, "TIME", TABLE_RIGHT);
	table_column(table, column++, profile->off_cpu ? "TIMES" : "SAMPLES", TABLE_RIGHT);
	if (profile->grouped)
		table_column(table, column++, groups[profile->by], TABLE_LEFT);
	table_column(table, column++, "IN", TABLE_LEFT);
	/* The last, as names can be long: lines are cut where a terminal ends. */
	table_column(table, column++, "FUNCTION", TABLE_LEFT);
}

static const char *place_name(const struct function *function)
{
	if (function->kind == FUNCTION_JIT)
		return "JIT";
	/* What is unknown names its place itself. */
	return function->unknown ? "" : function->object;
}

static void add_row(struct table *table, const struct profile *profile, const struct hot_row *row)
{
	char number[NUMBER_TEXT], time[DURATION_TEXT];

	table_cell(table, "%.1f%%", percent(row->self, profile->value));
	table_cell(table, "%.1f%%", percent(row->total, profile->value));
	if (profile->off_cpu)
		table_cell(table, "%s", duration_format_fine(row->self, time));
	table_cell(table, "%s", number_format(row->count, number));
	if (profile->grouped)
		table_cell(table, "%s", row->group->name);
	table_cell(table, "%s", place_name(row->function));
	table_cell(table, "%s", row->function->name);
}

static void print_rows(const struct profile *profile, FILE *out)
{
	size_t columns = 5 + (profile->off_cpu ? 1 : 0) + (profile->grouped ? 1 : 0), count;
	CLEANUP_TABLE struct table *table = table_new(columns);
	const struct hot_row *const *rows;

	hot_rows(profile->hot, &rows, &count);
	if (!table || !count)
		return;
	add_heads(table, profile);
	for (size_t i = 0; i < count && i < profile->top; i++)
		add_row(table, profile, rows[i]);
	table_print(table, out, 0);
	if (count > profile->top)
		fprintf(out, "%zu functions more\n", count - (size_t)profile->top);
}

static void print_part(const char *format, uint64_t value, FILE *out)
{
	char number[NUMBER_TEXT];

	if (value)
		fprintf(out, format, number_format(value, number));
}

static void print_ledger(const struct profile *profile, FILE *out)
{
	const struct stack_ledger *ledger = &profile->ledger;
	char taken[NUMBER_TEXT], counted[NUMBER_TEXT], filtered[NUMBER_TEXT], lost[NUMBER_TEXT];

	fprintf(out, "ledger: %s %s = %s counted + %s filtered out",
		number_format(ledger->taken, taken), profile->off_cpu ? "switches" : "samples",
		number_format(ledger->counted, counted), number_format(ledger->filtered, filtered));
	print_part(" + %s ended", ledger->ended, out);
	print_part(" + %s still away", ledger->away, out);
	fprintf(out, " + %s lost\n",
		number_format(ledger->no_row + ledger->no_frames + ledger->no_memory +
				      ledger->unpaired,
			      lost));
	print_part("%s were lost: the table of stacks was full\n", ledger->no_row, out);
	print_part("%s were lost: there were more new stacks than could be read\n",
		   ledger->no_frames, out);
	print_part("%s were lost: the kernel had no memory to note them\n", ledger->no_memory, out);
	print_part("%s were lost: the kernel did not show when the threads came back\n",
		   ledger->unpaired, out);
}

/* A little is not nothing. */
static void print_share(uint64_t part, uint64_t whole, const char *what, FILE *out)
{
	double share = percent(part, whole);

	if (part)
		fprintf(out, "%s%.1f%% of %s\n", share < 0.1 ? "less than " : "",
			share < 0.1 ? 0.1 : share, what);
}

static void print_notes(const struct profile *profile, FILE *out)
{
	print_share(profile->preempted, profile->value,
		    "the time the CPU was taken away, else it was given up", out);
	print_share(profile->incomplete, profile->user,
		    "user stacks are incomplete: programs without frame pointers", out);
	print_share(profile->unseen, profile->user,
		    "user stacks have no names: ended too soon, or too many", out);
	if (profile->kernel_hidden)
		fputs("the kernel hides where its functions are (sysctl kernel.kptr_restrict)\n",
		      out);
}

void profile_show_text(const struct profile *profile, size_t width, FILE *out)
{
	CLEANUP_FREE char *text = NULL;
	char title[TITLE_TEXT];
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		return;
	fprintf(memory, "%s\n", title_of(profile, title));
	print_rows(profile, memory);
	if (fclose(memory) == 0)
		text_print_cut(text, width, out);
	print_notes(profile, out);
	print_ledger(profile, out);
	fputc('\n', out);
}

/* ---- flame graphs ------------------------------------------------------------------------- */

static const char *samples_text(uint64_t value, char buffer[32])
{
	char number[NUMBER_TEXT];

	snprintf(buffer, 32, "%.22s sample%s", number_format(value, number), value == 1 ? "" : "s");
	return buffer;
}

static const char *time_text(uint64_t value, char buffer[32])
{
	return duration_format_fine(value, buffer);
}

void profile_show_flame(const struct profile *profile, FILE *out)
{
	char subtitle[TITLE_TEXT];
	const struct flame_text text = { .title = profile->off_cpu ? "off-CPU time" : "CPU time",
					 .subtitle = title_of(profile, subtitle),
					 .value = profile->off_cpu ? time_text : samples_text };

	flame_write(profile->tree, &text, out);
}

/* ";" parts frames, and a blank the number. */
static void print_folded_name(const struct function *function, FILE *out)
{
	for (const char *c = function->name; *c; c++)
		fputc(*c == ';' ? ':' : *c, out);
	if (function->kind == FUNCTION_KERNEL)
		fputs("_[k]", out);
	else if (function->kind == FUNCTION_JIT)
		fputs("_[j]", out);
}

static void print_path(const struct tree_node *node, FILE *out)
{
	if (node->parent->function) {
		print_path(node->parent, out);
		fputc(';', out);
	}
	print_folded_name(node->function, out);
}

void profile_show_folded(const struct profile *profile, FILE *out)
{
	uint64_t unit = profile->off_cpu ? 1000 : 1;

	for (const struct tree_node *node = tree_root(profile->tree); node; node = tree_next(node))
		if (node->function && node->self >= unit) {
			print_path(node, out);
			fprintf(out, " %llu\n", (unsigned long long)(node->self / unit));
		}
}
