/* SPDX-License-Identifier: GPL-2.0-or-later */
/* By system calls, because nothing else here needs a library for it. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "modules/opens/selftest_ring.h"

enum { ENTRIES = 1, PAGE = 4096 }; /* what a ring of one entry needs is less than a page each */

static void *map(const struct opening_ring *ring, long offset)
{
	void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, offset);

	return memory == MAP_FAILED ? NULL : memory;
}

int opening_ring_new(struct opening_ring *ret_ring)
{
	struct opening_ring ring = { .fd = -1 };

	ring.fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &ring.shape);
	if (ring.fd < 0)
		return -errno;
	ring.submitted = map(&ring, IORING_OFF_SQ_RING);
	ring.completed = map(&ring, IORING_OFF_CQ_RING);
	ring.requests = map(&ring, (long)IORING_OFF_SQES);
	if (!ring.submitted || !ring.completed || !ring.requests) {
		opening_ring_free(&ring);
		return -ENOMEM;
	}
	*ret_ring = ring;
	return 0;
}

void opening_ring_free(struct opening_ring *ring)
{
	if (ring->fd < 0)
		return;
	if (ring->submitted)
		munmap(ring->submitted, PAGE);
	if (ring->completed)
		munmap(ring->completed, PAGE);
	if (ring->requests)
		munmap(ring->requests, PAGE);
	close(ring->fd);
	ring->fd = -1;
}

static unsigned *at(char *memory, unsigned offset)
{
	return (unsigned *)(memory + offset);
}

int opening_ring_open(struct opening_ring *ring, const char *path, unsigned flags)
{
	unsigned *tail = at(ring->submitted, ring->shape.sq_off.tail);
	unsigned *head = at(ring->completed, ring->shape.cq_off.head);
	const struct io_uring_cqe *results =
		(const void *)(ring->completed + ring->shape.cq_off.cqes);
	int result;

	ring->requests[0] = (struct io_uring_sqe){ .opcode = IORING_OP_OPENAT,
						   .fd = AT_FDCWD,
						   .addr = (uintptr_t)path,
						   .open_flags = flags };
	at(ring->submitted, ring->shape.sq_off.array)[0] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	result = results[*head & (ring->shape.cq_entries - 1)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}
