/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events of the rings, and the counts that follow them, as records: what each way of
 * writing (text, JSON, CSV) shows is decided here once.
 */
#pragma once

#include <stdbool.h>

#include "core/record.h"
#include "modules/filter/filter.h"
#include "modules/filter/store.h"

/* What people call the kinds of events, `sumun events --kind`. */
enum told_kind {
	TOLD_PACKET, /* dropped, or would be */
	TOLD_BAN,
	TOLD_SCAN,
	TOLD_FULL,
	TOLD_WATCH, /* a packet to a watched port */
	TOLD_KINDS
};

const char *told_kind_name(enum told_kind kind);

/* TOLD_KINDS when it is of no kind that we know: a program of another version sent it. */
enum told_kind describe_kind(const struct filter_event *event);

/* The name of a reason or of SIGHT_WATCHED. */
const char *sight_name(uint32_t reason);

/* An event of a kind that describe_kind() knows. */
void describe_event(const struct store *store, const struct filter_event *event,
		    struct record *ret_record);

/* Once a second: what followed from one source, and from all others together. */
struct told_count {
	uint32_t reason; /* or SIGHT_WATCHED */
	bool dropped;
	uint64_t packets;
	uint64_t bytes;
	struct filter_key source;
};
void describe_repeat(const struct told_count *count, struct record *ret_record);
void describe_rest(const struct told_count *count, struct record *ret_record);

/* Bans, scans and full tables that were more than a person can read in a second. */
void describe_notices(uint64_t count, struct record *ret_record);

/* "bans4", ...; what a table holds, and what happens when it is full. */
const char *filter_table_name(enum filter_table table);
const char *filter_table_holds(enum filter_table table);
const char *filter_table_when_full(enum filter_table table);
