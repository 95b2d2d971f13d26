// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const uint8_t v4_front[ADDRESS_V4_OFFSET / 8] = { [10] = 0xff, [11] = 0xff };

bool address_is_v4(const struct address *address)
{
	return memcmp(address->bytes, v4_front, sizeof(v4_front)) == 0;
}

bool address_equal(const struct address *a, const struct address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

struct address address_from_v4(uint32_t network_order)
{
	struct address address;

	memcpy(address.bytes, v4_front, sizeof(v4_front));
	memcpy(address.bytes + sizeof(v4_front), &network_order, sizeof(network_order));
	return address;
}

uint32_t address_v4(const struct address *address)
{
	uint32_t network_order;

	memcpy(&network_order, address->bytes + sizeof(v4_front), sizeof(network_order));
	return network_order;
}

struct address address_from_v6(const void *sixteen_bytes)
{
	struct address address;

	memcpy(address.bytes, sixteen_bytes, sizeof(address.bytes));
	return address;
}

static bool read_address(const char *text, struct address *ret_address)
{
	uint8_t v6[16];
	uint32_t v4;

	if (inet_pton(AF_INET, text, &v4) == 1)
		*ret_address = address_from_v4(v4);
	else if (inet_pton(AF_INET6, text, v6) == 1)
		*ret_address = address_from_v6(v6);
	else
		return false;
	return true;
}

static int refuse_address(const char *text, struct error *error)
{
	const char *advice = "write it as in 192.0.2.1 or 2001:db8::1";
	char quote[QUOTE_TEXT];

	if (strchr(text, '%'))
		advice = "leave out the zone, the part from % on";
	else if (!strchr(text, ':') && text[strspn(text, "0123456789.")] == '\0' && *text)
		advice = "an IPv4 address is four numbers from 0 to 255 without leading zeros, "
			 "as in 192.0.2.1";
	return error_set(error, -EINVAL, "address %s: %s", text_quote(text, quote), advice);
}

int address_parse(const char *text, struct address *ret_address, struct error *error)
{
	char quote[QUOTE_TEXT];

	if (strchr(text, '/'))
		return error_set(error, -EINVAL,
				 "address %s: one address is wanted here, not a network; "
				 "leave out the length",
				 text_quote(text, quote));
	if (!read_address(text, ret_address))
		return refuse_address(text, error);
	return 0;
}

/* The length as typed, counted from the front of the address's own family. */
static int parse_length(const char *text, unsigned int longest, uint8_t *ret_length)
{
	uint64_t length;

	if (text_take_number(&text, longest, &length) < 0 || *text != '\0')
		return -EINVAL;
	*ret_length = length;
	return 0;
}

static int refuse_host_bits(const char *text, const struct prefix *meant, struct error *error)
{
	char quote[QUOTE_TEXT], network[PREFIX_TEXT];

	return error_set(error, -EINVAL, "network %s: bits are set behind the length; meant is %s?",
			 text_quote(text, quote), prefix_format(meant, network));
}

int prefix_parse(const char *text, struct prefix *ret_prefix, struct error *error)
{
	size_t address_length = strcspn(text, "/");
	char address_text[ADDRESS_TEXT], quote[QUOTE_TEXT];
	uint8_t offset, length;
	struct address address;
	struct prefix prefix;

	if (address_length >= sizeof(address_text))
		return refuse_address(text, error);
	memcpy(address_text, text, address_length);
	address_text[address_length] = '\0';
	if (!read_address(address_text, &address))
		return refuse_address(address_text, error);

	/* By the text, not by the address: ::ffff:192.0.2.0/120 has an IPv6 length. */
	offset = strchr(address_text, ':') ? 0 : ADDRESS_V4_OFFSET;
	length = ADDRESS_BITS - offset;
	if (text[address_length] == '/' &&
	    parse_length(text + address_length + 1, length, &length) < 0)
		return error_set(error, -EINVAL, "network %s: the length goes from 0 to %d",
				 text_quote(text, quote), ADDRESS_BITS - offset);

	prefix = prefix_of(&address, offset + length);
	if (!address_equal(&prefix.address, &address))
		return refuse_host_bits(text, &prefix, error);
	*ret_prefix = prefix;
	return 0;
}

bool prefix_is_host(const struct prefix *prefix)
{
	return prefix->length == ADDRESS_BITS;
}

bool prefix_is_v4(const struct prefix *prefix)
{
	/* Bits behind the length are zero, so ::ffff: in front means 96 of them at least. */
	return address_is_v4(&prefix->address);
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->length == b->length && address_equal(&a->address, &b->address);
}

bool prefix_contains(const struct prefix *prefix, const struct address *address)
{
	struct prefix around = prefix_of(address, prefix->length);

	return prefix_equal(&around, prefix) && prefix_is_v4(prefix) == address_is_v4(address);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	/* Two networks are apart or one holds the other, and with it the other's first address. */
	return a->length <= b->length ? prefix_contains(a, &b->address)
				      : prefix_contains(b, &a->address);
}

struct prefix prefix_of(const struct address *address, uint8_t length)
{
	struct prefix prefix = { .address = *address, .length = length };

	for (int i = 0; i < 16; i++) {
		int kept = length - 8 * i;

		if (kept <= 0)
			prefix.address.bytes[i] = 0;
		else if (kept < 8)
			prefix.address.bytes[i] &= 0xff << (8 - kept);
	}
	return prefix;
}

const char *address_format(const struct address *address, char buffer[ADDRESS_TEXT])
{
	uint32_t v4 = address_v4(address);

	if (address_is_v4(address))
		return inet_ntop(AF_INET, &v4, buffer, ADDRESS_TEXT);
	return inet_ntop(AF_INET6, address->bytes, buffer, ADDRESS_TEXT);
}

const char *prefix_format(const struct prefix *prefix, char buffer[PREFIX_TEXT])
{
	int offset = prefix_is_v4(prefix) ? ADDRESS_V4_OFFSET : 0;
	size_t length;

	address_format(&prefix->address, buffer);
	if (prefix_is_host(prefix))
		return buffer;
	length = strlen(buffer);
	snprintf(buffer + length, PREFIX_TEXT - length, "/%d", prefix->length - offset);
	return buffer;
}
