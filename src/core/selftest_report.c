/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <sys/utsname.h>

#include "base/text.h"
#include "core/selftest.h"

enum { NUMBER_WIDTH = 10, ERROR_WIDTH = 7, NOTE_INDENT = 6 };

/* Rows that the same hook counted, against the same counter of the kernel, stand together. */
static bool same_ways(const struct selftest_row *a, const struct selftest_row *b)
{
	return strcmp(a->by, b->by) == 0 && !a->counter == !b->counter &&
	       (!a->counter || strcmp(a->counter, b->counter) == 0);
}

static void print_ways(const struct selftest_row *row, FILE *out)
{
	fprintf(out, "\n%s%s%s\n", row->by, row->counter ? "; kernel: " : "",
		row->counter ? row->counter : "");
}

static void print_row(const struct selftest_row *row, FILE *out)
{
	char done[NUMBER_TEXT], counted[NUMBER_TEXT], kernel[NUMBER_TEXT] = "-";
	char error_text[NUMBER_TEXT + 1] = "0";
	int64_t error;
	enum row_verdict verdict = selftest_judge(row, &error);

	if (row->counter)
		number_format(row->kernel, kernel);
	if (error) {
		*error_text = error < 0 ? '-' : '+';
		number_format((uint64_t)(error < 0 ? -error : error), error_text + 1);
	}
	fprintf(out, "%s %-*s %*s %*s %*s %*s\n", verdict == ROW_WRONG ? "!" : " ", SELFTEST_WHAT,
		row->what, NUMBER_WIDTH, number_format(row->done, done), NUMBER_WIDTH,
		number_format(row->counted, counted), NUMBER_WIDTH, kernel, ERROR_WIDTH,
		error_text);
	if (*row->note.text) {
		fprintf(out, "%*s", NOTE_INDENT, "");
		text_wrap(row->note.text, NOTE_INDENT, NOTE_INDENT, out);
	}
}

static bool told_before(const struct selftest *test, size_t number)
{
	int64_t error;

	for (size_t i = 0; i < number; i++)
		if (selftest_judge(&test->rows[i], &error) == ROW_UNABLE &&
		    strcmp(test->rows[i].note.text, test->rows[number].note.text) == 0)
			return true;
	return false;
}

/* Each reason once, behind all that it stops. */
static void print_unable(const struct selftest *test, FILE *out)
{
	int64_t error;

	if (selftest_count(test, ROW_UNABLE))
		fputs("\nnot counted here\n", out);
	for (size_t i = 0; i < test->row_count; i++) {
		const struct selftest_row *row = &test->rows[i];

		if (selftest_judge(row, &error) != ROW_UNABLE || told_before(test, i))
			continue;
		for (size_t k = i; k < test->row_count; k++)
			if (selftest_judge(&test->rows[k], &error) == ROW_UNABLE &&
			    strcmp(test->rows[k].note.text, row->note.text) == 0)
				fprintf(out, "  %s\n", test->rows[k].what);
		fprintf(out, "%*s", NOTE_INDENT, "");
		text_wrap(row->note.text, NOTE_INDENT, NOTE_INDENT, out);
	}
}

static void print_conclusion(const struct selftest *test, FILE *out)
{
	size_t wrong = selftest_count(test, ROW_WRONG), right = selftest_count(test, ROW_RIGHT);

	if (wrong)
		fprintf(out, "\n%zu of %zu numbers %s wrong, marked with '!'.\n", wrong,
			wrong + right, wrong == 1 ? "is" : "are");
	else if (right)
		fprintf(out, "\nAll %zu numbers are right.\n", right);
	else
		fputs("\nNothing could be counted.\n", out);
}

void selftest_text(const struct selftest *test, FILE *out)
{
	const struct selftest_row *above = NULL;
	char count[NUMBER_TEXT];
	struct utsname name;
	int64_t error;

	uname(&name);
	fprintf(out, "sumun %s on Linux %.64s (%.64s): %s of each\n", SUMUN_VERSION, name.release,
		name.machine, number_format(test->count, count));
	if (selftest_count(test, ROW_UNABLE) < test->row_count)
		fprintf(out, "\n  %-*s %*s %*s %*s %*s\n", SELFTEST_WHAT, "", NUMBER_WIDTH, "done",
			NUMBER_WIDTH, "sumun", NUMBER_WIDTH, "kernel", ERROR_WIDTH, "error");
	for (size_t i = 0; i < test->row_count; i++) {
		const struct selftest_row *row = &test->rows[i];

		if (selftest_judge(row, &error) == ROW_UNABLE)
			continue;
		if (!above || !same_ways(above, row))
			print_ways(row, out);
		print_row(row, out);
		above = row;
	}
	print_unable(test, out);
	print_conclusion(test, out);
}

static json_t *text_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

static json_t *row_json(const struct selftest_row *row)
{
	int64_t error;
	enum row_verdict verdict = selftest_judge(row, &error);
	json_t *object = json_pack(
		"{s:s, s:s, s:s, s:o, s:o, s:o}", "module", row->module, "what", row->what,
		"verdict", row_verdict_name(verdict), "by", text_or_null(row->by), "kernel_counter",
		text_or_null(row->counter), "note", text_or_null(row->note.text));
	const struct {
		const char *name;
		bool known;
		json_int_t value;
	} numbers[] = {
		{ "done", true, (json_int_t)row->done },
		{ "beside", true, (json_int_t)row->beside },
		{ "counted", true, (json_int_t)row->counted },
		{ "kernel", row->counter, (json_int_t)row->kernel },
		{ "error", true, error },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_set_new(object, numbers[i].name,
				    numbers[i].known && !row->unable
					    ? json_integer(numbers[i].value)
					    : json_null());
	return object;
}

json_t *selftest_json(const struct selftest *test)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < test->row_count; i++)
		json_array_append_new(rows, row_json(&test->rows[i]));
	return json_pack("{s:s, s:i, s:I, s:o}", "version", SUMUN_VERSION, "status",
			 selftest_status(test), "count", (json_int_t)test->count, "rows", rows);
}
