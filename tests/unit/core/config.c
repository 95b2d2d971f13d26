// SPDX-License-Identifier: GPL-2.0-or-later
#include "../unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "core/config.h"

/* ---- a configuration of our own ------------------------------------------------- */

enum { WORDS = 512, PROBLEMS = 64 };

enum { PETS = 4 };

struct pet {
	char name[SECTION_NAME_SIZE];
	unsigned legs;
	char food[64];
};

struct sample {
	char words[WORDS][200];
	size_t count;
	unsigned number;
	char other[64];
	struct pet pets[PETS];
	size_t pet_count;
};

/* Words are all letters, digits and dots; anything else is wrong. */
static int parse_words(const char *value, void *field, struct error *error)
{
	struct sample *sample = field;
	CLEANUP_FREE char *copy = strdup(value);
	char *cursor = copy, *word, quoted[QUOTE_TEXT];

	while ((word = text_next_word(&cursor))) {
		if (strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789.") != strlen(word))
			return error_set(error, -EINVAL, "%s is no word", text_quote(word, quoted));
		assert_true(sample->count < WORDS);
		snprintf(sample->words[sample->count++], sizeof(sample->words[0]), "%s", word);
	}
	return 0;
}

static void print_words(const void *field, FILE *out)
{
	const struct sample *sample = field;

	for (size_t i = 0; i < sample->count; i++)
		fprintf(out, "%s%s", i ? ", " : "", sample->words[i]);
}

static int parse_number(const char *value, void *field, struct error *error)
{
	const char *cursor = value;
	uint64_t number;

	if (text_take_number(&cursor, 1000, &number) < 0 || *cursor)
		return error_set(error, -EINVAL, "'%s' is no number up to 1000", value);
	*(unsigned *)field = (unsigned)number;
	return 0;
}

static void print_number(const void *field, FILE *out)
{
	fprintf(out, "%u", *(const unsigned *)field);
}

static int parse_other(const char *value, void *field, struct error *error)
{
	snprintf(field, sizeof(((struct sample *)0)->other), "%s", value);
	return 0;
}

static void print_other(const void *field, FILE *out)
{
	fputs(field, out);
}

static const struct setting first_settings[] = {
	{ "one", "words", true, parse_words, print_words, 0, "words" },
	{ "one", "number", false, parse_number, print_number, offsetof(struct sample, number),
	  "n" },
};
static const struct setting second_settings[] = {
	{ "two", "other", false, parse_other, print_other, offsetof(struct sample, other), "o" },
	{ "pet", "legs", false, parse_number, print_number, offsetof(struct pet, legs), "legs" },
	{ "pet", "food", false, parse_other, print_other, offsetof(struct pet, food), "food" },
};

static int make_pet(void *target, const char *name, void **ret_item, struct error *error)
{
	struct sample *sample = target;
	struct pet *pet = &sample->pets[sample->pet_count];

	if (sample->pet_count == PETS)
		return error_set(error, -EINVAL, "more than %d pets", PETS);
	sample->pet_count++;
	pet->legs = 4;
	snprintf(pet->name, sizeof(pet->name), "%s", name);
	*ret_item = pet;
	return 0;
}

static const void *pet_at(const void *target, size_t index, const char **ret_name)
{
	const struct sample *sample = target;

	if (index >= sample->pet_count)
		return NULL;
	*ret_name = sample->pets[index].name;
	return &sample->pets[index];
}

static int check_pet(const void *target, const void *item, struct error *error)
{
	const struct sample *sample = target;
	const struct pet *pet = item;

	if (pet->legs <= 100)
		return 0;
	return error_set(error, -EINVAL, "pet %zu has too many legs", 1 + (pet - sample->pets));
}

static int check_two(const void *target, const void *item, struct error *error)
{
	assert_ptr_equal(target, item);
	if (strcmp(((const struct sample *)target)->other, "!") != 0)
		return 0;
	return error_set(error, -EINVAL, "that is no other");
}

static const struct section second_sections[] = {
	{ .name = "two", .check = check_two },
	{ .name = "pet", .make = make_pet, .item = pet_at, .check = check_pet },
	{ .name = NULL },
};

/* ---- reading ---------------------------------------------------------------------- */

struct outcome {
	struct sample sample;
	int result;
	size_t problems;
	unsigned lines[PROBLEMS];
	char texts[PROBLEMS][ERROR_TEXT];
};

static void note(void *context, const char *path, unsigned line, const char *text)
{
	struct outcome *outcome = context;

	assert_string_equal(path, "test.conf");
	assert_in_range(strlen(text), 1, ERROR_TEXT - 1);
	assert_true(outcome->problems < PROBLEMS);
	outcome->lines[outcome->problems] = line;
	snprintf(outcome->texts[outcome->problems++], ERROR_TEXT, "%s", text);
}

static const struct outcome *read_bytes(const void *bytes, size_t size)
{
	static struct outcome outcome;
	struct setting_table tables[] = {
		{ first_settings, ARRAY_SIZE(first_settings), &outcome.sample },
		{ second_settings, ARRAY_SIZE(second_settings), &outcome.sample, second_sections },
	};

	memset(&outcome, 0, sizeof(outcome));
	outcome.result = config_read_text(bytes, size, "test.conf", tables, ARRAY_SIZE(tables),
					  note, &outcome);
	assert_int_equal(outcome.result, outcome.problems ? -EINVAL : 0);
	return &outcome;
}

static const struct outcome *read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

/* The words as one string. */
static const char *words_of(const struct outcome *outcome)
{
	static char text[8192];
	FILE *memory = fmemopen(text, sizeof(text), "w");

	text[0] = '\0';
	print_words(&outcome->sample, memory);
	fclose(memory);
	return text;
}

/* ---- what is right ------------------------------------------------------------------ */

static void good_files(void **state)
{
	static const struct {
		const char *text, *words;
		unsigned number;
		const char *other;
	} rows[] = {
		{ "", "", 0, "" },
		{ "\n", "", 0, "" },
		{ "# nothing", "", 0, "" },
		{ "; nothing\n\n  # nothing either\n", "", 0, "" },
		{ "[one]\nnumber = 7\n", "", 7, "" },
		{ "[one]\nnumber=7", "", 7, "" },
		{ "[one]\nnumber: 7", "", 7, "" },
		{ "[one]\r\nnumber = 7\r\nwords = a\r\n b\r\n[two]\r\nother = x y\r\n", "a, b", 7,
		  "x y" },
		{ "[one]\nnumber = 7 ; seven\n", "", 7, "" },
		{ "[one] # a remark\nnumber = 7\n", "", 7, "" },
		{ "[one] ; a remark\nnumber = 7\n", "", 7, "" },
		{ "[two]\nother=b\n[one]\nnumber=1\n[two]\n[one]\nwords=a\n", "a", 1, "b" },
		{ "[one]\nwords = a, b c,d\n", "a, b, c, d", 0, "" },
		{ "[one]\nwords = a\nwords = b\nnumber = 3\nwords = c\n", "a, b, c", 3, "" },
		{ "[one]\nwords =\n  a\n\tb, c\n\n  d\nnumber = 3", "a, b, c, d", 3, "" },
		{ "[one]\nwords = a\n  # remark\n  b ; remark\n# remark\n  c\n", "a, b, c", 0, "" },
		{ "[one]\nwords =\n", "", 0, "" },
		{ "  [one]\n  number = 7\n", "", 7, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct outcome *outcome = read_text(rows[i].text);

		if (outcome->problems)
			fail_msg("'%s': %s", rows[i].text, outcome->texts[0]);
		assert_string_equal(words_of(outcome), rows[i].words);
		assert_row(outcome->sample.number == rows[i].number, rows[i].text);
		assert_string_equal(outcome->sample.other, rows[i].other);
	}
}

/* ---- what is wrong -------------------------------------------------------------------- */

static void bad_files_are_told_with_their_line(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *part;
	} rows[] = {
		{ "[three]\nx = 1\n", 1, "unknown section 'three'; there are: one, two, pet NAME" },
		{ "[three]", 1, "unknown section 'three'" },
		{ "[]\n", 1, "unknown section ''" },
		{ "[ one]\n[two ]\n[\tthree\t]\n", 3, "unknown section 'three'" },
		{ "[one two]\n", 1, "[one] takes no name" },
		{ "[one]\n\n# x\nnumbr = 1\n", 4,
		  "unknown key 'numbr' in [one]; there are: words, number" },
		{ "[One]\nnumber = 1\n", 1, "unknown section 'One'" },
		{ "[one]\nNumber = 1\n", 2, "unknown key 'Number'" },
		{ "[two]\nnumber = 1\n", 2, "unknown key 'number' in [two]; there are: other" },
		{ "number = 1\n", 1, "'number' stands before the first [section]" },
		{ "[one]\nnumber = many\n", 2, "number: 'many' is no number up to 1000" },
		{ "[one]\nnumber =\n", 2, "number: '' is no number" },
		{ "[one]\nnumber = 1001\n", 2, "number: " },
		{ "[one]\nwords = a,\n b\n c !d\n", 4, "words: '!d' is no word" },
		{ "[one]\nnumber = 1\n\nnumber = 1\n", 4, "'number' was given already, on line 2" },
		{ "[one]\nnumber = 1\n  2\n", 3, "'number' was given already, on line 2" },
		{ "[one]\nnumber = 1\n[two]\nother = 1\n[one]\nnumber = 2\n", 6,
		  "'number' was given already, on line 2" },
		{ "[one]\nnumber\n", 2, "neither '[section]' nor 'key = value'" },
		{ "hello\n", 1, "neither '[section]' nor 'key = value'" },
		{ "[one\nnumber = 1\n", 1, "neither '[section]'" },
		{ "[one]\nwords = a,#b\n", 2, "words: '#b' is no word" },
		{ "[one]\nwords = a\n[two]\n  b\n", 4, "neither '[section]'" },
		{ "[one] number = 7\n", 1, "neither '[section]'" },
		{ "[one]\rnumber = 7\r", 1, "neither '[section]'" },
		{ "[one]\nnumber = 7\rwords = a", 2, "number: " },
		{ "[one]\n\x1b[31mx = 1\n", 2, "unknown key '\\x1b[31mx'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct outcome *outcome = read_text(rows[i].text);

		assert_row(outcome->problems >= 1, rows[i].text);
		if (outcome->lines[0] != rows[i].line || !strstr(outcome->texts[0], rows[i].part))
			fail_msg("'%s' line %u: %s", rows[i].text, outcome->lines[0],
				 outcome->texts[0]);
	}
}

static void every_problem_is_told(void **state)
{
	const struct outcome *outcome =
		read_text("x = 1\n[one]\nnumber = x\nnonsense\nwords = a !\n"
			  "[what]\nkey = 1\n");

	assert_int_equal(outcome->problems, 5);
	assert_int_equal(outcome->lines[0], 1);
	assert_int_equal(outcome->lines[1], 3);
	assert_int_equal(outcome->lines[2], 4);
	assert_int_equal(outcome->lines[3], 5);
	assert_int_equal(outcome->lines[4], 6);
}

/* ---- named sections ------------------------------------------------------------------- */

static void named_sections_fill_items(void **state)
{
	const struct outcome *outcome =
		read_text("[pet cat]\nfood = fish\n[one]\nnumber = 7\n[ pet\t a-B_3 ] # it\n"
			  "legs = 2\n[one]\nwords = a\n[pet snake]\nlegs = 0\nfood = mice\n"
			  "[pet a23456789012345]");
	const struct pet *pets = outcome->sample.pets;

	if (outcome->problems)
		fail_msg("%u: %s", outcome->lines[0], outcome->texts[0]);
	assert_int_equal(outcome->sample.number, 7);
	assert_string_equal(words_of(outcome), "a");
	assert_int_equal(outcome->sample.pet_count, 4);
	assert_string_equal(pets[0].name, "cat");
	assert_int_equal(pets[0].legs, 4);
	assert_string_equal(pets[0].food, "fish");
	assert_string_equal(pets[1].name, "a-B_3");
	assert_int_equal(pets[1].legs, 2);
	assert_string_equal(pets[1].food, "");
	assert_string_equal(pets[2].name, "snake");
	assert_int_equal(pets[2].legs, 0);
	assert_string_equal(pets[2].food, "mice");
	assert_string_equal(pets[3].name, "a23456789012345");
}

static void wrong_named_sections_are_told_once(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *part;
	} rows[] = {
		{ "[pet]\nlegs = x\n", 1, "a name is wanted, as in [pet NAME]" },
		{ "\n[pet ]\nlegs = x\n", 2, "a name is wanted" },
		{ "[pet a.b]\nlegs = x\n", 1,
		  "[pet NAME]: the name 'a.b' has other characters than letters" },
		{ "[pet a b]\nlegs = x\n", 1, "the name 'a b' has other" },
		{ "[pet \x1b[2J]", 1, "the name '\\x1b[2J' has other" },
		{ "[pet \xc3\xa4]", 1, "has other characters" },
		{ "[pet a234567890123456]\nnonsense = x\n", 1,
		  "the name 'a234567890123456' is longer than 15 characters" },
		{ "[pet cat]\nlegs = 1\n\n[pet dog]\n[pet cat]\nlegs = x\n", 5,
		  "[pet cat] was given already, on line 1" },
		{ "[pet 1]\n[pet 2]\n[pet 3]\n[pet 4]\n[pet 5]\nlegs = x\n", 5,
		  "[pet 5]: more than 4 pets" },
		{ "[petcat]\nlegs = 1\n", 1, "unknown section 'petcat'" },
		{ "[pet cat]\nnumber = 1\n", 2,
		  "unknown key 'number' in [pet]; there are: legs, food" },
		{ "[pet cat]\nlegs = 1\n[pet dog]\nlegs = 1\nlegs = 1\n", 5,
		  "'legs' was given already, on line 4" },
		{ "[pet cat]\nlegs = 1\n[pet dog]\nlegs = x\n", 4, "legs: 'x' is no number" },
		{ "[one]\nnumber = 1\n[pet cat]\n[one]\nnumber = 2\n", 5,
		  "'number' was given already, on line 2" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct outcome *outcome = read_text(rows[i].text);

		assert_row(outcome->problems == 1, rows[i].text);
		if (outcome->lines[0] != rows[i].line || !strstr(outcome->texts[0], rows[i].part))
			fail_msg("'%s' line %u: %s", rows[i].text, outcome->lines[0],
				 outcome->texts[0]);
	}
}

static void what_must_agree_is_told_at_its_section(void **state)
{
	const struct outcome *outcome =
		read_text("\n[pet cat]\nlegs = 101\n[two]\nother = x\n[pet dog]\n[pet fly]\n"
			  "legs = 102\n[two]\nother = !\n");

	/* The second of [two] is the same key again. */
	assert_int_equal(outcome->problems, 1);

	outcome = read_text("\n[pet cat]\nlegs = 101\n[two]\n[pet dog]\n[pet fly]\n"
			    "legs = 102\n[two]\nother = !\n");
	assert_int_equal(outcome->problems, 3);
	assert_int_equal(outcome->lines[0], 4);
	assert_string_equal(outcome->texts[0], "[two]: that is no other");
	assert_int_equal(outcome->lines[1], 2);
	assert_string_equal(outcome->texts[1], "[pet cat]: pet 1 has too many legs");
	assert_int_equal(outcome->lines[2], 6);
	assert_string_equal(outcome->texts[2], "[pet fly]: pet 3 has too many legs");

	/* Nobody is asked about what was not read whole. */
	outcome = read_text("[pet cat]\nlegs = 101\n[one]\nnumber = x\n");
	assert_int_equal(outcome->problems, 1);
	assert_int_equal(outcome->lines[0], 4);
}

static void nul_bytes_are_refused(void **state)
{
	static const char middle[] = "[one]\nnumber = 1\0garbage\n[two]\nother = 1\n";
	static const char alone[] = "\0";
	const struct outcome *outcome = read_bytes(middle, sizeof(middle) - 1);

	assert_int_equal(outcome->problems, 1);
	assert_int_equal(outcome->lines[0], 2);
	assert_non_null(strstr(outcome->texts[0], "NUL byte"));
	assert_string_equal(outcome->sample.other, "1");

	outcome = read_bytes(alone, 1);
	assert_int_equal(outcome->problems, 1);
	assert_int_equal(outcome->lines[0], 1);
}

/* An indented key would become part of the list above it. */
static void an_indented_key_is_no_value(void **state)
{
	const struct outcome *outcome = read_text("[one]\n  words = a\n  number = 7\n");

	assert_int_equal(outcome->problems, 1);
	assert_int_equal(outcome->lines[0], 3);
	assert_non_null(strstr(outcome->texts[0], "an indented line goes on"));
	outcome = read_text("[one]\n  words = a\n  [two]\n  other = 7\n");
	assert_int_equal(outcome->problems, 2);
	assert_int_equal(outcome->lines[0], 3);
}

/* ---- long lines ------------------------------------------------------------------------- */

/* "<head><count words><tail>", each word numbered, so that none can be lost unseen. */
static void fill_words(char *text, size_t size, const char *head, unsigned count,
		       const char *separator, const char *tail)
{
	size_t used = (size_t)snprintf(text, size, "%s", head);

	for (unsigned i = 0; i < count; i++)
		used += (size_t)snprintf(text + used, size - used, "%sw%u", i ? separator : "", i);
	snprintf(text + used, size - used, "%s", tail);
}

static void long_lists_are_read_whole(void **state)
{
	static const char *const separators[] = { ",", " ", ", ", "\t", " , ", ",,", "    " };
	char text[8192];

	for (size_t s = 0; s < ARRAY_SIZE(separators); s++) {
		for (unsigned count = 1; count < 300; count++) {
			const struct outcome *outcome;

			fill_words(text, sizeof(text), "[one]\nwords = ", count, separators[s],
				   "\nnumber = x\n");
			outcome = read_text(text);
			assert_int_equal(outcome->problems, 1); /* that of the line after it */
			assert_int_equal(outcome->lines[0], 3);
			assert_int_equal(outcome->sample.count, count);
			for (unsigned i = 0; i < count; i++) {
				char word[16];

				snprintf(word, sizeof(word), "w%u", i);
				assert_string_equal(outcome->sample.words[i], word);
			}
		}
	}
}

static void lines_behind_long_ones_have_their_number(void **state)
{
	const struct outcome *outcome;
	char text[8192];

	fill_words(text, sizeof(text), "[one]\nwords = ", 200, ", ", " !\n\nnumber = x\n");
	outcome = read_text(text);
	assert_int_equal(outcome->problems, 2);
	assert_int_equal(outcome->lines[0], 2);
	assert_int_equal(outcome->lines[1], 4);

	/* Each word begins as a comment does, and is wrong also where a piece begins. */
	fill_words(text, sizeof(text), "[one]\nwords = ", 200, ",#", "\n");
	outcome = read_text(text);
	assert_in_range(outcome->problems, 5, 20);
	assert_int_equal(outcome->sample.count, 1);
}

/* What is commented out must stay so, however long it is. */
static void long_comments_are_no_values(void **state)
{
	static const char *const heads[] = {
		"[one]\nwords = a\n# words = ",
		"[one]\nwords = a\n  ; ",
		"[one]\nwords = a ; ",
		"[one]\nwords =\n  a ; ",
		"[one] ; ",
		"# ",
		"[one]\nwords = a\n#",
	};
	char text[8192];

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		for (unsigned count = 30; count < 130; count++) {
			const struct outcome *outcome;

			fill_words(text, sizeof(text), heads[i], count, " ",
				   "\n[one]\nnumber = 7\n");
			outcome = read_text(text);
			if (outcome->problems)
				fail_msg("'%s': %u: %s", text, outcome->lines[0],
					 outcome->texts[0]);
			assert_string_equal(words_of(outcome), strchr(heads[i], 'a') ? "a" : "");
			assert_int_equal(outcome->sample.number, 7);
		}
	}
}

static void a_word_longer_than_a_line_is_refused(void **state)
{
	const struct outcome *outcome;
	char text[1024];

	snprintf(text, sizeof(text), "[one]\nwords = a %0400d b\nnumber = 7\n", 0);
	outcome = read_text(text);
	assert_int_equal(outcome->problems, 1);
	assert_int_equal(outcome->lines[0], 2);
	assert_non_null(strstr(outcome->texts[0], "a word of more than"));
	assert_int_equal(outcome->sample.number, 7);
}

/* ---- files ------------------------------------------------------------------------------- */

static int read_file(const char *path, struct outcome *outcome)
{
	struct setting_table table = { first_settings, 2, &outcome->sample };

	return config_read(path, &table, 1, note, outcome);
}

static void note_any(void *context, const char *path, unsigned line, const char *text)
{
	assert_int_equal(line, 0);
	snprintf(context, ERROR_TEXT, "%s: %s", path, text);
}

static void unreadable_files_have_their_errno(void **state)
{
	char said[ERROR_TEXT] = "";
	struct sample sample = {};
	struct setting_table table = { first_settings, 2, &sample };

	assert_int_equal(config_read("/nowhere/at.all", &table, 1, note_any, said), -ENOENT);
	assert_string_equal(said, "/nowhere/at.all: No such file or directory");
	assert_int_equal(config_read("/tmp", &table, 1, note_any, said), -EISDIR);
	assert_string_equal(said, "/tmp: Is a directory");
	assert_ok(config_read("/dev/null", &table, 1, note_any, said));
}

static void a_file_is_read_as_its_text_is(void **state)
{
	char directory[] = "/tmp/unit-config.XXXXXX";
	static struct outcome outcome;
	FILE *file;

	assert_non_null(mkdtemp(directory));
	assert_ok(chdir(directory));
	file = fopen("test.conf", "w");
	fputs("[one]\nnumber = 7\nwords = a, b", file);
	fclose(file);
	assert_ok(read_file("test.conf", &outcome));
	assert_int_equal(outcome.sample.number, 7);
	assert_string_equal(words_of(&outcome), "a, b");
	unlink("test.conf");
	assert_ok(chdir("/"));
	rmdir(directory);
}

/* `sumun check <(make-config)`: what cannot be rewound must not lose its first byte. */
static void a_pipe_is_read_from_its_beginning(void **state)
{
	static const char text[] = "[one]\nnumber = 7\n";
	static struct outcome outcome;
	struct setting_table table = { first_settings, 2, &outcome.sample };
	char path[64], said[ERROR_TEXT] = "";
	int ends[2];

	assert_ok(pipe(ends));
	assert_int_equal(write(ends[1], text, sizeof(text) - 1), sizeof(text) - 1);
	close(ends[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	assert_ok(config_read(path, &table, 1, note_any, said));
	assert_int_equal(outcome.sample.number, 7);
	close(ends[0]);
}

/* ---- printing ----------------------------------------------------------------------------- */

static char *print(const struct sample *sample)
{
	struct setting_table tables[] = {
		{ first_settings, 2, (void *)sample },
		{ second_settings, ARRAY_SIZE(second_settings), (void *)sample, second_sections },
	};
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	config_print(tables, ARRAY_SIZE(tables), memory);
	fclose(memory);
	return text;
}

static void named_sections_are_printed_in_their_order(void **state)
{
	static const char text[] = "[one]\n# words =\nnumber = 0\n\n[two]\nother = x\n\n"
				   "[pet dog]\nlegs = 4\nfood = all\n\n"
				   "[pet cat]\nlegs = 3\n# food =\n";
	CLEANUP_FREE char *again = NULL;
	const struct outcome *outcome = read_text("[pet dog]\nfood = all\n[pet cat]\nlegs = 3\n"
						  "[two]\nother = x\n");

	assert_int_equal(outcome->problems, 0);
	again = print(&outcome->sample);
	assert_string_equal(again, text);
	outcome = read_text(text);
	assert_int_equal(outcome->problems, 0);
	free(again);
	again = print(&outcome->sample);
	assert_string_equal(again, text);
}

static void what_is_printed_reads_back(void **state)
{
	CLEANUP_FREE char *empty = print(&(struct sample){});
	struct sample sample = { .number = 12, .other = "x = y" };
	const struct outcome *outcome;

	assert_string_equal(empty, "[one]\n# words =\nnumber = 0\n\n[two]\n# other =\n");
	assert_int_equal(read_text(empty)->problems, 0);

	for (unsigned count = 0; count < 300; count++) {
		CLEANUP_FREE char *text = NULL, *again = NULL;

		sample.count = count;
		if (count)
			snprintf(sample.words[count - 1], sizeof(sample.words[0]), "word%u", count);
		text = print(&sample);
		outcome = read_text(text);
		assert_int_equal(outcome->problems, 0);
		again = print(&outcome->sample);
		assert_string_equal(text, again);
		assert_int_equal(outcome->sample.count, count);
		assert_int_equal(outcome->sample.number, 12);
		assert_string_equal(outcome->sample.other, "x = y");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_files),
		cmocka_unit_test(bad_files_are_told_with_their_line),
		cmocka_unit_test(every_problem_is_told),
		cmocka_unit_test(named_sections_fill_items),
		cmocka_unit_test(wrong_named_sections_are_told_once),
		cmocka_unit_test(what_must_agree_is_told_at_its_section),
		cmocka_unit_test(nul_bytes_are_refused),
		cmocka_unit_test(an_indented_key_is_no_value),
		cmocka_unit_test(long_lists_are_read_whole),
		cmocka_unit_test(lines_behind_long_ones_have_their_number),
		cmocka_unit_test(long_comments_are_no_values),
		cmocka_unit_test(a_word_longer_than_a_line_is_refused),
		cmocka_unit_test(unreadable_files_have_their_errno),
		cmocka_unit_test(a_file_is_read_as_its_text_is),
		cmocka_unit_test(a_pipe_is_read_from_its_beginning),
		cmocka_unit_test(named_sections_are_printed_in_their_order),
		cmocka_unit_test(what_is_printed_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
