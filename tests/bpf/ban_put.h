/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a test asks of the programs in ban_put.bpf.c. */
#pragma once

#include "modules/filter/filter.h"

/* Ticks are what is written into the state's tick_offset, shifted by this: jiffies are below. */
enum { TEST_TICK_SHIFT = 40 };

struct put_request {
	struct filter_key key;
	__u32 length; /* as in struct filter_ban_key */
	__u32 end;
	__u32 times; /* up to PUT_TIMES, each ending a tick later */
	__s32 result;
};
enum { PUT_TIMES = 256 };
