// SPDX-License-Identifier: GPL-2.0-or-later
/* A line of the file of bans: what is read is written and reads back to the same. */
#include "modules/filter/saved_ban.h"
#include "modules/filter/tables.h"

#define FUZZ_BYTES
#include "fuzz.h"

static void require_same(const struct saved_ban *a, const struct saved_ban *b)
{
	/* Times are written in milliseconds. */
	require(a->since / 1000000 == b->since / 1000000);
	require(a->until / 1000000 == b->until / 1000000 || a->until == SAVED_BAN_NO_END);
	require((a->until == SAVED_BAN_NO_END) == (b->until == SAVED_BAN_NO_END));
	require(prefix_equal(&a->prefix, &b->prefix));
	require(a->origin == b->origin && a->offences == b->offences && a->forced == b->forced);
	require(memcmp(a->why, b->why, sizeof(a->why)) == 0);
}

static void require_sense(const struct saved_ban *ban)
{
	uint64_t left;

	require(ban_check_prefix(&ban->prefix, NULL) == 0);
	require(ban->since <= ban->until);
	require(ban->origin < ORIGIN_COUNT && ban->origin != ORIGIN_CONFIG);
	require(memchr(ban->why, '\0', sizeof(ban->why)));
	if (ban->until != SAVED_BAN_NO_END && saved_ban_left(ban, ban->since / 2, &left))
		require(left <= ban->until - ban->since);
}

static void fuzz_bytes(const char *line, size_t size)
{
	char text[BANS_FILE_LINE], again_text[BANS_FILE_LINE];
	struct saved_ban ban = { .until = 0 }, again = { .until = 0 };
	struct error error = { "" };
	int r = saved_ban_parse(line, &ban, &error);

	if (r < 0) {
		require_refusal(r, &error);
		return;
	}
	require_sense(&ban);
	require(strlen(saved_ban_format(&ban, text)) < BANS_FILE_LINE - 1);
	require(!strpbrk(text, "\n\r"));
	require(saved_ban_parse(text, &again, NULL) == 0);
	require_same(&ban, &again);
	require(strcmp(saved_ban_format(&again, again_text), text) == 0);
}
