/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An io_uring that opens one file after the other. */
#pragma once

#include <linux/io_uring.h>

struct opening_ring {
	int fd; /* -1: none */
	struct io_uring_params shape;
	char *submitted;
	char *completed;
	struct io_uring_sqe *requests;
};

/* A negative errno where there is none, as where the host forbids it. */
int opening_ring_new(struct opening_ring *ret_ring);
void opening_ring_free(struct opening_ring *ring);

/* The descriptor, or a negative errno. */
int opening_ring_open(struct opening_ring *ring, const char *path, unsigned flags);
