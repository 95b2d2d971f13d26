// SPDX-License-Identifier: GPL-2.0-or-later
#include "fuzz.h"

#include "base/port.h"
#include "base/text.h"

static bool fuzz_range(const char *text, struct port_range *ret_range)
{
	char buffer[PORT_RANGE_TEXT];
	struct port_range again;
	struct error error = {};
	int r = port_range_parse(text, ret_range, &error);

	if (r < 0) {
		require_refusal(r, &error);
		return false;
	}
	require(ret_range->protocol < PORT_PROTOCOLS);
	require(ret_range->first >= 1 && ret_range->first <= ret_range->last);
	require(port_range_parse(port_range_format(ret_range, buffer), &again, NULL) == 0);
	require(again.protocol == ret_range->protocol && again.first == ret_range->first &&
		again.last == ret_range->last);
	/* One way to write each, but for 7-7 and the case. */
	require(strcasecmp(buffer, text) == 0 ||
		(ret_range->first == ret_range->last && strchr(text, '-')));
	return true;
}

/* The walk's ranges make the same set again, and none touches the next. */
static void fuzz_walk(const struct port_set *set)
{
	enum port_protocol protocol = PORT_TCP;
	static struct port_set again;
	struct port_range range;
	uint32_t port = 0;

	memset(&again, 0, sizeof(again));
	while (port_set_next(set, &protocol, &port, &range)) {
		require(!port_set_has(&again, range.protocol, range.first - 1));
		port_set_add(&again, &range);
	}
	require(memcmp(set, &again, sizeof(again)) == 0);
}

static void fuzz_text(const char *text)
{
	static struct port_set set;
	CLEANUP_FREE char *words = strdup(text);
	char *cursor = words, *word;
	struct port_range range;
	bool any = false;

	memset(&set, 0, sizeof(set));
	fuzz_range(text, &range);
	for (int i = 0; i < 8 && (word = text_next_word(&cursor)); i++) {
		if (fuzz_range(word, &range)) {
			port_set_add(&set, &range);
			any = true;
		}
	}
	if (any)
		fuzz_walk(&set);
}
