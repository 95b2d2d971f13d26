/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/duration.h"
#include "core/grace.h"

/*
 * A kernel whose CPUs can run without a tick (nohz_full) refuses. Programs are not preempted and
 * end within microseconds, so there a time follows in which every one of them has.
 */
enum { REFUSED_MS = 200 };

void grace_period(void)
{
	const struct timespec long_enough = { .tv_nsec = REFUSED_MS * (long)NSEC_PER_MSEC };

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
		nanosleep(&long_enough, NULL);
}
