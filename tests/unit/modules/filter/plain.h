/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter's tables in plain memory, where tests can see and set everything. */
#pragma once

#include <stdlib.h>

#include "modules/filter/store.h"

struct plain {
	struct filter_globals *globals;
	struct tables tables;
};

static inline void plain_make(struct plain *plain)
{
	plain->globals = aligned_alloc(64, (sizeof(struct filter_globals) + 63) / 64 * 64);
	memset(plain->globals, 0, sizeof(*plain->globals));
	plain->globals->state.seed = 0x9a3c81d24e7f5b63;
	plain->globals->state.cpus = 2;
	plain->globals->state.port_banks = 2;
	plain->tables = (struct tables){
		.state = &plain->globals->state,
		.policies = plain->globals->policies,
		.hints = calloc(HINT_WORDS, sizeof(uint64_t)),
		.bans4 = calloc(BAN4_BUCKETS, sizeof(struct ban4_bucket)),
		.bans6 = calloc(BAN6_BUCKETS, sizeof(struct ban6_bucket)),
		.bans_wide = calloc(BAN_WIDE_BUCKETS, sizeof(struct wide_bucket)),
	};
}

static inline void plain_free(struct plain *plain)
{
	free(plain->globals);
	free(plain->tables.hints);
	free(plain->tables.bans4);
	free(plain->tables.bans6);
	free(plain->tables.bans_wide);
}

static inline struct prefix prefix(const char *text)
{
	struct prefix parsed = {};

	if (prefix_parse(text, &parsed, NULL) < 0)
		fail_msg("'%s' is no prefix", text);
	return parsed;
}

static inline struct address address(const char *text)
{
	return prefix(text).address;
}

/* The first `length` of 128 bits. */
static inline struct prefix network(const char *text, uint8_t length)
{
	struct address whole = address(text);

	return prefix_of(&whole, length);
}

/* As the packet path asks: may something near this address be listed? */
static inline bool hinted(const struct tables *tables, struct address address)
{
	struct filter_key key = key_of(&address);
	uint32_t bit = address_is_v4(&address) ? filter_hint4((uint32_t)key.low)
					       : filter_hint6(key.high, tables->state->seed);

	uint32_t coarse = filter_hint_coarse(bit);

	return tables->hints[bit / 64] >> (bit % 64) & 1 &&
	       tables->hints[coarse / 64] >> (coarse % 64) & 1;
}
