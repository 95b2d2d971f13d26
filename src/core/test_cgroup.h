/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cgroup of cgroup2 for a selftest, in which nobody else is. Unlike programs and network
 * namespaces the kernel would not take it away, so a process waits to do that, whatever becomes of
 * the one that made it.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "core/pins.h"

struct test_cgroup {
	char path[PINS_PATH]; /* of its directory */
	int fd;               /* of the same */
	uint64_t id;
	int held; /* once it is closed, the process that waits takes the cgroup away */
	pid_t keeper;
};

#define TEST_CGROUP_NONE                           \
	{                                          \
		.fd = -1, .held = -1, .keeper = -1 \
	}

/* -ENOENT without cgroup2, -EACCES and the like, with the reason. */
int test_cgroup_make(struct test_cgroup *ret_cgroup, struct error *error);

/*
 * Runs `act` in a child that enters it first, and waits until that has ended, and for a grace
 * period: then its last switch was counted. `act` returns 0, and makes no system call that it does
 * not mean. -ECHILD when it failed.
 */
int test_cgroup_run(const struct test_cgroup *cgroup, int (*act)(void *context), void *context,
		    struct error *error);

/* Everything in it is killed. A second time is fine. */
void test_cgroup_free(struct test_cgroup *cgroup);

#define CLEANUP_TEST_CGROUP __attribute__((cleanup(test_cgroup_free)))
