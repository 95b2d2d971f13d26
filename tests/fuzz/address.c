// SPDX-License-Identifier: GPL-2.0-or-later
#include "fuzz.h"

#include "base/address.h"

static void fuzz_address(const char *text)
{
	struct address address, again;
	char buffer[ADDRESS_TEXT];
	struct error error = {};
	int r = address_parse(text, &address, &error);

	if (r < 0) {
		require_refusal(r, &error);
		return;
	}
	require(address_parse(address_format(&address, buffer), &again, NULL) == 0);
	require(address_equal(&address, &again));
	require(address_is_v4(&address) == !strchr(buffer, ':'));
}

static void fuzz_prefix(const char *text)
{
	struct prefix prefix, again, masked;
	char buffer[PREFIX_TEXT];
	struct error error = {};
	int r = prefix_parse(text, &prefix, &error);

	if (r < 0) {
		require_refusal(r, &error);
		return;
	}
	require(prefix.length <= ADDRESS_BITS);
	require(prefix_parse(prefix_format(&prefix, buffer), &again, NULL) == 0);
	require(prefix_equal(&prefix, &again));
	masked = prefix_of(&prefix.address, prefix.length);
	require(prefix_equal(&prefix, &masked));
	require(prefix_contains(&prefix, &prefix.address));
	require(prefix_overlaps(&prefix, &masked));
	require(prefix_is_v4(&prefix) == !strchr(buffer, ':'));
	require(prefix_is_host(&prefix) == !strchr(buffer, '/'));
}

static void fuzz_text(const char *text)
{
	struct address address;
	struct prefix prefix;

	fuzz_address(text);
	fuzz_prefix(text);
	/* Every address is a prefix as well. */
	if (address_parse(text, &address, NULL) == 0)
		require(prefix_parse(text, &prefix, NULL) == 0 && prefix_is_host(&prefix));
}
