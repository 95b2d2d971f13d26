/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loops of bench-calls that are not about calls: each does `count` of what it is named after. */
#pragma once

/* Minor faults of memory that it gives back each time. */
void loop_fault(long count, const char *path);

/* Two threads on one CPU that wait for each other; every switch has a read and a write with it. */
void loop_switch(long count, const char *path);
