/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter's part of `sumun selftest`: packets of every kind through a filter of its own. */
#pragma once

#include "core/selftest.h"

int filter_selftest(struct selftest *test, struct error *error);

/* ---- for selftest_scene.c: what is sent, and a filter that knows what to do with it ---------- */

#include "modules/filter/store.h"

struct selftest_kind {
	enum filter_reason reason;
	const char *source;
	uint16_t port;  /* UDP, the destination */
	bool malformed; /* an IP version that is none */
};

enum { SELFTEST_KINDS = 14, SELFTEST_FRAME = 96 };
extern const struct selftest_kind selftest_kinds[SELFTEST_KINDS];

/* Ethernet, IP, UDP, some bytes. Returns its size. */
size_t selftest_frame(const struct selftest_kind *kind, uint8_t frame[SELFTEST_FRAME]);

/* A filter that is not pinned, with a policy in force that judges each kind by its reason. */
int selftest_scene(struct store *ret_store, struct error *error);
