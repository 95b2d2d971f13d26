/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network namespace with nothing in it but a cable (a pair of veth) whose ends are up, where
 * nobody speaks unasked. The calling process moves there for good, and the cable goes with its
 * last process; so a child does this.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CABLE_NEAR "near"
#define CABLE_FAR  "far"

/* 0 or a negative errno; -EPERM without CAP_SYS_ADMIN or CAP_NET_ADMIN. */
int cable_make(void);

/* A socket that sends whole frames from the far end; -EPERM without CAP_NET_RAW. */
int cable_socket(int *ret_fd);

/*
 * Sends a frame so many times, no faster than they are received. -ETIMEDOUT when they do not
 * arrive at the near end.
 */
int cable_send(int fd, const void *frame, size_t size, uint64_t count);

/* What the kernel counted at the near end. */
struct cable_counters {
	uint64_t packets; /* rx_packets */
	uint64_t bytes;   /* rx_bytes */
	uint64_t drops;   /* by XDP in the driver, of all queues; when `drops_known` */
	bool drops_known;
};
int cable_count(struct cable_counters *ret_counters);
