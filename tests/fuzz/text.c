// SPDX-License-Identifier: GPL-2.0-or-later
#include "fuzz.h"

#include <locale.h>
#include <wchar.h>

#include "base/text.h"

/* The other way round, written from the header's description and not from the source. */
static void unescape(const char *text, char *out)
{
	unsigned int code;
	int length;

	while (*text) {
		if (*text != '\\') {
			*out++ = *text++;
		} else if (text[1] == '\\') {
			*out++ = '\\';
			text += 2;
		} else if (sscanf(text, "\\x%2x%n", &code, &length) == 1) {
			*out++ = code;
			text += length;
		} else {
			require(sscanf(text, "\\u%4x%n", &code, &length) == 1);
			text += length;
			if (code >= 0x800)
				*out++ = 0xe0 | code >> 12;
			*out++ = code >= 0x800 ? 0x80 | (code >> 6 & 0x3f) : 0xc0 | code >> 6;
			*out++ = 0x80 | (code & 0x3f);
		}
	}
	*out = '\0';
}

/* By the C library's decoder: valid UTF-8, and no character which is there to control. */
static void require_visible(const char *text)
{
	static bool ready;
	size_t length = strlen(text);
	mbstate_t state = {};

	if (!ready)
		ready = setlocale(LC_CTYPE, "C.UTF-8");
	require(ready);
	while (length > 0) {
		wchar_t code;
		size_t read = mbrtowc(&code, text, length, &state);

		require(read > 0 && read <= length);
		require(code >= 0x20 && (code < 0x7f || code > 0x9f));
		require(code != 0x61c && code != 0x200e && code != 0x200f);
		require(code < 0x2028 || code > 0x202e);
		require(code < 0x2066 || code > 0x2069);
		text += read;
		length -= read;
	}
}

static void fuzz_escape(const char *text)
{
	size_t room = 4 * strlen(text) + 1, whole;
	CLEANUP_FREE char *escaped = malloc(room), *again = malloc(room);

	text_escape(text, escaped, room);
	require_visible(escaped);
	unescape(escaped, again);
	require(strcmp(again, text) == 0);
	whole = strlen(escaped);
	for (size_t size = 1; size < 24; size++) {
		CLEANUP_FREE char *cut = malloc(size);
		size_t length = strlen(text_escape(text, cut, size));

		require(memcmp(cut, escaped, length) == 0);
		require(length == whole || size - length <= 6);
		require_visible(cut);
	}
}

static void fuzz_quote(const char *text)
{
	char buffer[QUOTE_TEXT];
	size_t length = strlen(text_quote(text, buffer));

	require(length >= 2 && length < QUOTE_TEXT);
	require(buffer[0] == '\'' && buffer[length - 1] == '\'');
	require_visible(buffer);
}

static void fuzz_words(const char *text)
{
	CLEANUP_FREE char *words = strdup(text);
	char *cursor = words, *word, *end = words;
	size_t letters = 0, kept = 0;

	for (const char *p = text; *p; p++)
		letters += !strchr(", \t\n\v\f\r", *p);
	while ((word = text_next_word(&cursor))) {
		require(*word && word >= end && !strpbrk(word, ", \t\n\v\f\r"));
		kept += strlen(word);
		end = word + strlen(word);
	}
	require(kept == letters);
}

static void fuzz_table(const char *text)
{
	CLEANUP_TABLE struct table *table = table_new(1 + strlen(text) % 5);
	CLEANUP_FREE char *words = strdup(text), *printed = NULL;
	char *cursor = words, *word;
	size_t length;
	FILE *out = open_memstream(&printed, &length);

	while ((word = text_next_word(&cursor)))
		table_cell(table, "%s", word);
	require(table_print(table, out, *text % 3 + 2) == 0);
	fclose(out);
	require(!strstr(printed, " \n"));
	/* The same words in the same order. */
	cursor = printed;
	free(TAKE_PTR(words));
	words = strdup(text);
	for (char *left = words; (word = text_next_word(&left));) {
		char *shown = text_next_word(&cursor);

		require(shown && strcmp(shown, word) == 0);
	}
	require(!text_next_word(&cursor));
}

static void fuzz_text(const char *text)
{
	fuzz_escape(text);
	fuzz_quote(text);
	fuzz_words(text);
	fuzz_table(text);
}
