// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/port.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"

static const char *const protocol_names[] = {
	[PORT_TCP] = "tcp",
	[PORT_UDP] = "udp",
};
_Static_assert(ARRAY_SIZE(protocol_names) == PORT_PROTOCOLS, "a name for each protocol");

const char *port_protocol_name(enum port_protocol protocol)
{
	return protocol_names[protocol];
}

static int refuse(const char *text, const char *advice, struct error *error)
{
	char quote[QUOTE_TEXT];

	return error_set(error, -EINVAL, "port %s: %s", text_quote(text, quote), advice);
}

static int take_protocol(const char **cursor, enum port_protocol *ret_protocol)
{
	size_t length = strcspn(*cursor, "/");

	for (int i = 0; i < PORT_PROTOCOLS; i++) {
		if (length == strlen(protocol_names[i]) &&
		    strncasecmp(*cursor, protocol_names[i], length) == 0) {
			*cursor += length + 1;
			*ret_protocol = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int refuse_without_protocol(const char *text, struct error *error)
{
	char quote[QUOTE_TEXT];

	if (!isdigit((unsigned char)*text) || text[strspn(text, "0123456789-")] != '\0')
		return refuse(text, "write it as in tcp/8080, udp/53 or tcp/1025-1099", error);
	/* 11: as long as 65535-65535 */
	return error_set(error, -EINVAL,
			 "port %s: say which protocol, as in tcp/%.11s or udp/%.11s",
			 text_quote(text, quote), text, text);
}

/* -ERANGE when there is a number, but no port's. */
static int take_port(const char **cursor, uint16_t *ret_port)
{
	uint64_t number;
	int r = text_take_number(cursor, PORT_COUNT - 1, &number);

	if (r < 0)
		return r;
	if (number == 0)
		return -ERANGE;
	*ret_port = number;
	return 0;
}

int port_range_parse(const char *text, struct port_range *ret_range, struct error *error)
{
	struct port_range range;
	const char *cursor = text;
	int r;

	if (!strchr(text, '/'))
		return refuse_without_protocol(text, error);
	if (take_protocol(&cursor, &range.protocol) < 0)
		return refuse(text, "the protocol is tcp or udp, as in tcp/8080 or udp/53", error);
	r = take_port(&cursor, &range.first);
	range.last = range.first;
	if (r == 0 && *cursor == '-') {
		cursor++;
		r = take_port(&cursor, &range.last);
	}
	if (r == -ERANGE)
		return refuse(text, "ports go from 1 to 65535", error);
	if (r < 0 || *cursor != '\0')
		return refuse(text,
			      "a port is a plain number, a range is two, as in tcp/8080 or "
			      "tcp/1025-1099",
			      error);
	if (range.last < range.first)
		return refuse(text, "the lower port comes first, as in tcp/1025-1099", error);
	*ret_range = range;
	return 0;
}

const char *port_range_format(const struct port_range *range, char buffer[PORT_RANGE_TEXT])
{
	const char *name = port_protocol_name(range->protocol);

	if (range->first == range->last)
		snprintf(buffer, PORT_RANGE_TEXT, "%s/%u", name, range->first);
	else
		snprintf(buffer, PORT_RANGE_TEXT, "%s/%u-%u", name, range->first, range->last);
	return buffer;
}

void port_set_add(struct port_set *set, const struct port_range *range)
{
	for (uint32_t port = range->first; port <= range->last; port++)
		set->bits[range->protocol][port / 64] |= 1ULL << port % 64;
}

bool port_set_has(const struct port_set *set, enum port_protocol protocol, uint16_t port)
{
	return set->bits[protocol][port / 64] >> port % 64 & 1;
}

/* The first port from `port` on which is in the set or, with `in` false, is not; PORT_COUNT when
 * none. */
static uint32_t find_port(const struct port_set *set, enum port_protocol protocol, uint32_t port,
			  bool in)
{
	while (port < PORT_COUNT && port_set_has(set, protocol, port) != in)
		port++;
	return port;
}

bool port_set_next(const struct port_set *set, enum port_protocol *protocol, uint32_t *port,
		   struct port_range *ret_range)
{
	for (; *protocol < PORT_PROTOCOLS; ++*protocol, *port = 0) {
		uint32_t first = find_port(set, *protocol, *port, true);

		if (first == PORT_COUNT)
			continue;
		*port = find_port(set, *protocol, first, false);
		*ret_range = (struct port_range){
			.protocol = *protocol,
			.first = first,
			.last = *port - 1,
		};
		return true;
	}
	return false;
}
