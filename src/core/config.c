/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "core/config.h"

/*
 * inih's own limit on a line; longer ones are handed to it in pieces, as indented lines,
 * each after a comma, so that no word at its beginning can look like a comment.
 */
enum { LINE_PIECE = 190 };

struct reader {
	FILE *file;
	const char *path;
	const struct setting_table *tables;
	size_t count;
	config_problem *problem;
	void *context;

	char *line; /* the line being handed out */
	size_t line_size;
	char *rest;      /* what of it is left; NULL when all of it was */
	unsigned number; /* of the line, from 1 */
	bool in_key;     /* an indented line would go on with the value before */
	unsigned problems;
	unsigned given[SETTINGS_MAX]; /* the line on which a setting was given first, per row */
};

static void tell(struct reader *reader, unsigned line, const char *text)
{
	reader->problems++;
	reader->problem(reader->context, reader->path, line, text);
}

/* Lists are split between words; nothing else may be this long. */
static char *end_of_piece(char *text)
{
	char *end = text + LINE_PIECE;

	while (end > text && *end != ' ' && *end != '\t' && *end != ',')
		end--;
	return end;
}

/* What isspace(3) and so inih takes for one, within a line. */
static const char blanks[] = " \t\v\f\r";

/* inih would not know that the second piece of a long comment is one. */
static void cut_comment(char *line)
{
	char *start = line + strspn(line, blanks);

	for (char *at = start; *at; at++) {
		bool begins = *at == ';' || (*at == '#' && (at == start || *start == '['));

		if (begins && (at == start || strchr(blanks, at[-1])))
			*at = '\0';
	}
}

/*
 * inih says only which line was the first that it could not read, by its own count;
 * so each line is looked at before inih sees it. NULL when nothing is wrong.
 */
static const char *what_is_wrong(struct reader *reader, char *line)
{
	char *start = line + strspn(line, blanks), *end = strchr(start, ']');

	if (!*start)
		return NULL;
	if (start > line && reader->in_key) {
		if (*start != '[' && !strchr(start, '='))
			return NULL;
		return "an indented line goes on with the value before it; begin keys and "
		       "sections at the start of the line";
	}
	reader->in_key = *start != '[' && strpbrk(start, "=:");
	/* inih would ignore what follows a section. */
	if (reader->in_key || (*start == '[' && end && !end[1 + strspn(end + 1, blanks)]))
		return NULL;
	return "neither '[section]' nor 'key = value' nor a comment ('#' or ';')";
}

static bool next_line(struct reader *reader)
{
	ssize_t length = getline(&reader->line, &reader->line_size, reader->file);
	const char *wrong = NULL;
	size_t indent;

	if (length < 0)
		return false;
	reader->number++;
	if (reader->number == 1 && strncmp(reader->line, "\xef\xbb\xbf", 3) == 0) {
		/* A byte order mark, as some editors write it. */
		memmove(reader->line, reader->line + 3, (size_t)length - 2);
		length -= 3;
	}
	if (memchr(reader->line, '\0', (size_t)length))
		wrong = "the line holds a NUL byte; this is not a text file";
	while (length > 0 && strchr("\r\n", reader->line[length - 1]))
		reader->line[--length] = '\0';
	if (!wrong) {
		cut_comment(reader->line);
		wrong = what_is_wrong(reader, reader->line);
	}
	if (wrong) {
		tell(reader, reader->number, wrong);
		reader->line[0] = '\0';
	}
	indent = strspn(reader->line, blanks);
	reader->rest = reader->line + (indent ? indent - 1 : 0);
	return true;
}

/* As fgets(3), for inih. */
static char *read_piece(char *buffer, int size, void *context)
{
	struct reader *reader = context;
	bool first = !reader->rest;
	char *end;

	if (first && !next_line(reader))
		return NULL;
	if (strlen(reader->rest) <= LINE_PIECE) {
		snprintf(buffer, (size_t)size, "%s%s\n", first ? "" : " ,", reader->rest);
		reader->rest = NULL;
		return buffer;
	}
	end = end_of_piece(reader->rest);
	if (end == reader->rest) {
		char text[64];

		snprintf(text, sizeof(text), "a word of more than %d bytes", LINE_PIECE);
		tell(reader, reader->number, text);
		reader->rest = NULL;
		return strcpy(buffer, "\n");
	}
	snprintf(buffer, (size_t)size, "%s%.*s\n", first ? "" : " ,", (int)(end - reader->rest),
		 reader->rest);
	reader->rest = end + (*end == ',');
	return buffer;
}

static bool section_exists(const struct reader *reader, const char *section)
{
	for (size_t t = 0; t < reader->count; t++)
		for (size_t i = 0; i < reader->tables[t].count; i++)
			if (strcmp(reader->tables[t].settings[i].section, section) == 0)
				return true;
	return false;
}

/* The keys of a section, or the sections, for whoever mistyped one. */
static void list_known(const struct reader *reader, const char *section, char *buffer, size_t size)
{
	const char *last = "";
	size_t used = 0;

	buffer[0] = '\0';
	for (size_t t = 0; t < reader->count; t++) {
		for (size_t i = 0; i < reader->tables[t].count; i++) {
			const struct setting *setting = &reader->tables[t].settings[i];
			const char *word = section ? setting->key : setting->section;
			int n;

			if ((section && strcmp(setting->section, section) != 0) ||
			    strcmp(word, last) == 0)
				continue;
			n = snprintf(buffer + used, size - used, "%s%s", used ? ", " : "", word);
			last = word;
			if (n < 0 || (size_t)n >= size - used)
				return;
			used += (size_t)n;
		}
	}
}

static void tell_unknown(struct reader *reader, const char *section, const char *key)
{
	char quoted[QUOTE_TEXT], known[256];
	struct error error;

	if (!*section)
		error_set(&error, 0, "%s stands before the first [section]",
			  text_quote(key, quoted));
	else if (!section_exists(reader, section)) {
		list_known(reader, NULL, known, sizeof(known));
		error_set(&error, 0, "unknown section %s; there are: %s",
			  text_quote(section, quoted), known);
	} else {
		list_known(reader, section, known, sizeof(known));
		error_set(&error, 0, "unknown key %s in [%s]; there are: %s",
			  text_quote(key, quoted), section, known);
	}
	tell(reader, reader->number, error.text);
}

static void set_setting(struct reader *reader, size_t row, const struct setting *setting,
			void *target, const char *value)
{
	struct error error = { "" };
	unsigned before = reader->given[row];

	if (!before)
		reader->given[row] = reader->number;
	if (before && !setting->list) {
		error_set(&error, 0, "'%s' was given already, on line %u", setting->key, before);
		tell(reader, reader->number, error.text);
		return;
	}
	if (setting->parse(value, (char *)target + setting->offset, &error) < 0) {
		error_prefix(&error, 0, "%s", setting->key);
		tell(reader, reader->number, error.text);
	}
}

/* inih's handler: one key, or one more line of its value. */
static int handle_key(void *context, const char *section, const char *key, const char *value)
{
	struct reader *reader = context;
	size_t row = 0;

	for (size_t t = 0; t < reader->count; t++) {
		const struct setting_table *table = &reader->tables[t];

		for (size_t i = 0; i < table->count; i++, row++) {
			const struct setting *setting = &table->settings[i];

			if (strcmp(setting->section, section) == 0 &&
			    strcmp(setting->key, key) == 0) {
				set_setting(reader, row, setting, table->target, value);
				return 1;
			}
		}
	}
	tell_unknown(reader, section, key);
	return 1;
}

static int read_stream(struct reader *reader)
{
	int r = ini_parse_stream(read_piece, reader, handle_key, reader);

	if (r < 0)
		tell(reader, 0, "out of memory");
	else if (r > 0 && !reader->problems)
		tell(reader, 0, "inih cannot read it");
	free(reader->line);
	return reader->problems ? -EINVAL : 0;
}

int config_read(const char *path, const struct setting_table *tables, size_t count,
		config_problem *problem, void *context)
{
	CLEANUP_FCLOSE FILE *file = fopen(path, "re");
	struct reader reader = { .file = file,
				 .path = path,
				 .tables = tables,
				 .count = count,
				 .problem = problem,
				 .context = context };
	int r, first;

	if (!file) {
		r = -errno;
		problem(context, path, 0, strerror(-r));
		return r;
	}
	first = fgetc(file);
	if (first == EOF && ferror(file)) {
		r = -errno; /* a directory, for one */
		problem(context, path, 0, strerror(-r));
		return r;
	}
	ungetc(first, file); /* a pipe cannot be rewound */
	return read_stream(&reader);
}

int config_read_text(const char *text, size_t size, const char *name,
		     const struct setting_table *tables, size_t count, config_problem *problem,
		     void *context)
{
	CLEANUP_FCLOSE FILE *file = size ? fmemopen((void *)text, size, "r") : NULL;
	struct reader reader = { .file = file,
				 .path = name,
				 .tables = tables,
				 .count = count,
				 .problem = problem,
				 .context = context };

	if (!size)
		return 0;
	return file ? read_stream(&reader) : -errno;
}

void config_print(const struct setting_table *tables, size_t count, FILE *out)
{
	const char *section = "";

	for (size_t t = 0; t < count; t++) {
		for (size_t i = 0; i < tables[t].count; i++) {
			const struct setting *setting = &tables[t].settings[i];
			CLEANUP_FREE char *value = NULL;
			size_t size;
			FILE *memory = open_memstream(&value, &size);

			if (!memory)
				return;
			setting->print((const char *)tables[t].target + setting->offset, memory);
			fclose(memory);
			if (strcmp(section, setting->section) != 0)
				fprintf(out, "%s[%s]\n", *section ? "\n" : "", setting->section);
			section = setting->section;
			if (*value)
				fprintf(out, "%s = %s\n", setting->key, value);
			else
				fprintf(out, "# %s =\n", setting->key);
		}
	}
}
