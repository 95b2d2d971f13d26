/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/port.h"
#include "base/text.h"
#include "modules/egress/destination.h"

enum { WORD_MAX = 80, PORTS_MAX = 24 };

#define BOTH (EGRESS_TCP | EGRESS_UDP)

static const uint8_t bits[PORT_PROTOCOLS] = { [PORT_TCP] = EGRESS_TCP, [PORT_UDP] = EGRESS_UDP };

/* ---- reading ------------------------------------------------------------------------------ */

static bool begins_with_protocol(const char *text)
{
	return strncasecmp(text, "tcp/", 4) == 0 || strncasecmp(text, "udp/", 4) == 0;
}

static int parse_ports(const char *text, struct destination *destination, struct error *error)
{
	char both[PORTS_MAX + sizeof("tcp/")];
	bool one = begins_with_protocol(text);
	struct port_range range;
	int r;

	snprintf(both, sizeof(both), "tcp/%.*s", PORTS_MAX, text);
	r = port_range_parse(one ? text : both, &range, error);
	if (r < 0)
		return r;
	destination->protocols = one ? bits[range.protocol] : BOTH;
	destination->first = range.first;
	destination->last = range.last;
	return 0;
}

/* What stands behind the address: "" or ":443". */
static int parse_rest(const char *text, const char *rest, struct destination *destination,
		      struct error *error)
{
	char quoted[QUOTE_TEXT];

	if (!*rest)
		return 0;
	if (*rest != ':')
		return error_set(error, -EINVAL,
				 "%s: behind ']' comes nothing, or a port, as in "
				 "[2001:db8::/32]:443",
				 text_quote(text, quoted));
	return parse_ports(rest + 1, destination, error);
}

int destination_parse(const char *text, struct destination *ret_destination, struct error *error)
{
	struct destination destination = { .anywhere = begins_with_protocol(text) };
	const char *colon = strchr(text, ':'), *bracket = *text == '[' ? strchr(text, ']') : NULL;
	char address[WORD_MAX], quoted[QUOTE_TEXT];
	size_t begin = bracket != NULL, length = strlen(text);
	const char *rest = text + length;
	int r;

	if (destination.anywhere) {
		r = parse_ports(text, &destination, error);
	} else {
		if (bracket)
			rest = bracket + 1;
		/* More than one colon is of IPv6, and none of them begins a port. */
		else if (colon && !strchr(colon + 1, ':'))
			rest = colon;
		length = (size_t)(rest - text) - 2 * begin;
		if (length >= WORD_MAX)
			return error_set(error, -EINVAL, "%s is no address",
					 text_quote(text, quoted));
		memcpy(address, text + begin, length);
		address[length] = '\0';
		r = prefix_parse(address, &destination.prefix, error);
		if (r == 0)
			r = parse_rest(text, rest, &destination, error);
	}
	if (r == 0)
		*ret_destination = destination;
	return r;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void format_ports(const struct destination *destination, char buffer[PORT_RANGE_TEXT])
{
	const struct port_range range = {
		.protocol = destination->protocols == EGRESS_UDP ? PORT_UDP : PORT_TCP,
		.first = destination->first,
		.last = destination->last,
	};

	port_range_format(&range, buffer);
	if (destination->protocols == BOTH)
		memmove(buffer, buffer + strlen("tcp/"), strlen(buffer + strlen("tcp/")) + 1);
}

const char *destination_format(const struct destination *destination, char buffer[DESTINATION_TEXT])
{
	char prefix[PREFIX_TEXT], ports[PORT_RANGE_TEXT] = "";
	bool brackets = destination->protocols && !prefix_is_v4(&destination->prefix);

	if (destination->protocols)
		format_ports(destination, ports);
	if (destination->anywhere)
		snprintf(buffer, DESTINATION_TEXT, "%s", ports);
	else
		snprintf(buffer, DESTINATION_TEXT, "%s%s%s%s%s", brackets ? "[" : "",
			 prefix_format(&destination->prefix, prefix), brackets ? "]" : "",
			 *ports ? ":" : "", ports);
	return buffer;
}

/* ---- rules -------------------------------------------------------------------------------- */

static void set_mask(uint8_t length, __u64 mask[2])
{
	uint8_t bytes[sizeof(struct address)] = { 0 };

	for (unsigned i = 0; i < length; i++)
		bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
	memcpy(mask, bytes, sizeof(bytes));
}

static void set_rule(const struct destination *destination, const struct prefix *prefix, bool deny,
		     struct egress_rule *ret_rule)
{
	*ret_rule = (struct egress_rule){
		.first = destination->first,
		.last = destination->last,
		.protocols = destination->protocols,
		.v4 = prefix_is_v4(prefix),
		.deny = deny,
	};
	memcpy(ret_rule->address, prefix->address.bytes, sizeof(ret_rule->address));
	set_mask(prefix->length, ret_rule->mask);
}

size_t destination_rules(const struct destination *destination, bool deny,
			 struct egress_rule rules[2])
{
	const struct address zero = address_from_v4(0);
	const struct prefix v4 = prefix_of(&zero, ADDRESS_V4_OFFSET), v6 = { .length = 0 };

	if (!destination->anywhere) {
		set_rule(destination, &destination->prefix, deny, &rules[0]);
		return 1;
	}
	set_rule(destination, &v4, deny, &rules[0]);
	set_rule(destination, &v6, deny, &rules[1]);
	rules[0].anywhere = 1;
	rules[1].anywhere = 2;
	return 2;
}

bool destination_of_rule(const struct egress_rule *rule, struct destination *ret_destination)
{
	struct destination destination = { .anywhere = rule->anywhere,
					   .protocols = rule->protocols,
					   .first = rule->first,
					   .last = rule->last };

	memcpy(destination.prefix.address.bytes, rule->address, sizeof(rule->address));
	destination.prefix.length = (uint8_t)(__builtin_popcountll(rule->mask[0]) +
					      __builtin_popcountll(rule->mask[1]));
	*ret_destination = destination;
	return rule->anywhere != 2;
}
