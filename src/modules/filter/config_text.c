/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "modules/filter/config_text.h"
#include "modules/filter/settings_value.h"

char *filter_config_text(const struct filter_config *config)
{
	const struct setting_table table = { .settings = filter_settings,
					     .count = FILTER_SETTINGS,
					     .target = (void *)config,
					     .sections = filter_sections };
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		return NULL;
	config_print(&table, 1, memory);
	if (fclose(memory) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* ---- the text as lines ---------------------------------------------------------------- */

struct line {
	const char *section; /* "filter", "guard web" */
	const char *key;
	const char *value; /* "" when it is not set */
};

struct lines {
	char *copy; /* what the lines point into */
	struct line *items;
	size_t count;
};

static void free_lines(struct lines *lines)
{
	free(lines->copy);
	free(lines->items);
}

/* "key = value", or "# key =" where nothing is set. */
static struct line split_line(const char *section, char *text)
{
	struct line line = { section, text, "" };
	char *equals;

	if (strncmp(text, "# ", 2) == 0)
		line.key = text += 2;
	equals = strstr(text, " =");
	if (!equals)
		return line;
	*equals = '\0';
	if (equals[2] == ' ')
		line.value = equals + 3;
	return line;
}

static size_t count_lines(const char *text)
{
	size_t count = 1;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static bool read_lines(const char *text, struct lines *lines)
{
	const char *section = "";
	char *next, *at;

	*lines = (struct lines){ .copy = strdup(text) };
	lines->items = calloc(count_lines(text), sizeof(*lines->items));
	if (!lines->copy || !lines->items)
		return false;
	next = lines->copy;
	while ((at = strsep(&next, "\n"))) {
		if (*at == '[') {
			at[strcspn(at, "]")] = '\0';
			section = at + 1;
		} else if (*at) {
			lines->items[lines->count++] = split_line(section, at);
		}
	}
	return true;
}

static bool has_section(const struct lines *lines, const char *section)
{
	for (size_t i = 0; i < lines->count; i++)
		if (strcmp(lines->items[i].section, section) == 0)
			return true;
	return false;
}

/* "" also when there is no such line. */
static const char *find_value(const struct lines *lines, const char *section, const char *key)
{
	for (size_t i = 0; i < lines->count; i++)
		if (strcmp(lines->items[i].section, section) == 0 &&
		    strcmp(lines->items[i].key, key) == 0)
			return lines->items[i].value;
	return "";
}

/* The row that made a line; NULL when that was another version's. */
static const struct setting *find_setting(const struct line *line)
{
	size_t length = strcspn(line->section, " ");

	for (size_t i = 0; i < FILTER_SETTINGS; i++)
		if (strlen(filter_settings[i].section) == length &&
		    strncmp(filter_settings[i].section, line->section, length) == 0 &&
		    strcmp(filter_settings[i].key, line->key) == 0)
			return &filter_settings[i];
	return NULL;
}

/* ---- lists ---------------------------------------------------------------------------- */

static const char blanks[] = ", \t";

/* The next word and its length, 0 at the end. */
static size_t next_word(const char **cursor, const char **ret_word)
{
	size_t length;

	*cursor += strspn(*cursor, blanks);
	length = strcspn(*cursor, blanks);
	*ret_word = *cursor;
	*cursor += length;
	return length;
}

static bool has_word(const char *list, const char *word, size_t length)
{
	const char *known;
	size_t known_length;

	while ((known_length = next_word(&list, &known)))
		if (known_length == length && memcmp(known, word, length) == 0)
			return true;
	return false;
}

/* Malloc'ed: the words of one list that the other has not. */
static char *words_without(const char *list, const char *other)
{
	char *text = malloc(2 * strlen(list) + 1), *end = text;
	const char *word;
	size_t length;

	if (!text)
		return NULL;
	while ((length = next_word(&list, &word))) {
		if (has_word(other, word, length))
			continue;
		end = stpcpy(end, end > text ? ", " : "");
		end = mempcpy(end, word, length);
	}
	*end = '\0';
	return text;
}

/* The same of ports, which a range may hold among others. */
static char *ports_without(const char *list, const char *other)
{
	CLEANUP_FREE struct port_set *sets = calloc(2, sizeof(*sets));
	char *text = NULL;
	size_t size;
	FILE *memory;

	if (!sets || value_parse_ports(list, &sets[0], NULL) < 0 ||
	    value_parse_ports(other, &sets[1], NULL) < 0)
		return NULL;
	for (size_t i = 0; i < sizeof(*sets) / sizeof(uint64_t); i++)
		((uint64_t *)sets[0].bits)[i] &= ~((uint64_t *)sets[1].bits)[i];
	memory = open_memstream(&text, &size);
	if (!memory)
		return NULL;
	value_print_ports(&sets[0], memory);
	fclose(memory);
	return text;
}

/* ---- telling -------------------------------------------------------------------------- */

struct comparison {
	struct lines now;
	struct lines then;
	const char *section; /* the one whose head was written last */
	int differences;
	FILE *out;
};

static void begin_difference(struct comparison *comparison, const char *section)
{
	if (!comparison->section || strcmp(comparison->section, section) != 0)
		fprintf(comparison->out, "[%s]\n", section);
	comparison->section = section;
	comparison->differences++;
}

static void tell_words(struct comparison *comparison, const struct line *line, char sign,
		       const char *words)
{
	if (!words || !*words)
		return;
	begin_difference(comparison, line->section);
	fprintf(comparison->out, "  %s: %c %s\n", line->key, sign, words);
}

/* The first list of those that hold an address is the one whose packets it counts as. */
static void tell_order(struct comparison *comparison, const struct line *line, const char *now)
{
	begin_difference(comparison, line->section);
	fprintf(comparison->out, "  %s: the order changes: %s -> %s\n", line->key, now,
		line->value);
}

static void compare_lists(struct comparison *comparison, const struct setting *setting,
			  const struct line *line, const char *now)
{
	bool ports = setting->print == value_print_ports;
	char *(*without)(const char *list, const char *other) =
		ports ? ports_without : words_without;
	CLEANUP_FREE char *added = without(line->value, now);
	CLEANUP_FREE char *removed = without(now, line->value);

	tell_words(comparison, line, '+', added);
	tell_words(comparison, line, '-', removed);
	if (added && removed && !*added && !*removed && setting->parse == value_parse_lists)
		tell_order(comparison, line, now);
}

static const char *or_unset(const char *value)
{
	return *value ? value : "unset";
}

static void compare_line(struct comparison *comparison, const struct line *line)
{
	const char *now = find_value(&comparison->now, line->section, line->key);
	const struct setting *setting = find_setting(line);

	if (strcmp(now, line->value) == 0)
		return;
	if (setting && setting->list) {
		compare_lists(comparison, setting, line, now);
		return;
	}
	begin_difference(comparison, line->section);
	fprintf(comparison->out, "  %s: %s -> %s\n", line->key, or_unset(now),
		or_unset(line->value));
}

/* A section that is not there now is told whole, without what it leaves unset. */
static void tell_new_line(struct comparison *comparison, const struct line *line)
{
	if (!comparison->section || strcmp(comparison->section, line->section) != 0) {
		fprintf(comparison->out, "[%s] is new\n", line->section);
		comparison->differences++;
	}
	comparison->section = line->section;
	if (*line->value)
		fprintf(comparison->out, "  %s = %s\n", line->key, line->value);
}

static void tell_removed(struct comparison *comparison)
{
	const char *last = "";

	for (size_t i = 0; i < comparison->now.count; i++) {
		const char *section = comparison->now.items[i].section;

		if (strcmp(section, last) != 0 && !has_section(&comparison->then, section)) {
			fprintf(comparison->out, "[%s] is removed\n", section);
			comparison->differences++;
		}
		last = section;
	}
}

int config_text_compare(const char *now, const char *then, FILE *out)
{
	__attribute__((cleanup(free_lines))) struct lines now_lines = { NULL };
	__attribute__((cleanup(free_lines))) struct lines then_lines = { NULL };
	struct comparison comparison = { .out = out };

	if (!read_lines(now, &now_lines) || !read_lines(then, &then_lines))
		return -ENOMEM;
	comparison.now = now_lines;
	comparison.then = then_lines;
	for (size_t i = 0; i < then_lines.count; i++) {
		const struct line *line = &then_lines.items[i];

		if (has_section(&now_lines, line->section))
			compare_line(&comparison, line);
		else
			tell_new_line(&comparison, line);
	}
	tell_removed(&comparison);
	return comparison.differences;
}

void config_text_print_set(const char *text, FILE *out)
{
	const char *end;

	for (; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		if (end > text && *text != '#')
			fprintf(out, "%s%.*s\n", *text == '[' ? "" : "  ", (int)(end - text), text);
	}
}

size_t config_text_value(const char *text, const char *section, const char *key,
			 const char **ret_value)
{
	size_t section_length = strlen(section), key_length = strlen(key);
	bool inside = false;
	const char *end;

	for (; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		if (*text == '[')
			inside = strncmp(text + 1, section, section_length) == 0 &&
				 text[1 + section_length] == ']';
		if (!inside || strncmp(text, key, key_length) != 0 ||
		    strncmp(text + key_length, " = ", 3) != 0)
			continue;
		*ret_value = text + key_length + 3;
		return (size_t)(end - *ret_value);
	}
	*ret_value = "";
	return 0;
}

bool config_text_has(const char *text, const char *section, const char *key, const char *word)
{
	__attribute__((cleanup(free_lines))) struct lines lines = { NULL };

	return read_lines(text, &lines) &&
	       has_word(find_value(&lines, section, key), word, strlen(word));
}
