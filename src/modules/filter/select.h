/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which events `sumun events` is asked for. An event that lacks what is asked for, as a full
 * table lacks a source, is none of them.
 */
#pragma once

#include <stdbool.h>

#include "base/address.h"
#include "base/port.h"
#include "core/arguments.h"
#include "modules/filter/describe.h"

struct selection {
	uint32_t reasons; /* a bit each, SIGHT_WATCHED among them; 0: all */
	uint32_t kinds;   /* a bit each of enum told_kind; 0: all */
	bool has_source;
	struct prefix source;
	bool has_port;
	struct port_range port; /* of destinations */
};

/* From --reason, --kind, --source and --port. An unknown name is refused with those there are. */
int select_parse(const struct arguments *arguments, struct selection *ret_selection,
		 struct error *error);

bool select_event(const struct selection *selection, const struct filter_event *event);

/* The count of what followed from a source; a count knows no port. */
bool select_repeat(const struct selection *selection, uint32_t reason, struct filter_key source);

/* The count of all other sources. */
bool select_rest(const struct selection *selection, uint32_t reason);

enum { SELECTION_TEXT = 512 };

/* "all events", "events of kind ban, scan from 10.0.0.0/8". */
const char *select_text(const struct selection *selection, char buffer[SELECTION_TEXT]);
