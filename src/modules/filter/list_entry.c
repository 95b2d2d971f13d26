// SPDX-License-Identifier: GPL-2.0-or-later
#include "modules/filter/list_entry.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct list_entry list_entry_of(const struct prefix *prefix)
{
	uint64_t halves[2];
	struct list_entry entry = { .v4 = prefix_is_v4(prefix) };

	memcpy(halves, prefix->address.bytes, sizeof(halves));
	entry.first = (uint128)be64toh(halves[0]) << 64 | be64toh(halves[1]);
	if (entry.v4)
		entry.first = (uint32_t)entry.first;
	entry.last = entry.first;
	if (prefix->length == 0)
		entry.last = ~(uint128)0;
	else
		entry.last |= ((uint128)1 << (ADDRESS_BITS - prefix->length)) - 1;
	return entry;
}

/* ---- an entry in its common forms -------------------------------------------------- */

/*
 * These take what is written as most lists write it, and leave all else, right or wrong,
 * to base/address.c. NULL then, else the place behind what was read.
 */

static const char *scan_number(const char *p, const char *end, unsigned max, unsigned *ret_number)
{
	unsigned number = 0, digit, digits = 0;

	while (p + digits < end && digits < 3 && (digit = (unsigned)p[digits] - '0') < 10) {
		number = 10 * number + digit;
		digits++;
	}
	if (digits == 0 || number > max || (digits > 1 && *p == '0'))
		return NULL;
	*ret_number = number;
	return p + digits;
}

static const char *scan_v4(const char *p, const char *end, uint32_t *ret_address)
{
	uint32_t address = 0;

	for (int i = 0; i < 4; i++) {
		unsigned byte;

		if (i > 0 && (p == end || *p++ != '.'))
			return NULL;
		p = scan_number(p, end, 255, &byte);
		if (!p)
			return NULL;
		address = address << 8 | byte;
	}
	*ret_address = address;
	return p;
}

static unsigned hexadecimal(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
}

/* Up to four digits; the place where it began when there is none. */
static const char *scan_group(const char *p, const char *end, unsigned *ret_group)
{
	unsigned group = 0, digit;

	for (int i = 0; i < 4 && p < end && (digit = hexadecimal(*p)) < 16; i++, p++)
		group = group << 4 | digit;
	*ret_group = group;
	return p;
}

/* Groups of hexadecimal digits with at most one "::"; nothing that ends as IPv4. */
static const char *scan_v6(const char *p, const char *end, uint128 *ret_address)
{
	uint128 address = 0, front = 0;
	int groups = 0, gap = -1;

	while (groups < 8) {
		const char *begin = p;
		unsigned group;

		if (end - p >= 2 && p[0] == ':' && p[1] == ':' && gap < 0) {
			gap = groups;
			front = address;
			address = 0;
			begin = p += 2;
		} else if (groups > 0) {
			if (p == end || *p != ':')
				break;
			begin = ++p;
		}
		p = scan_group(p, end, &group);
		if (p == begin) {
			if (gap == groups)
				break; /* "::" at the end */
			return NULL;
		}
		address = address << 16 | group;
		groups++;
	}
	if (gap < 0 ? groups < 8 : groups > 7)
		return NULL;
	if (gap > 0)
		address |= front << (16 * (8 - gap));
	if (address >> 32 == 0xffff)
		return NULL;
	*ret_address = address;
	return p;
}

/* "/LENGTH", "-LAST" or nothing behind an IPv4 address. */
static const char *scan_rest4(const char *p, const char *end, struct list_entry *entry)
{
	unsigned length;
	uint32_t last;

	if (p < end && *p == '-') {
		p = scan_v4(p + 1, end, &last);
		if (!p || last < entry->first)
			return NULL;
		entry->last = last;
	} else if (p < end && *p == '/') {
		p = scan_number(p + 1, end, 32, &length);
		if (!p)
			return NULL;
		last = length ? (uint32_t)((1ULL << (32 - length)) - 1) : UINT32_MAX;
		if (entry->first & last)
			return NULL;
		entry->last = entry->first | last;
	}
	return p;
}

static const char *scan_rest6(const char *p, const char *end, struct list_entry *entry)
{
	unsigned length;
	uint128 last;

	if (p == end || *p != '/')
		return p;
	p = scan_number(p + 1, end, 128, &length);
	if (!p)
		return NULL;
	last = length ? ((uint128)1 << (128 - length)) - 1 : ~(uint128)0;
	if (entry->first & last)
		return NULL;
	entry->last = entry->first | last;
	return p;
}

const char *list_entry_scan(const char *p, const char *end, struct list_entry *ret_entry)
{
	struct list_entry entry = {};
	const char *behind;
	uint32_t v4;

	behind = scan_v4(p, end, &v4);
	if (behind) {
		entry = (struct list_entry){ true, v4, v4 };
		behind = scan_rest4(behind, end, &entry);
	} else {
		behind = scan_v6(p, end, &entry.first);
		if (!behind)
			return NULL;
		entry.last = entry.first;
		behind = scan_rest6(behind, end, &entry);
	}
	if (behind)
		*ret_entry = entry;
	return behind;
}

/* ---- an entry in any form ------------------------------------------------------------ */

static char *trim(char *text)
{
	size_t length;

	text += strspn(text, LIST_BLANKS);
	length = strlen(text);
	while (length > 0 && strchr(LIST_BLANKS, text[length - 1]))
		text[--length] = '\0';
	return text;
}

static int read_range(const char *text, const char *dash, struct list_entry *ret_entry,
		      struct error *error)
{
	char first_text[LIST_ENTRY_SIZE], last_text[LIST_ENTRY_SIZE], quote[QUOTE_TEXT];
	struct prefix first = { .length = ADDRESS_BITS }, last = first;
	struct list_entry entry, end;
	int r;

	snprintf(first_text, sizeof(first_text), "%.*s", (int)(dash - text), text);
	snprintf(last_text, sizeof(last_text), "%s", dash + 1);
	r = address_parse(trim(first_text), &first.address, error);
	if (r < 0)
		return r;
	r = address_parse(trim(last_text), &last.address, error);
	if (r < 0)
		return r;
	entry = list_entry_of(&first);
	end = list_entry_of(&last);
	if (entry.v4 != end.v4 || entry.first > end.last)
		return error_set(error, -EINVAL, "range %s: it ends before it begins",
				 text_quote(text, quote));
	entry.last = end.last;
	*ret_entry = entry;
	return 0;
}

int list_entry_read(const char *text, struct list_entry *ret_entry, struct error *error)
{
	const char *dash = strchr(text, '-');
	struct prefix prefix;
	int r;

	if (dash)
		return read_range(text, dash, ret_entry, error);
	r = prefix_parse(text, &prefix, error);
	if (r < 0)
		return r;
	*ret_entry = list_entry_of(&prefix);
	return 0;
}
