// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"

const char *number_format(uint64_t value, char buffer[NUMBER_TEXT])
{
	char digits[NUMBER_TEXT];
	int count = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
	char *out = buffer;

	for (int i = 0; i < count; i++) {
		if (i > 0 && (count - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
	return buffer;
}

/* Decimals that leave three significant digits, seen after rounding: 9.996 is 10.0, not 10.00. */
static int decimals_of_three_digits(double value)
{
	if (value < 9.995)
		return 2;
	return value < 99.95 ? 1 : 0;
}

const char *rate_format(double per_second, char buffer[NUMBER_TEXT])
{
	static const char units[] = "kMGTPE";
	size_t unit = 0;

	if (!(per_second > 0)) {
		snprintf(buffer, NUMBER_TEXT, "0");
	} else if (per_second < 0.05) {
		snprintf(buffer, NUMBER_TEXT, "<0.1");
	} else if (per_second < 99.95) {
		snprintf(buffer, NUMBER_TEXT, "%.1f", per_second);
	} else if (per_second < 99999.5) {
		number_format((uint64_t)(per_second + 0.5), buffer);
	} else {
		for (per_second /= 1000; per_second >= 999.5 && units[unit + 1]; unit++)
			per_second /= 1000;
		snprintf(buffer, NUMBER_TEXT, "%.*f %c", decimals_of_three_digits(per_second),
			 per_second, units[unit]);
	}
	return buffer;
}

const char *bytes_format(double bytes, char buffer[NUMBER_TEXT])
{
	static const char units[] = "KMGTPE";
	size_t unit = 0;

	if (!(bytes > 0)) {
		snprintf(buffer, NUMBER_TEXT, "0 B");
	} else if (bytes < 1023.5) {
		snprintf(buffer, NUMBER_TEXT, "%.0f B", bytes);
	} else {
		for (bytes /= 1024; bytes >= 1023.95 && units[unit + 1]; unit++)
			bytes /= 1024;
		snprintf(buffer, NUMBER_TEXT, "%.1f %ciB", bytes, units[unit]);
	}
	return buffer;
}

/*
 * Length of the character at `s` (RFC 3629, table in section 4), or 0 when it is not
 * UTF-8: a stray or missing continuation, an overlong form, a surrogate, or more than
 * U+10FFFF. Never looks behind a terminating NUL, because that is no continuation.
 */
static size_t utf8_decode(const uint8_t *s, uint32_t *ret_code)
{
	static const uint32_t smallest[] = { [2] = 0x80, [3] = 0x800, [4] = 0x10000 };
	size_t length = s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf8 ? 4 : 0;
	uint32_t code = s[0] & 0x7f >> length;

	if (s[0] < 0x80) {
		*ret_code = s[0];
		return 1;
	}
	if (length == 0)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < smallest[length] || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
		return 0;
	*ret_code = code;
	return length;
}

/* Well-formed, but it moves the cursor, ends the line, or turns the order of what follows. */
static bool is_hidden(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x61c || code == 0x200e ||
	       code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

enum { ESCAPED_CHARACTER = 8 }; /* "\u202e" and its NUL, and to spare */

/* One character at `text`, made visible in `out`; returns how many bytes of `text` it was. */
static size_t escape_character(const char *text, char out[ESCAPED_CHARACTER])
{
	const uint8_t *bytes = (const uint8_t *)text;
	uint32_t code;
	size_t length = utf8_decode(bytes, &code);

	if (length == 0 || (length == 1 && is_hidden(code))) {
		snprintf(out, ESCAPED_CHARACTER, "\\x%02x", bytes[0]);
		return 1;
	}
	if (is_hidden(code))
		snprintf(out, ESCAPED_CHARACTER, "\\u%04x", code & 0xffff);
	else if (code == '\\')
		strcpy(out, "\\\\");
	else
		snprintf(out, ESCAPED_CHARACTER, "%.*s", (int)length, text);
	return length;
}

/* Almost all are, and they come by the hundred. */
static bool is_plain(char character)
{
	return character >= 0x20 && character < 0x7f && character != '\\';
}

/* Returns the first character that no longer fitted; "" when all did. `size` must not be 0. */
static const char *escape_into(const char *text, char *buffer, size_t size)
{
	size_t used = 0;

	while (*text) {
		char out[ESCAPED_CHARACTER];
		size_t read, length;

		if (is_plain(*text) && size - used > 1) {
			buffer[used++] = *text++;
			continue;
		}
		read = escape_character(text, out);
		length = strlen(out);
		if (length >= size - used)
			break;
		memcpy(buffer + used, out, length);
		used += length;
		text += read;
	}
	buffer[used] = '\0';
	return text;
}

const char *text_escape(const char *text, char *buffer, size_t size)
{
	if (size > 0)
		escape_into(text, buffer, size);
	return buffer;
}

const char *text_quote(const char *text, char buffer[QUOTE_TEXT])
{
	static const char end[] = "'", cut_end[] = "...'";
	char *inside = buffer + 1;
	size_t space = QUOTE_TEXT - 1;

	buffer[0] = '\'';
	if (*escape_into(text, inside, space - strlen(end))) {
		escape_into(text, inside, space - strlen(cut_end));
		strcat(inside, cut_end);
	} else {
		strcat(inside, end);
	}
	return buffer;
}

size_t text_distance(const char *a, const char *b)
{
	enum { WORD_MAX = 31 };
	size_t row[WORD_MAX + 1], length = strlen(b);

	if (strlen(a) > WORD_MAX || length > WORD_MAX)
		return strlen(a) > length ? strlen(a) : length;
	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < length; j++) {
			size_t least = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			if (least > row[j] + 1)
				least = row[j] + 1;
			if (least > diagonal + 1)
				least = diagonal + 1;
			row[j + 1] = least;
		}
	}
	return row[length];
}

char *text_next_word(char **cursor)
{
	static const char separators[] = ", \t\n\v\f\r";
	char *word = *cursor + strspn(*cursor, separators);
	char *end = word + strcspn(word, separators);

	*cursor = *end ? end + 1 : end;
	*end = '\0';
	return *word ? word : NULL;
}

int text_take_number(const char **cursor, uint64_t max, uint64_t *ret_value)
{
	const char *digit = *cursor;
	uint64_t value = 0;

	if (!isdigit((unsigned char)*digit) || (*digit == '0' && isdigit((unsigned char)digit[1])))
		return -EINVAL;
	for (; isdigit((unsigned char)*digit); digit++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *digit - '0', &value) || value > max)
			return -ERANGE;
	}
	*cursor = digit;
	*ret_value = value;
	return 0;
}

void text_wrap(const char *text, int column, int indent, FILE *out)
{
	const int width = 80;
	bool first = true; /* of its line */

	while (*text) {
		int length = (int)strcspn(text, " ");

		if (!first && column + 1 + length > width) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
			first = true;
		}
		column += fprintf(out, "%s%.*s", first ? "" : " ", length, text);
		first = false;
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}
