/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports as people type them: tcp/8080, udp/53, tcp/1025-1099. Host byte order everywhere. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum port_protocol {
	PORT_TCP,
	PORT_UDP,
	PORT_PROTOCOLS,
};

enum { PORT_COUNT = 65536, PORT_RANGE_TEXT = 24 };

struct port_range {
	enum port_protocol protocol;
	uint16_t first; /* 1..65535 */
	uint16_t last;  /* >= first */
};

const char *port_protocol_name(enum port_protocol protocol); /* "tcp", "udp" */

/* One range. -EINVAL says what is wrong and shows the form that is wanted. Upper or lower case. */
int port_range_parse(const char *text, struct port_range *ret_range, struct error *error);
const char *port_range_format(const struct port_range *range, char buffer[PORT_RANGE_TEXT]);

/* A set of ports: one bit a port, a row a protocol. */
struct port_set {
	uint64_t bits[PORT_PROTOCOLS][PORT_COUNT / 64];
};

void port_set_add(struct port_set *set, const struct port_range *range);
bool port_set_has(const struct port_set *set, enum port_protocol protocol, uint16_t port);

/*
 * The next maximal range at or behind {*protocol,*port}, which moves behind it; false when
 * there is none. Start with 0, 0.
 */
bool port_set_next(const struct port_set *set, enum port_protocol *protocol, uint32_t *port,
		   struct port_range *ret_range);
