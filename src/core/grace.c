/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/grace.h"

void grace_period(void)
{
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}
