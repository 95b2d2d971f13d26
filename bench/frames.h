/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packets that are measured: what each is, and what a filter with rules.h must do with it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

enum { FRAME_MAX = 128 };

enum frame_source {
	SOURCE_STRANGER,    /* in no list, and nothing near it is */
	SOURCE_NEIGHBOUR,   /* same /24 or /48 as a banned address */
	SOURCE_ONE_BANNED,  /* always the same banned address */
	SOURCE_EACH_BANNED, /* all the banned addresses */
	SOURCE_GUARDED,     /* the resolver that sumun guards; nobody in particular to the others */
};

struct frame_kind {
	const char *name;
	bool v6;
	uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t tags;     /* VLAN tags in front */
	enum frame_source source;
	bool blocked_port;
	bool drop; /* what a filter must do with it */
	/* Where these are set, they count instead of what the fields above say. */
	const struct address *from;
	uint16_t to_port;
	bool syn; /* TCP: a SYN, else an ACK */
};

/* How many different frames this kind has. */
size_t frame_variants(const struct frame_kind *kind);

/* Writes variant `which` with right lengths and checksums; returns the bytes written. */
size_t frame_build(const struct frame_kind *kind, size_t which, const uint8_t destination[6],
		   uint8_t buffer[FRAME_MAX]);
