/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random frames: mostly right, often near the edges of what is right, and some mutilated. */
#pragma once

#include "plan.h"

struct traffic {
	const struct pool *pool;
	size_t hot; /* addresses that most packets come from */
	struct pool_address hot_address[HOT_MAX];
	uint32_t large; /* one in so many is large */
};

void traffic_begin(struct traffic *traffic, struct dice *dice, const struct pool *pool);
void random_frame(struct frame *frame, struct dice *dice, const struct traffic *traffic);
