/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs of traffic.bpf.c are told by those who run them. */
#pragma once

/*
 * How many sources: enough to touch every line of a filter's tables, and no more, so that
 * reading them takes no room in the last cache from the filter.
 */
enum { AIMS4 = 1 << 18, AIMS6 = 1 << 17 };

enum aim {
	AIM_ONE,     /* the source that the frame has */
	AIM_LISTED4, /* one after the other of the map aims4, each frame another */
	AIM_LISTED6,
	AIM_SPREAD4, /* one of `spread`, at random, in 16.0.0.0/5 */
};

/* AIM_SPREAD4 numbers its sources with so many bits. */
enum { SPREAD_BITS = 27 };
