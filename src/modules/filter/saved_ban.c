/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/timestamp.h"
#include "modules/filter/ban_info.h"
#include "modules/filter/saved_ban.h"
#include "modules/filter/tables.h"

enum field {
	FIELD_PREFIX,
	FIELD_UNTIL,
	FIELD_SINCE,
	FIELD_ORIGIN,
	FIELD_OFFENCES,
	FIELD_FORCE,
	FIELD_WHY,
	FIELDS
};

/* ---- why ------------------------------------------------------------------------ */

/* Bytes that would end the field or the line, or read as an escape, become \xNN. */
static void encode(const char *why, char *buffer)
{
	for (; *why; why++) {
		uint8_t byte = (uint8_t)*why;

		if (byte < 0x20 || byte == 0x7f || byte == '\\')
			buffer += sprintf(buffer, "\\x%02x", byte);
		else
			*buffer++ = *why;
	}
	*buffer = '\0';
}

static int digit_of(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10
					    : -1;
}

/* In place. False when there is a backslash that begins no escape, or a NUL. */
static bool decode(char *text)
{
	char *out = text;

	for (; *text; text++) {
		int high, low;

		if (*text != '\\') {
			*out++ = *text;
			continue;
		}
		high = text[1] == 'x' ? digit_of(text[2]) : -1;
		low = high >= 0 ? digit_of(text[3]) : -1;
		if (low < 0 || high + low == 0)
			return false;
		*out++ = (char)(high << 4 | low);
		text += 3;
	}
	*out = '\0';
	return true;
}

/* ---- a line ----------------------------------------------------------------------- */

const char *saved_ban_format(const struct saved_ban *ban, char buffer[BANS_FILE_LINE])
{
	char prefix[PREFIX_TEXT], until[TIMESTAMP_TEXT] = "-", since[TIMESTAMP_TEXT];
	char why[4 * BAN_WHY_SIZE];

	if (ban->until != SAVED_BAN_NO_END)
		timestamp_rfc3339(ban->until, until);
	encode(ban->why, why);
	snprintf(buffer, BANS_FILE_LINE, "%s\t%s\t%s\t%s\t%u\t%s\t%s",
		 prefix_format(&ban->prefix, prefix), until, timestamp_rfc3339(ban->since, since),
		 ban_origin_name(ban->origin), ban->offences, ban->forced ? "forced" : "-", why);
	return buffer;
}

/* Bans of the configuration are not kept here. */
static int parse_origin(const char *text, uint32_t *ret_origin, struct error *error)
{
	char quoted[QUOTE_TEXT];

	for (uint32_t origin = 0; origin < ORIGIN_COUNT; origin++) {
		if (origin == ORIGIN_CONFIG || strcmp(text, ban_origin_name(origin)) != 0)
			continue;
		*ret_origin = origin;
		return 0;
	}
	return error_set(error, -EINVAL, "nobody who bans is called %s", text_quote(text, quoted));
}

static int parse_times(char *fields[FIELDS], struct saved_ban *ban, struct error *error)
{
	int r = timestamp_parse(fields[FIELD_SINCE], &ban->since, error);

	ban->until = SAVED_BAN_NO_END;
	if (r == 0 && strcmp(fields[FIELD_UNTIL], "-") != 0)
		r = timestamp_parse(fields[FIELD_UNTIL], &ban->until, error);
	if (r == 0 && ban->until < ban->since)
		return error_set(error, -EINVAL, "the ban ends before it began");
	return r;
}

static int parse_offences(const char *text, uint32_t *ret_offences, struct error *error)
{
	const char *cursor = text;
	char quoted[QUOTE_TEXT];
	uint64_t offences;

	if (text_take_number(&cursor, UINT32_MAX, &offences) < 0 || *cursor)
		return error_set(error, -EINVAL, "%s is no number of offences",
				 text_quote(text, quoted));
	*ret_offences = (uint32_t)offences;
	return 0;
}

static int parse_rest(char *fields[FIELDS], struct saved_ban *ban, struct error *error)
{
	char quoted[QUOTE_TEXT];

	ban->forced = strcmp(fields[FIELD_FORCE], "forced") == 0;
	if (!ban->forced && strcmp(fields[FIELD_FORCE], "-") != 0)
		return error_set(error, -EINVAL, "%s stands where 'forced' or '-' belongs",
				 text_quote(fields[FIELD_FORCE], quoted));
	if (!decode(fields[FIELD_WHY]))
		return error_set(error, -EINVAL,
				 "a backslash that is not followed by x and two "
				 "hexadecimal digits");
	ban_why_copy(ban->why, fields[FIELD_WHY]);
	return 0;
}

int saved_ban_parse(const char *line, struct saved_ban *ret_ban, struct error *error)
{
	char copy[BANS_FILE_LINE], *fields[FIELDS], *cursor = copy;
	struct saved_ban ban = { .until = 0 };
	int count = 0, r;

	snprintf(copy, sizeof(copy), "%s", line);
	while (count < FIELDS && cursor)
		fields[count++] = strsep(&cursor, "\t");
	if (count < FIELDS || cursor)
		return error_set(error, -EINVAL, "a ban has %d fields, apart by tabs", FIELDS);
	r = prefix_parse(fields[FIELD_PREFIX], &ban.prefix, error);
	if (r == 0)
		r = ban_check_prefix(&ban.prefix, error);
	if (r == 0)
		r = parse_times(fields, &ban, error);
	if (r == 0)
		r = parse_origin(fields[FIELD_ORIGIN], &ban.origin, error);
	if (r == 0)
		r = parse_offences(fields[FIELD_OFFENCES], &ban.offences, error);
	if (r == 0)
		r = parse_rest(fields, &ban, error);
	if (r < 0)
		return r;
	*ret_ban = ban;
	return 0;
}

bool saved_ban_left(const struct saved_ban *ban, uint64_t now, uint64_t *ret_left)
{
	uint64_t whole = ban->until - ban->since, left = ban->until - now;

	if (ban->until == SAVED_BAN_NO_END) {
		*ret_left = SAVED_BAN_NO_END;
		return true;
	}
	if (ban->until <= now || !whole)
		return false;
	*ret_left = left < whole ? left : whole;
	return true;
}
