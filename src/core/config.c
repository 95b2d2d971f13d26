/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
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

enum { KNOWN_TEXT = 320 }; /* a list of keys or sections */

/* A section that the file has. */
struct opened {
	const struct setting_table *table;
	const char *section;
	char name[SECTION_NAME_SIZE]; /* "" when it is no named one */
	unsigned line;                /* where it was given first */
};

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

	bool in_section;              /* behind the first line that begins one */
	const struct opened *current; /* NULL also when the section is wrong */
	void *item;                   /* what its settings fill */
	struct opened opened[SECTIONS_MAX];
	size_t opened_count;
	/* The line on which a setting was given first, per row; of named sections, in this one. */
	unsigned given[SETTINGS_MAX];
};

static void tell(struct reader *reader, unsigned line, const char *text)
{
	reader->problems++;
	reader->problem(reader->context, reader->path, line, text);
}

/* What isspace(3) and so inih takes for one, within a line. */
static const char blanks[] = " \t\v\f\r";

/* ---- sections ------------------------------------------------------------------------- */

const struct section *config_section(const struct setting_table *table, const char *name)
{
	for (const struct section *section = table->sections; section && section->name; section++)
		if (strcmp(section->name, name) == 0)
			return section;
	return NULL;
}

static bool is_named(const struct setting_table *table, const char *name)
{
	const struct section *section = config_section(table, name);

	return section && section->make;
}

/* The table that has a section's rows; *section becomes the name that those have. */
static const struct setting_table *find_table(const struct reader *reader, const char **section)
{
	for (size_t t = 0; t < reader->count; t++) {
		const struct setting_table *table = &reader->tables[t];

		for (size_t i = 0; i < table->count; i++) {
			if (strcmp(table->settings[i].section, *section) == 0) {
				*section = table->settings[i].section;
				return table;
			}
		}
	}
	return NULL;
}

/* The keys of a section, or the sections, for whoever mistyped one. */
static const char *list_known(const struct reader *reader, const char *section, char *buffer,
			      size_t size)
{
	FILE *memory = fmemopen(buffer, size, "w");
	const char *last = "", *separator = "";

	buffer[0] = '\0';
	for (size_t t = 0; memory && t < reader->count; t++) {
		const struct setting_table *table = &reader->tables[t];

		for (size_t i = 0; i < table->count; i++) {
			const struct setting *setting = &table->settings[i];
			const char *word = section ? setting->key : setting->section;

			if (section ? strcmp(setting->section, section) != 0
				    : strcmp(word, last) == 0)
				continue;
			fprintf(memory, "%s%s%s", separator, word,
				!section && is_named(table, word) ? " NAME" : "");
			separator = ", ";
			last = word;
		}
	}
	if (memory)
		fclose(memory);
	return buffer;
}

static int check_name(const char *section, const char *name, struct error *error)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_";
	char quoted[QUOTE_TEXT];

	if (!*name)
		return error_set(error, -EINVAL, "a name is wanted, as in [%s NAME]", section);
	if (name[strspn(name, letters)])
		return error_set(error, -EINVAL,
				 "[%s NAME]: the name %s has other characters than letters, "
				 "digits, '-' and '_'",
				 section, text_quote(name, quoted));
	if (strlen(name) >= SECTION_NAME_SIZE)
		return error_set(error, -EINVAL,
				 "[%s NAME]: the name %s is longer than %d characters", section,
				 text_quote(name, quoted), SECTION_NAME_SIZE - 1);
	return 0;
}

/* NULL when the file has no such section. */
static const struct opened *find_opened(const struct reader *reader, const char *section,
					const char *name)
{
	for (size_t i = 0; i < reader->opened_count; i++) {
		const struct opened *opened = &reader->opened[i];

		if (strcmp(opened->section, section) == 0 && strcmp(opened->name, name) == 0)
			return opened;
	}
	return NULL;
}

static int remember_section(struct reader *reader, const struct setting_table *table,
			    const char *section, const char *name, struct error *error)
{
	struct opened *opened = &reader->opened[reader->opened_count];

	if (reader->opened_count == SECTIONS_MAX)
		return error_set(error, -EINVAL, "more than %d sections", SECTIONS_MAX);
	*opened = (struct opened){ .table = table, .section = section, .line = reader->number };
	snprintf(opened->name, sizeof(opened->name), "%s", name);
	reader->opened_count++;
	reader->current = opened;
	return 0;
}

static int open_plain(struct reader *reader, const struct setting_table *table, const char *section,
		      const char *name, struct error *error)
{
	if (*name)
		return error_set(error, -EINVAL, "[%s] takes no name", section);
	reader->item = table->target;
	reader->current = find_opened(reader, section, "");
	return reader->current ? 0 : remember_section(reader, table, section, "", error);
}

static int open_named(struct reader *reader, const struct setting_table *table,
		      const struct section *section, const char *name, struct error *error)
{
	const struct opened *before;
	int r = check_name(section->name, name, error);

	if (r < 0)
		return r;
	before = find_opened(reader, section->name, name);
	if (before)
		return error_set(error, -EINVAL, "[%s %s] was given already, on line %u",
				 section->name, name, before->line);
	r = section->make(table->target, name, &reader->item, error);
	if (r < 0)
		return error_prefix(error, r, "[%s %s]", section->name, name);
	return remember_section(reader, table, section->name, name, error);
}

/* `line` holds '[section]' or '[section NAME]' and nothing else; it is changed. */
static int open_section(struct reader *reader, char *line, struct error *error)
{
	char *text = line + strspn(line, blanks) + 1, *end = strchr(text, ']'), *name;
	const struct setting_table *table;
	char quoted[QUOTE_TEXT], known[KNOWN_TEXT];
	const char *section;

	text += strspn(text, blanks);
	while (end > text && strchr(blanks, end[-1]))
		end--;
	*end = '\0';
	name = text + strcspn(text, blanks);
	if (*name) {
		*name++ = '\0';
		name += strspn(name, blanks);
	}
	section = text;
	table = find_table(reader, &section);
	if (!table)
		return error_set(error, -EINVAL, "unknown section %s; there are: %s",
				 text_quote(text, quoted),
				 list_known(reader, NULL, known, sizeof(known)));
	if (is_named(table, section))
		return open_named(reader, table, config_section(table, section), name, error);
	return open_plain(reader, table, section, name, error);
}

/* The settings of a section that is wrong are passed over: one mistake, one problem. */
static void begin_section(struct reader *reader, char *line)
{
	struct error error = { "" };

	reader->in_section = true;
	reader->current = NULL;
	if (open_section(reader, line, &error) < 0)
		tell(reader, reader->number, error.text);
}

/* ---- lines ---------------------------------------------------------------------------- */

/* Lists are split between words; nothing else may be this long. */
static char *end_of_piece(char *text)
{
	char *end = text + LINE_PIECE;

	while (end > text && *end != ' ' && *end != '\t' && *end != ',')
		end--;
	return end;
}

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

	if (length < 0) {
		/* Also where there was no memory for the line: half a file is no configuration. */
		if (!feof(reader->file))
			tell(reader, reader->number + 1, strerror(errno));
		return false;
	}
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
	if (reader->line[strspn(reader->line, blanks)] == '[') {
		begin_section(reader, reader->line);
		/* inih only has to know that the value before has ended. */
		strcpy(reader->line, "[]");
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

/* ---- settings ------------------------------------------------------------------------- */

static void set_setting(struct reader *reader, size_t row, const struct setting *setting,
			const char *value)
{
	const struct opened *section = reader->current;
	struct error error = { "" };
	unsigned before = reader->given[row];
	int r;

	/* That was in another section of the same kind, whose names differ. */
	if (before < section->line)
		before = 0;
	if (!before)
		reader->given[row] = reader->number;
	if (before && !setting->list) {
		error_set(&error, 0, "'%s' was given already, on line %u", setting->key, before);
		tell(reader, reader->number, error.text);
		return;
	}
	r = setting->parse(value, (char *)reader->item + setting->offset, &error);
	if (r < 0) {
		error_prefix(&error, r, "%s", setting->key);
		tell(reader, reader->number, error.text);
	}
}

static void tell_unknown_key(struct reader *reader, const char *key)
{
	char quoted[QUOTE_TEXT], known[KNOWN_TEXT];
	const char *section;
	struct error error;

	if (reader->current) {
		section = reader->current->section;
		error_set(&error, 0, "unknown key %s in [%s]; there are: %s",
			  text_quote(key, quoted), section,
			  list_known(reader, section, known, sizeof(known)));
	} else {
		error_set(&error, 0, "%s stands before the first [section]",
			  text_quote(key, quoted));
	}
	tell(reader, reader->number, error.text);
}

/* inih's handler: one key, or one more line of its value. */
static int handle_key(void *context, const char *inih_section, const char *key, const char *value)
{
	struct reader *reader = context;
	const struct opened *current = reader->current;
	size_t row = 0;

	if (reader->in_section && !current)
		return 1;
	for (size_t t = 0; current && t < reader->count; t++) {
		const struct setting_table *table = &reader->tables[t];

		for (size_t i = 0; i < table->count; i++, row++) {
			const struct setting *setting = &table->settings[i];

			if (table == current->table &&
			    strcmp(setting->section, current->section) == 0 &&
			    strcmp(setting->key, key) == 0) {
				set_setting(reader, row, setting, value);
				return 1;
			}
		}
	}
	tell_unknown_key(reader, key);
	return 1;
}

/* ---- what must agree ------------------------------------------------------------------ */

static void check_item(struct reader *reader, const struct setting_table *table,
		       const struct section *section, const void *item, const char *name)
{
	const struct opened *opened = find_opened(reader, section->name, name);
	struct error error = { "" };
	int r = section->check(table->target, item, &error);

	if (r == 0)
		return;
	error_prefix(&error, r, "[%s%s%s]", section->name, *name ? " " : "", name);
	tell(reader, opened ? opened->line : 0, error.text);
}

static void check_table(struct reader *reader, const struct setting_table *table)
{
	for (const struct section *section = table->sections; section && section->name; section++) {
		const void *item;
		const char *name;

		if (!section->check)
			continue;
		if (!section->make)
			check_item(reader, table, section, table->target, "");
		else
			for (size_t i = 0; (item = section->item(table->target, i, &name)); i++)
				check_item(reader, table, section, item, name);
	}
}

static int read_stream(struct reader *reader)
{
	int r = ini_parse_stream(read_piece, reader, handle_key, reader);

	if (r < 0)
		tell(reader, 0, "out of memory");
	else if (r > 0 && !reader->problems)
		tell(reader, 0, "inih cannot read it");
	free(reader->line);
	if (!reader->problems)
		for (size_t t = 0; t < reader->count; t++)
			check_table(reader, &reader->tables[t]);
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
